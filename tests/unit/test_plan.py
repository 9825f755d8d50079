"""A configuration becomes trials; all that is wrong in it, and in its cards, is told at once."""

import shutil

import pytest

from dotbench.cards import load_config
from dotbench.cards.load import Problems, options_of
from dotbench.commands.run import matching
from dotbench.contract.trial import Trial
from dotbench.data.readers import sim2d
from dotbench.paths import CONFIG
from dotbench.plan import plan_of, read_plan

RUNS = "runs:\n  - {dataset: sim2d, protocol: random, n: [4, 8], draws: 2, methods: all}\n"
BASE = "datasets: [sim2d]\nmethods: [mean, perfect]\n"


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "config.yaml"
        file.write_text(text)
        return file

    return write


def test_every_combination_is_a_trial(write):
    plan = read_plan(write(BASE + RUNS))
    assert len(plan.shown) == 2 * 2 * 2
    # What learns nothing is one trial.
    assert len(plan.trials) == 2 * 2 + 1
    assert plan.trials == tuple(sorted(plan.trials))


def test_a_paper_asks_only_for_what_is_configured(write):
    plan = read_plan(write("papers: [xie2015]\ndatasets: [vgg]\nmethods: [fcrn_a, mean]\n"))
    assert {trial.method for trial in plan.trials} == {"fcrn_a@ours", "mean"}
    assert {trial.n for trial in plan.trials if trial.method == "fcrn_a@ours"} == {8, 16, 32, 64}


def test_fewer_draws_than_the_paper(write):
    plan = read_plan(write("draws: 1\npapers: [xie2015]\ndatasets: [vgg]\nmethods: [fcrn_a]\n"))
    assert {trial.draw for trial in plan.trials} == {0}


def test_every_problem_at_once(write):
    text = BASE.replace("mean", "meen") + RUNS.replace("random", "rondom").replace("sim2d", "sim2")
    with pytest.raises(Problems) as caught:
        read_plan(write(text))
    message = str(caught.value)
    assert len(caught.value.problems) == 3
    for hint in ("did you mean 'mean'", "did you mean 'random'", "did you mean 'sim2d'"):
        assert hint in message
    assert "config.yaml:2" in message and "config.yaml:4" in message


def test_overrides_change_a_card_and_are_checked_at_their_line(write):
    text = BASE + RUNS + "overrides:\n  datasets:\n    sim2d:\n      cell_radius: RADIUS\n"
    assert read_plan(write(text.replace("RADIUS", "9"))).datasets["sim2d"].cell_radius == 9
    with pytest.raises(Problems, match="config.yaml:8"):
        read_plan(write(text.replace("RADIUS", "-9")))


def test_overrides_count_for_a_trial_that_only_its_name_asks_for(write):
    plan = read_plan(write(BASE + "overrides: {methods: {fcrn_a: {needs: {threads: 7}}}}\n"))
    matching(plan, "sim2d/random/n4/draw0/fcrn_a")
    assert plan.methods["fcrn_a@ours"].needs.threads == 7


def test_a_wrong_card_is_told_with_the_configuration_s_own_problems(tmp_path):
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    card = folder / "methods" / "mean.yaml"
    card.write_text(card.read_text() + "colour: red\n")
    file = tmp_path / "config.yaml"
    file.write_text(BASE + RUNS.replace("random", "rondom"))
    with pytest.raises(Problems) as caught:
        read_plan(file, folder=folder)
    assert len(caught.value.problems) == 2


def test_what_the_configuration_names_is_checked_even_when_its_form_is_wrong(write):
    with pytest.raises(Problems) as caught:
        read_plan(write(BASE.replace("mean", "meen") + RUNS + "seed: zero\npapers: xie2015\n"))
    assert len(caught.value.problems) == 3
    assert "did you mean 'mean'" in str(caught.value) and "papers: should be a list" in str(caught.value)


def test_a_mistake_in_a_card_is_told_once_however_many_are_based_on_it(write, tmp_path):
    folder = shutil.copytree(CONFIG, tmp_path / "cards")
    card = folder / "methods" / "fcrn_a.yaml"
    card.write_text(card.read_text().replace("loss: mse", "loss: mze"))
    with pytest.raises(Problems) as caught:
        read_plan(write("datasets: [sim2d]\nmethods: [fcrn_a, unet, saunet_ours]\n"), folder=folder)
    [problem] = caught.value.problems
    assert "did you mean 'mse'" in problem.what and "fcrn_a.yaml" in str(problem.where)


@pytest.mark.parametrize(
    ("dataset", "protocol", "most"),
    [
        ("vgg", "xie2015", 100),
        ("mbm", "zheng2024", 22),
        ("phase_contrast", "random", 2),
        ("sim2d", "guo2022", 100),
    ],
)
def test_more_training_images_than_there_are_is_told_before_anything_runs(write, dataset, protocol, most):
    runs = f"runs:\n  - dataset: {dataset}\n    protocol: {protocol}\n    n:\n      - {most}\n      - {most + 1}\n"
    text = BASE.replace("sim2d", dataset) + runs
    with pytest.raises(Problems) as caught:
        read_plan(write(text))
    [problem] = caught.value.problems
    assert f"N = {most + 1}" in problem.what and problem.where.endswith("config.yaml:8")
    assert problem.allowed.startswith(f"1 to {most} ")
    assert read_plan(write(text.replace(f"      - {most + 1}\n", "")))


def test_what_only_the_files_tell_is_left_to_them(write):
    """How large groups are."""
    assert read_plan(
        write("datasets: [mbm]\nmethods: [mean]\nruns: [{dataset: mbm, protocol: grouped, n: [43]}]\n")
    )


@pytest.mark.parametrize(
    ("change", "says", "key"),
    [
        (
            "datasets: {sim2d: {reader: sim2}}",
            "unknown reader 'sim2'; did you mean 'sim2d'",
            "datasets.sim2d.reader",
        ),
        (
            "methods: {mean: {classical: men}}",
            "unknown classical 'men'; did you mean 'mean'",
            "methods.mean.classical",
        ),
    ],
)
def test_a_card_that_names_no_file(write, change, says, key):
    file = write(BASE + RUNS + f"overrides:\n  {change}\n")
    with pytest.raises(Problems, match=says) as caught:
        read_plan(file)
    assert caught.value.problems[0].where.endswith("config.yaml:6")
    # A job of Snakemake knows the values, not their files.
    with pytest.raises(Problems) as caught:
        plan_of(load_config(file).content, [])
    assert caught.value.problems[0].where == f"configuration, overrides.{key}"


def test_an_option_is_told_at_the_line_that_gives_it(write):
    plan = read_plan(
        write(BASE + RUNS + "overrides:\n  datasets:\n    sim2d:\n      options:\n        imags: 3\n")
    )
    with pytest.raises(Problems, match="did you mean 'images'") as caught:
        options_of(plan.datasets["sim2d"], sim2d.Options)
    assert caught.value.problems[0].where.endswith("config.yaml:9")


STARTS = """
overrides:
  methods:
    fcrn_a:
      start: {dataset: sim2d, protocol: random, n: 4, method: fcrn_a_published}
"""


def test_a_method_that_starts_from_another_training_knows_its_trial(write):
    methods = "datasets: [sim2d, vgg]\nmethods: [fcrn_a, fcrn_a_published, mean]\n"
    plan = read_plan(write(methods + RUNS + STARTS))
    assert (
        str(plan.start(Trial("vgg", "random", 1, 3, "fcrn_a@ours")))
        == "sim2d/random/n4/draw0/fcrn_a@published"
    )
    assert plan.start(Trial("vgg", "random", 1, 3, "mean")) is None
    # `all` means methods for any images.
    assert {trial.method for trial in plan.trials} == {"fcrn_a@published", "mean"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("fcrn_a_published, ", ""), "the configuration has no method fcrn_a@published"),
        (("[sim2d, vgg]", "[vgg]"), "the configuration has no dataset sim2d"),
        (("method: fcrn_a_published", "method: fcrn_a"), "starts from itself: fcrn_a@ours, fcrn_a@ours"),
        (("protocol: random, n: 4, m", "protocol: rondom, n: 4, m"), "did you mean 'random'"),
    ],
)
def test_what_a_method_cannot_start_from_is_told(write, change, told):
    text = "datasets: [sim2d, vgg]\nmethods: [fcrn_a_published, fcrn_a]\n" + STARTS
    with pytest.raises(Problems, match=told):
        read_plan(write(text.replace(*change)))
