# The configuration as typed cards, and the helpers that rules share; each is named by what it returns.
import os
import re
import sys
from pathlib import Path

SOURCE = Path(workflow.basedir) / "src"
sys.path.insert(0, str(SOURCE))
# Scripts run in Python processes of their own, in conda environments too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))

from dotbench.cards.paper import trials_shown
from dotbench.data.raw import own_files
from dotbench.data.splits import PROTOCOLS
from dotbench.digest import code_digest
from dotbench.errors import UserError
from dotbench.contract.trial import Trial
from dotbench.plan import plan_of

try:
    # Snakemake lists the user's own files first, and the Snakefile's default, which they replace, last.
    plan = plan_of(config, [*workflow.configfiles[-1:], *workflow.configfiles[:-1]])
except UserError as problem:
    from snakemake.exceptions import WorkflowError

    raise WorkflowError(str(problem)) from None


def any_of(ids):
    """A pattern for exactly these ids; an empty set matches nothing, so that typos end at the dry run."""
    return "|".join(map(re.escape, sorted(ids))) or "(?!)"


# Figures of each dataset, protocol and N: modules of dotbench.report.figures.
FIGURES = ("examples", "counts", "f1_radius", "history", "cost")


wildcard_constraints:
    dataset=any_of(plan.datasets),
    method=any_of(id for id, card in plan.methods.items() if card.kind != "rule"),
    paper=any_of(plan.papers),
    table=any_of(id for paper in plan.papers.values() for id in paper.all_tables),
    protocol=any_of(PROTOCOLS),
    n=r"\d+",
    draw=r"\d+",
    kernel=any_of(plan.kernels),


# The folder of a trial, and the split that all methods of it share.
TRIAL = "<results>/{dataset}/{protocol}/n{n}/draw{draw}/{method}"
FILES = {"counts": "counts.csv", "dots": "dots.csv", "run": "run.json"}
SPLIT = "<resources>/splits/{dataset}/{protocol}/n{n}/draw{draw}.json"
DATASET = "<resources>/datasets/{dataset}/dataset.json"


def get_trial(wildcards, method=None):
    where = (wildcards.dataset, wildcards.protocol, int(wildcards.n), int(wildcards.draw))
    return Trial(*where, method or wildcards.method)


def get_card(wildcards):
    return plan.method(get_trial(wildcards))


def predictions_of(method):
    """The three files that every method owes, for the rule of one method."""
    folder = TRIAL.replace("{method}", method)
    return {name: f"{folder}/{file}" for name, file in FILES.items()}


def get_method_rules():
    return [f"workflow/rules/methods/{id}.smk" for id, card in plan.methods.items() if card.kind == "rule"]


def scores_of(trials):
    """The scores of these trials; of a method that does not learn once, whatever N and draw."""
    homes = dict.fromkeys(plan.layout.home(Trial.parse(trial)) for trial in trials)
    return [f"<results>/{home}/metrics.json" for home in homes]


def get_tables(wildcards):
    papers = [
        f"<results>/tables/{paper.id}/{table}.html"
        for paper in plan.papers.values()
        for table in paper.all_tables
    ]
    return [*papers, "<results>/tables/trials.html"]


def get_table_trials(wildcards):
    """The trials that stand in a paper's table: those it asks for, and what else was tried on the same images."""
    return [str(trial) for trial in trials_shown(plan.papers[wildcards.paper], wildcards.table, plan.shown)]


def get_table_inputs(wildcards):
    table = plan.papers[wildcards.paper].all_tables[wildcards.table]
    if table.kind == "facts":
        return [DATASET.format(dataset=row.dataset) for row in table.rows if row.dataset in plan.datasets]
    return scores_of(get_table_trials(wildcards))


def get_figures(wildcards):
    """Every figure of the configuration: of each dataset, protocol and N, of each dataset and protocol, and the rest."""
    places = sorted({(trial.dataset, trial.protocol, trial.n) for trial in plan.shown})
    files = [
        f"<results>/figures/{dataset}/{protocol}/n{n}/{figure}.png"
        for dataset, protocol, n in places
        for figure in FIGURES
    ]
    files += sorted(
        {f"<results>/figures/{dataset}/{protocol}/error_n.png" for dataset, protocol, _ in places}
    )
    files.append("<results>/figures/kernels.png")
    if plan.config.likeness and {"sim2d", "vgg"} <= set(plan.datasets):
        files.append("<results>/figures/likeness.png")
    return files


def get_error_n_trials(wildcards):
    place = (wildcards.dataset, wildcards.protocol)
    return [str(trial) for trial in plan.shown if (trial.dataset, trial.protocol) == place]


def get_figure_trials(wildcards):
    return [trial for trial in get_error_n_trials(wildcards) if f"/n{wildcards.n}/" in trial]


def get_error_n_inputs(wildcards):
    return scores_of(get_error_n_trials(wildcards))


def get_figure_inputs(wildcards):
    return scores_of(get_figure_trials(wildcards))


def get_paper_digest(wildcards):
    return plan.papers[wildcards.paper].digest


def get_scores(wildcards):
    return [f"<results>/{trial}/metrics.json" for trial in plan.trials]


def get_own_files(wildcards):
    """Files that a person put somewhere and may change: a change must be noticed."""
    return own_files(plan.datasets[wildcards.dataset], plan.layout).values()


def get_downloads(wildcards):
    needed = {one.dataset for trial in plan.trials for one in (trial, plan.start(trial)) if one}
    return [f"<resources>/raw/{dataset}/fetched.json" for dataset in sorted(needed)]


def get_source_digest(wildcards):
    return plan.datasets[wildcards.dataset].source_digest


def get_reader_code(wildcards):
    return code_digest(
        "dotbench.data.prepare", f"dotbench.data.readers.{plan.datasets[wildcards.dataset].reader}"
    )


def get_split_choices(wildcards):
    card = plan.datasets[wildcards.dataset]
    return {"test": card.test, "patch": card.patches.get(wildcards.protocol)}


def get_match(wildcards):
    return plan.datasets[wildcards.dataset].match.model_dump()


def get_dataset_digest(wildcards):
    return plan.datasets[wildcards.dataset].digest


# Card and code in one: Snakemake asks each function several times a job, and a benchmark has ten thousands of jobs.
def get_train_digest(wildcards):
    """Changes when the card or the code of the trial's method changes, and not when another's does."""
    card = get_card(wildcards)
    return card.digest, code_digest(f"dotbench.training.{card.kind}", card.module)


def get_predict_digest(wildcards):
    card = get_card(wildcards)
    return card.digest, code_digest("dotbench.predict.trial", f"dotbench.predict.{card.kind}", card.module)


def get_kernel_modules():
    """The code that draws maps; kernels are found by name, so no import tells of them."""
    return [
        "dotbench.targets",
        *sorted({f"dotbench.targets.{kernel.name}" for kernel in plan.kernels.values()}),
    ]


def get_kernel_code(wildcards):
    return code_digest("dotbench.targets", f"dotbench.targets.{plan.kernels[wildcards.kernel].name}")


def get_target(wildcards):
    """The maps that the method of a trial learns, if it learns maps."""
    card = get_card(wildcards)
    return (
        f"<resources>/targets/{wildcards.dataset}/{card.kernel.slug}/target.json"
        if card.kind == "network"
        else []
    )


def get_start(wildcards):
    """The trained trial with whose weights the training of a trial begins, if it does not begin with random ones."""
    start = plan.start(get_trial(wildcards))
    return multiext(f"<results>/{start}/", "train.json", "model.safetensors") if start else []


def get_begun(wildcards):
    """What the cell with whose weights a training begins found out, for one that has no image to find it out with."""
    trial = get_trial(wildcards)
    return f"<results>/{plan.start(trial)}/run.json" if plan.start(trial) and trial.n == 0 else []


def get_model(wildcards):
    """What training leaves, for methods that train; the others start from nothing."""
    trial = get_trial(wildcards)
    return multiext(f"<results>/{trial}/", "train.json", "model.safetensors") if plan.trains(trial) else []


def get_gpu(wildcards):
    return get_card(wildcards).needs.gpu


def get_threads(wildcards):
    return get_card(wildcards).needs.threads


def get_mem_mb(wildcards, attempt):
    # A job that ran out of memory is resubmitted with twice as much.
    return get_card(wildcards).needs.mem_mb * 2 ** (attempt - 1)


def get_runtime(wildcards):
    return get_card(wildcards).needs.runtime


def get_attempt(wildcards, attempt):
    return attempt


onstart:
    # Jobs must know whether another attempt follows; inside a job Snakemake no longer tells.
    os.environ["DOTBENCH_RETRIES"] = str(workflow.execution_settings.retries)


onerror:
    print(
        "\nNot everything could be done; what was done is kept. Which trials lack what, and why:\n"
        "  dotbench status --failed   (with the same --configfile)\n"
        "Mend it and run the same command again. To have the tables without a dataset or a method, take it off the\n"
        "configuration's list.",
        file=sys.stderr,
    )
