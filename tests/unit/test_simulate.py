"""The simulators: deterministic, true to what they promise, and like the images they imitate."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import ks_2samp

from dotbench.cards import load_dataset
from dotbench.cards.dataset import DatasetCard
from dotbench.data.readers import sim2d as reader2d
from dotbench.data.readers import sim3d as reader3d
from dotbench.data.readers import vgg
from dotbench.data.simulate import sim2d, sim3d
from dotbench.errors import UserError
from dotbench.report.likeness import Likeness, Looks, figure_likeness

SMALL = [(sim2d, sim2d.Options()), (sim3d, sim3d.Options())]
EVERY = pytest.mark.parametrize(("module", "options"), SMALL, ids=["2d", "3d"])


def changed(options, **values):
    return type(options)(**{"preset": options.preset, **values})


def exactly(number):
    return {"mean": number, "sd": 0, "low": 0, "high": 1000}


def content(made):
    return hashlib.sha256(made.image.tobytes() + made.mask.tobytes() + made.dots.tobytes()).hexdigest()


@EVERY
def test_image_depends_on_seed_and_index_alone(module, options):
    alone = content(module.simulate(options, 3, 5))
    with ThreadPoolExecutor(4) as pool:
        together = list(
            pool.map(lambda index: content(module.simulate(options, 3, index)), reversed(range(7)))
        )
    assert together[1] == alone
    assert len(set(together)) == 7
    assert content(module.simulate(options, 4, 5)) != alone


@EVERY
def test_dots_and_labels_belong_together(module, options):
    made = module.simulate(options, 0, 1)
    assert made.image.shape == made.mask.shape == options.size
    assert len(made.dots) > 3
    inside = made.mask[tuple(np.rint(made.dots).astype(int).T)]
    labels = np.arange(1, len(made.dots) + 1)
    # A cell may lie over another's centre, but these hardly overlap.
    assert np.mean(inside == labels) > 0.9
    cells = made.mask > 0
    assert made.image[cells].mean() > 1.3 * made.image[~cells].mean()


@EVERY
def test_dots_lie_on_pixels(module, options):
    for index in range(10):
        dots = module.simulate(options, 1, index).dots
        assert (dots >= 0).all()
        assert (dots <= np.array(options.size) - 1).all()


@EVERY
def test_no_cells_and_one_cell(module, options):
    empty = module.simulate(changed(options, count=exactly(0)), 0, 0)
    assert empty.dots.shape == (0, len(options.size))
    assert not empty.mask.any()
    assert empty.image.std() > 0
    assert len(module.simulate(changed(options, count=exactly(1)), 0, 0).dots) == 1


@EVERY
def test_size_keeps_density(module, options):
    doubled = (*options.size[:-1], 2 * options.size[-1])
    single = np.mean([len(module.simulate(options, 0, index).dots) for index in range(12)])
    double = np.mean(
        [len(module.simulate(changed(options, size=doubled), 0, index).dots) for index in range(12)]
    )
    assert double == pytest.approx(2 * single, rel=0.05)


@EVERY
def test_count_is_kept_where_there_is_no_room(module, options):
    made = module.simulate(changed(options, count=exactly(250), places={"overlap": 0, "separation": 4}), 0, 0)
    assert len(made.dots) == 250


@pytest.mark.parametrize("index", range(3))
def test_overlap_is_chosen(index):
    def close(overlap):
        options = sim2d.Options(count=exactly(30), places={"overlap": overlap, "separation": 2})
        dots = sim2d.simulate(options, 0, index).dots
        distance = np.hypot(*(dots[:, None] - dots[None]).T) + 100 * np.eye(len(dots))
        return np.mean(distance.min(axis=0) < 2 * options.radius)

    assert close(0) == 0
    assert close(1) > 0.4


def test_hidden_cell_keeps_its_dot():
    options = sim2d.Options(
        size=(24, 24), field=(24, 24), count=exactly(40), places={"overlap": 1, "clustered": 0}
    )
    made = sim2d.simulate(options, 0, 0)
    assert len(made.dots) == 40
    assert len(np.unique(made.mask)) - 1 < 40


def test_deep_cells_are_blurred_and_deep_slices_dark():
    sharp = sim2d.simulate(sim2d.Options(blur=(0.8, 0.8)), 0, 0)
    blurred = sim2d.simulate(sim2d.Options(blur=(4, 4)), 0, 0)
    assert (
        np.abs(np.diff(blurred.image.astype(float))).mean()
        < 0.7 * np.abs(np.diff(sharp.image.astype(float))).mean()
    )
    volume = sim3d.simulate(sim3d.Options(attenuation=30), 0, 0).image
    assert volume[-1].mean() < 0.4 * volume[0].mean()


def test_light_sheet_is_as_crowded_as_published():
    options = sim3d.Options(preset="light_sheet")
    made = sim3d.simulate(options, 0, 0)
    assert made.image.shape == (64, 224, 224)
    assert made.image.dtype == np.uint16
    assert len(np.unique(made.mask)) - 1 == len(made.dots)
    counts = [sim3d.draw_count(options.count, 1, np.random.default_rng([0, index])) for index in range(4000)]
    assert np.mean(counts) == pytest.approx(861, rel=0.02)
    assert np.std(counts) == pytest.approx(256, rel=0.05)


def test_light_sheet_nuclei_have_their_size():
    options = sim3d.Options(preset="light_sheet", size=(32, 96, 96), texture=0)
    made = sim3d.simulate(options, 2, 0)
    voxels = np.bincount(made.mask.ravel())[1:]
    radius = np.median(np.cbrt(voxels * np.prod(options.spacing) * 3 / (4 * np.pi)))
    assert radius == pytest.approx(options.radius, rel=0.12)


def test_vgg_like_looks_like_vgg(mirror):
    """Images with the counts of the real ones, so that chance in the counts does not blur the comparison of their looks.

    Six seeds give 0.5 to 1.4 grey levels, 0.3 to 0.5 dB and 0.003 to 0.017. Between the first and the last 100 of
    the real images are 3.2 grey levels, 0.2 dB and 0.015.
    """
    real = [load() for load in vgg.read(mirror / "countception", load_dataset("vgg"))]
    made = [
        sim2d.simulate(sim2d.Options(preset="vgg_like", count=exactly(len(each.dots))), 1, index)
        for index, each in enumerate(real[::2])
    ]
    simulated, published = (
        Looks.of([each.image for each in some], [each.dots for each in some]) for some in (made, real)
    )
    found = Likeness.between(simulated, published)
    assert found.histogram < 2, found
    assert found.power < 0.8, found
    assert found.nearest < 0.025, found

    count = sim2d.Options(preset="vgg_like").count
    counts = [sim2d.draw_count(count, 1, np.random.default_rng([0, index])) for index in range(4000)]
    assert np.mean(counts) == pytest.approx(174, abs=4)
    assert np.std(counts) == pytest.approx(64, abs=4)
    assert ks_2samp(counts, published.counts).statistic < 0.08


def test_likeness_of_a_set_to_itself_is_zero(tmp_path):
    made = [sim2d.simulate(sim2d.Options(), 0, index) for index in range(6)]
    one = [each.image for each in made], [each.dots for each in made]
    likeness = figure_likeness(one, one, tmp_path / "likeness.png", crops=2)
    assert likeness == Likeness(0, 0, 0, 0)
    assert (tmp_path / "likeness.png").stat().st_size > 10_000


@pytest.mark.parametrize(("id", "reader"), [("sim2d", reader2d), ("sim3d", reader3d)])
def test_reader_gives_the_series_of_the_card(id, reader, tmp_path):
    card = load_dataset(id)
    loaders = list(reader.read(tmp_path, card))
    assert len(loaders) == card.options["images"]
    small = with_options(card, images=4, unlabelled=1, size=[16, 64, 64][-card.ndim :])
    records = [load() for load in reader.read(tmp_path, small)]
    assert [record.labelled for record in records] == [True, True, True, False]
    assert [record.id for record in records] == [f"simulated_{index:03d}" for index in range(4)]
    assert records[-1].dots is None
    assert records[-1].mask is None
    assert records[0].mask.max() <= len(records[0].dots)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "vgg_lik"}, "'vgg_like'"),
        ({"radiuss": 3}, "did you mean 'radius'"),
        ({"unlabelled": 1000}, "more than images"),
        ({"size": [64]}, "size"),
        ({"count": {"mean": 10, "low": 20}}, "in this order"),
        ({"radius": -1}, "radius"),
    ],
)
def test_mistaken_options_are_told(options, said, tmp_path):
    with pytest.raises(UserError, match=said):
        list(reader2d.read(tmp_path, with_options(load_dataset("sim2d"), **options)))


def test_spacing_of_card_and_simulator_must_agree(tmp_path):
    card = load_dataset("sim3d")
    with pytest.raises(UserError, match="not what the simulator makes"):
        list(reader3d.read(tmp_path, with_options(card, spacing=[2, 1, 1])))


def test_options_need_no_preset_to_be_typed():
    with pytest.raises(ValidationError, match="extra"):
        sim2d.Options(colour="red")


def with_options(card: DatasetCard, **options) -> DatasetCard:
    return card.model_copy(update={"options": {**card.options, **options}})
