"""Simulated cells held against the real VGG cells."""

from _job import plan_of, run


def work():
    from dotbench.data.dataset import Dataset
    from dotbench.report.likeness import figure_likeness

    layout = plan_of(snakemake).layout
    sets = (Dataset.open(layout.dataset(id)) for id in ("sim2d", "vgg"))
    simulated, real = (
        ([data.image(id) for id in data.ids], [data.dots(id) for id in data.ids]) for data in sets
    )
    figure_likeness(simulated, real, snakemake.output[0])


run(snakemake, work)
