"""Tables: every one can be built at any time, says what is missing, and holds ours against the printed value."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import shutil
import subprocess

import pytest
from made_results import make_failure, make_result

from dotbench.cards import PaperCard, load_paper
from dotbench.cards.load import read_yaml
from dotbench.cards.metrics import METRICS
from dotbench.cards.paper import Printed, trials_needed
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.files import write_json
from dotbench.paths import CONFIG
from dotbench.report import as_latex, as_markdown
from dotbench.report.cost_table import build_cost_table
from dotbench.report.failures_table import build_failures_table
from dotbench.report.numbers import big, duration, interval, number, plain, with_sd
from dotbench.report.tables import build_table
from dotbench.report.trials_table import build_trials_table
from dotbench.report.verdict import judge, judge_fact

PAPERS = ("xie2015", "guo2022", "zheng2024", "eckhardt2024")


@pytest.fixture
def layout(tmp_path) -> Layout:
    return Layout(tmp_path / "results", tmp_path / "resources")


def records(table) -> list[dict[str, str]]:
    from dotbench.report.as_csv import render

    return list(csv.DictReader(io.StringIO(render(table))))


def place(table, row: str, column: str) -> dict[str, str]:
    return next(r for r in records(table) if r["row"] == row and r["column"] == column)


# Numbers.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.876, "2.88"),
        (0, "0"),
        (0.0123, "0.012"),
        (2e-6, "0"),
        (-0.034, "−0.034"),
        (52.23, "52.2"),
        (175.96, "176.0"),
        (2971, "2971"),
        (4564.2, "4564"),
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_number_with_sign_never_has_a_signed_zero():
    assert number(-0.001, 1, sign=True) == "0.0"
    assert number(0.26, 1, sign=True) == "+0.3"
    assert number(-0.26, 1, sign=True) == "−0.3"


def test_other_number_texts():
    assert with_sd(2.94, 0.213) == "2.94 ± 0.21"
    assert with_sd(2.94, None) == "2.94"
    assert with_sd(None, None) == "–"
    assert interval(2.5, 12.25) == "2.50 to 12.25"
    assert interval(None, 3.0) == "–"
    assert [duration(s) for s in (0.4, 75, 7200, None)] == ["0.4 s", "1.2 min", "2.0 h", "–"]
    assert [big(n) for n in (1365000, 950, None)] == ["1.36 M", "950", "–"]
    assert [plain(v) for v in (1 / 3, float("nan"), None, 5, "x")] == ["0.333333", "", "", "5", "x"]


# Verdicts.


@pytest.mark.parametrize(
    ("metric", "printed", "ours", "verdict"),
    [
        ("mae", "2.9±0.2", 3.1, "reproduced"),
        ("mae", "2.9±0.2", 2.69, "better"),
        ("mae", "2.9±0.2", 3.11, "worse"),
        ("mae", "12.4", 13.6, "reproduced"),
        ("mae", "12.4", 13.7, "worse"),
        ("f1", "95.0", 94.5, "reproduced"),
        ("f1", "95.0", 94.4, "worse"),
        ("f1", "95.0", 95.6, "better"),
        ("recall", "<52", 51.0, "reproduced"),
        ("recall", "<52", 60.0, "better"),
        ("diameter", "38.5–39.3", 39.0, "reproduced"),
        ("diameter", "38.5–39.3", 40.0, "different"),
        ("cells_predicted", "2971", 2700.0, "reproduced"),
        ("cells_predicted", "2971", 2600.0, "different"),
    ],
)
def test_verdict(metric, printed, ours, verdict):
    from dotbench.cards.paper import _printed

    assert judge(ours, _printed(printed), METRICS[metric]).name == verdict


def test_a_given_tolerance_goes_before_the_papers_own():
    assert (
        judge(3.4, Printed(text="2.9±0.2", value=2.9, sd=0.2), METRICS["mae"], tolerance=1.0).name
        == "reproduced"
    )


def test_a_fact_must_agree_to_the_last_printed_digit():
    assert judge_fact(125.6, 126, 0).name == "reproduced"
    assert judge_fact(155.08, 165, 0).name == "different"


# Paper tables.


@pytest.mark.parametrize("paper", PAPERS)
def test_every_table_builds_from_nothing(paper, layout, tmp_path):
    card = load_paper(paper)
    for table_id in card.all_tables:
        table = build_table(card, table_id, set(), layout)
        paths = table.write(tmp_path / "tables", f"{paper}_{table_id}")
        assert [path.suffix for path in paths] == [".csv", ".md", ".tex", ".html"]
        assert {r["verdict"] for r in records(table) if r["printed"] not in ("", "N/A")} == {"not_run"}


@pytest.mark.parametrize("gone", ["ridge", "fcrn_a@published", "mean", "random_points", "perfect"])
def test_every_table_builds_without_any_method(gone, layout):
    card = load_paper("xie2015")
    configured = {trial for trial in trials_needed(card, 1) if trial.method != gone}
    for trial in configured:
        make_result(layout, trial)
    rows = records(build_table(card, "table1", configured, layout))
    assert all((r["ours"] == "") == (r["method"] == gone) for r in rows)
    assert all(r["why"] == "no such method is configured" for r in rows if r["method"] == gone)


def test_every_table_builds_without_any_dataset(layout):
    card = load_paper("zheng2024")
    configured = {trial for trial in trials_needed(card) if trial.dataset != "dcc"}
    for trial in configured:
        make_result(layout, trial)
    table = build_table(card, "table2", configured, layout)
    dcc = [r for r in records(table) if r["dataset"] == "dcc" and r["section"] == "paper"]
    assert len(dcc) == 20
    assert {r["why"] for r in dcc} == {"no such dataset is configured"}
    assert place(table, "Ours", "VGG MSE")["ours"] != ""


def test_ours_is_the_mean_over_draws_with_spread_interval_and_frame(layout):
    card = load_paper("xie2015")
    draws = [Trial("vgg", "xie2015", 32, draw, "fcrn_a@published") for draw in range(3)]
    for trial, mae in zip(draws, (2.8, 3.0, 3.2), strict=True):
        make_result(layout, trial, mae)
    controls = [Trial("vgg", "xie2015", 32, 0, method) for method in ("mean", "random_points", "perfect")]
    make_result(layout, controls[0], mae=52.2, f1=0.0)
    make_result(layout, controls[1], mae=0.0, f1=0.18)
    make_result(layout, controls[2], mae=14.8, f1=0.955)
    table = build_table(card, "table1", {*draws, *controls}, layout)
    row = place(table, "Dens. estim. (Proposed FCRN-A)", "N=32")
    assert row["printed"] == "2.9±0.2"
    assert float(row["ours"]) == pytest.approx(3.0)
    assert float(row["sd_over_draws"]) == pytest.approx(0.2)
    assert (float(row["low"]), float(row["high"])) == (pytest.approx(2.7), pytest.approx(3.3))
    assert float(row["difference"]) == pytest.approx(0.1)
    assert (row["verdict"], row["tolerance"]) == ("reproduced", "0.2")
    assert (row["floor"], row["ceiling"], row["chance"]) == ("52.2", "14.8", "18")
    assert (row["draws_ok"], row["draws_asked"]) == ("3", "3")
    assert "3 of the paper's 5 draws are configured" in table.notes


def test_a_failed_draw_is_left_out_and_told_with_its_log(layout):
    card = load_paper("xie2015")
    draws = [Trial("vgg", "xie2015", 8, draw, "fcrn_a@published") for draw in range(5)]
    for trial in draws[:4]:
        make_result(layout, trial, 4.0)
    make_failure(layout, draws[4], "oom", "the loss needs 10 GB")
    table = build_table(card, "table1", set(draws), layout)
    row = place(table, "Dens. estim. (Proposed FCRN-A)", "N=8")
    assert (row["draws_ok"], row["draws_asked"], row["verdict"]) == ("4", "5", "reproduced")
    note = next(note for note in table.notes if "oom" in note)
    assert note == (
        "1 of 5 draws: vgg/xie2015/n8/draw4/fcrn_a@published: oom: the loss needs 10 GB "
        "(log: results/logs/predict/vgg/xie2015/n8/draw4/fcrn_a@published.log)"
    )


def test_a_trial_of_which_every_draw_failed_is_marked(layout):
    card = load_paper("xie2015")
    draws = [Trial("vgg", "xie2015", 8, draw, "forest") for draw in range(5)]
    for trial in draws:
        make_failure(layout, trial, "timeout", "out of time")
    table = build_table(card, "table1", set(draws), layout)
    row = place(table, "Dens. estim. (RF)", "N=8")
    assert row["verdict"] == "failed"
    assert "draws 0, 1, 2, 3, 4: timeout: out of time" in row["why"]
    assert row["log"].endswith("draw0/forest.log")
    assert sum("timeout" in note for note in table.notes) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"status": "fine"}', '{"status": "ok", "mae": null}', "\xff"]
)
def test_a_broken_result_harms_only_its_own_trial(text, layout):
    card = load_paper("xie2015")
    good, bad = (Trial("vgg", "xie2015", n, 0, "fcrn_a@published") for n in (8, 16))
    make_result(layout, good)
    (make_result(layout, bad) / "metrics.json").write_text(text, encoding="latin-1")
    table = build_table(card, "table1", {good, bad}, layout)
    assert place(table, "Dens. estim. (Proposed FCRN-A)", "N=8")["ours"] == "3"
    broken = place(table, "Dens. estim. (Proposed FCRN-A)", "N=16")
    assert broken["ours"] == ""
    assert broken["verdict"] in ("failed", "not_comparable")


def test_methods_that_the_paper_does_not_have_stand_beside_it(layout):
    card = load_paper("xie2015")
    mine = Trial("vgg", "xie2015", 16, 0, "my_net")
    elsewhere = Trial("mbm", "random", 15, 0, "other_net")
    for trial in (mine, elsewhere):
        make_result(layout, trial, 2.5)
    table = build_table(card, "table1", {mine, elsewhere}, layout, {"my_net": "My network"})
    rows = [r for r in records(table) if r["section"] == "beside"]
    assert {r["row"] for r in rows} == {"My network"}
    assert place(table, "My network", "N=16")["ours"] == "2.5"
    assert place(table, "My network", "N=8")["why"].endswith("but not for this dataset, protocol and N")


def test_rmse_answers_what_a_paper_wrongly_calls_mse(layout):
    card = load_paper("zheng2024")
    trial = Trial("vgg", "zheng2024", 100, 0, "dcl")
    folder = make_result(layout, trial, 4.0)
    rmse = json.loads((folder / "metrics.json").read_text())["rmse"]["value"]
    table = build_table(card, "table2", {trial}, layout)
    row = place(table, "Ours", "VGG MSE")
    assert (row["metric"], row["prints"], float(row["ours"])) == (
        "rmse",
        "MSE",
        pytest.approx(rmse, rel=1e-5),
    )
    assert "MSE (is RMSE)" in table.grids[0].header


def test_shares_are_shown_in_percent_and_the_error_sets_the_tolerance(layout):
    card = load_paper("guo2022")
    trial = Trial("vgg", "guo2022", 8, 0, "saunet-ssl@published")
    make_result(layout, trial, 5.5, 0.9650)
    row = place(build_table(card, "table2", {trial}, layout), "Ours", "F1 (%)")
    assert float(row["ours"]) == pytest.approx(96.5)
    assert float(row["tolerance"]) == pytest.approx(0.322)
    assert row["verdict"] == "reproduced"


def test_per_image_values_stand_beside_those_of_patches(layout):
    card = load_paper("zheng2024")
    trial = Trial("mbm", "zheng2024", 22, 0, "dcl")
    make_result(layout, trial, 1.5, per_image_of_patches={"mae": {"value": 3.9, "low": 3.0, "high": 5.0}})
    table = build_table(card, "table2", {trial}, layout)
    row = place(table, "Ours", "MBM MAE")
    assert (row["ours"], row["per_image"]) == ("1.5", "3.9")
    assert any(
        item.below == "whole images: 3.90" for line in table.grids[1].sections[0].lines for item in line.items
    )


def test_a_variant_of_a_table_is_never_called_reproduced(layout):
    card = load_paper("zheng2024")
    trial = Trial("mbm", "grouped", 16, 0, "dcl")
    make_result(layout, trial, 1.4)
    table = build_table(card, "table2_grouped", {trial}, layout)
    row = place(table, "Ours", "MBM MAE")
    assert (row["verdict"], row["difference"]) == ("not_comparable", "0")
    assert any("one person" in note for note in table.notes)


def test_improvement_needs_all_rows_it_compares(layout):
    card = load_paper("zheng2024")
    both = [Trial("vgg", "zheng2024", 100, 0, method) for method in ("dcl", "dcl_no_gmp")]
    make_result(layout, both[0], 4.0)
    table = build_table(card, "table3", set(both), layout)
    assert place(table, "improvement", "VGG MAE")["verdict"] == "not_run"
    make_result(layout, both[1], 5.0)
    table = build_table(card, "table3", set(both), layout)
    assert float(place(table, "improvement", "VGG MAE")["ours"]) == pytest.approx(20)


def test_totals_come_from_the_images(layout):
    card = load_paper("eckhardt2024")
    trial = Trial("phase_contrast", "random", 1, 0, "cellpose")
    folder = make_result(layout, trial)
    with (folder / "per_image.csv").open() as file:
        total = sum(float(row["true"]) for row in csv.DictReader(file))
    row = place(build_table(card, "section7", {trial}, layout), "Cellpose", "Cells annotated")
    assert float(row["ours"]) == total
    assert row["verdict"] == "not_comparable"


def test_facts_are_measured_on_the_prepared_dataset(layout, make_dataset):
    folder = make_dataset(layout.dataset("mbm"), images=4, shape=(600, 600))
    info = json.loads((folder / "dataset.json").read_text())
    statistics = {"images": 44, "dots": 5553, "mean": 126.2045, "sd": 33.1331}
    write_json(folder / "dataset.json", info | {"statistics": statistics})
    rows = [
        r
        for r in records(build_table(load_paper("zheng2024"), "table1", set(), layout))
        if r["dataset"] == "mbm"
    ]
    assert [(r["what"], r["ours"], r["verdict"]) for r in rows] == [
        ("size", "600 × 600", "reproduced"),
        ("count", "126.2 ± 33.1", "reproduced"),
    ]


def test_an_unknown_table_is_refused_with_the_known_ones(layout):
    from dotbench.errors import UserError

    with pytest.raises(UserError, match="did you mean 'table1'"):
        build_table(load_paper("xie2015"), "tabel1", set(), layout)


# Tables of trials.


def test_trials_table_has_every_trial_whatever_became_of_it(layout):
    trials = [Trial("vgg", "xie2015", 8, 0, method) for method in ("fcrn_a@ours", "forest", "mesa")]
    make_result(layout, trials[0], 3.25, 0.91)
    make_failure(layout, trials[1])
    table = build_trials_table(trials, layout, {"fcrn_a@ours": "FCRN-A"}, {"vgg": "5 px"})
    rows = {r["method"]: r for r in records(table)}
    assert {method: r["status"] for method, r in rows.items()} == {
        "fcrn_a@ours": "ok",
        "forest": "oom",
        "mesa": "not_run",
    }
    good = rows["fcrn_a@ours"]
    assert (good["mae"], good["f1"], good["match"]) == ("3.25", "91", "5 px")
    assert float(good["mae_low"]) < 3.25 < float(good["mae_high"])
    assert "1 of 3 configured trials have a result" in table.caption


def test_what_a_trial_cost_has_a_table_of_its_own(layout):
    trials = [Trial("vgg", "xie2015", 8, 0, method) for method in ("fcrn_a@ours", "forest")]
    make_result(layout, trials[0])
    make_failure(layout, trials[1])
    [row] = records(build_cost_table(trials, layout, {"fcrn_a@ours": "FCRN-A"}))
    assert (row["method"], row["parameters"]) == ("fcrn_a@ours", "1365000")


def test_failures_table_says_why_and_where_to_read_on(layout):
    trials = [Trial("vgg", "xie2015", 8, 0, method) for method in ("fcrn_a@ours", "forest", "mesa")]
    make_result(layout, trials[0])
    make_failure(layout, trials[1], "error", "the loss became NaN at step 120; try a smaller learning rate")
    rows = records(build_failures_table(trials, layout))
    assert [r["method"] for r in rows] == ["forest", "mesa"]
    assert "smaller learning rate" in rows[0]["reason"]
    assert rows[0]["log"].endswith("forest.log")


def test_nothing_failed_is_a_table_too(layout, tmp_path):
    trial = Trial("vgg", "xie2015", 8, 0, "fcrn_a@published")
    make_result(layout, trial)
    table = build_failures_table([trial], layout)
    assert "Nothing" in table.caption
    table.write(tmp_path, "failures")
    build_trials_table([], layout).write(tmp_path, "trials")


# Formats.

NASTY = "50 % of $x_1$ & {a}\\b #2 ~ ^ <i>|*`[link](x) é"


@pytest.fixture
def nasty(layout):
    """A table whose every text tries to break its format."""
    card = {**read_yaml(CONFIG / "papers" / "guo2022.yaml").content, "id": "nasty"}
    card["tables"] = {"table2": card["tables"]["table2"]}
    table = card["tables"]["table2"]
    table |= {"title": NASTY, "caption": NASTY}
    table["rows"] = [{**row, "label": NASTY, "note": NASTY} for row in table["rows"]]
    trial = Trial("vgg", "guo2022", 8, 0, "saunet-ssl@published")
    make_failure(layout, trial, "error", NASTY)
    return build_table(PaperCard.model_validate(card), "table2", {trial}, layout)


class Page(html.parser.HTMLParser):
    """What a browser would load and which tags stay open."""

    VOID = ("meta", "input", "br")

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.loads += [value for key, value in attrs if key in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_escapes_and_needs_no_network(nasty):
    from dotbench.report.as_html import render

    page = Page()
    page.feed(render(nasty))
    assert page.open == []
    assert page.loads == []
    assert NASTY in page.text
    assert "position: sticky" in render(nasty)


def test_markdown_rows_have_as_many_places_as_the_header(nasty):
    text = as_markdown.render(nasty)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1


def test_latex_is_escaped(nasty):
    text = as_latex.escape(NASTY)
    assert text == (
        r"50 \% of \$x\_1\$ \& \{a\}\textbackslash{}b \#2 \textasciitilde{} \textasciicircum{} "
        r"\textless{}i\textgreater{}\textbar{}*`[link](x) é"
    )
    assert text in as_latex.render(nasty)
    assert as_latex.escape("2.9 ± 0.2 ✓ −1") == r"2.9 $\pm$ 0.2 $\surd$ $-$1"


@pytest.mark.parametrize("paper", PAPERS)
def test_latex_environments_braces_and_columns_are_whole(paper, layout):
    card = load_paper(paper)
    for table_id in card.all_tables:
        text = as_latex.render(build_table(card, table_id, set(), layout))
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
        assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}")
        assert all(ord(letter) < 256 for letter in text), "a letter that pdflatex does not know"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on this machine")
def test_latex_compiles_alone_and_inside_a_document(nasty, tmp_path):
    nasty.write(tmp_path, "nasty")
    document = (
        r"\documentclass{article}\usepackage{booktabs,longtable}\begin{document}\input{nasty}\end{document}"
    )
    (tmp_path / "whole.tex").write_text(document)
    for name in ("nasty", "whole"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]


def test_equal_results_give_equal_files(layout, tmp_path):
    card = load_paper("xie2015")
    trials = trials_needed(card, 1)
    for trial in trials:
        make_result(layout, trial)
    first = [
        path.read_bytes() for path in build_table(card, "table1", trials, layout).write(tmp_path / "a", "t")
    ]
    again = build_table(card, "table1", trials[::-1], layout).write(tmp_path / "b", "t")
    assert first == [path.read_bytes() for path in again]


def test_f1_at_another_radius_is_a_point_of_the_curve(layout):
    from dotbench.report.result import read_result

    trial = Trial("vgg", "guo2022", 8, 0, "net")
    make_result(layout, trial, f1_curve={"radii": [5.0, 8.0], "f1": [0.5, 0.75]})
    assert read_result([trial], layout).value("f1_r8").mean == 75
    # A method that does not say where has no curve.
    make_result(layout, trial, f1_curve=None)
    assert read_result([trial], layout).value("f1_r8") is None


def test_chance_stands_at_the_radius_of_its_column(layout):
    trials = [Trial("vgg", "guo2022", 8, 0, method) for method in ("saunet-ssl@published", "random_points")]
    for trial, near, far in zip(trials, (0.9, 0.2), (0.95, 0.4), strict=True):
        make_result(layout, trial, f1=near, f1_curve={"radii": [5.0, 8.0], "f1": [near, far]})
    table = build_table(load_paper("guo2022"), "table2", set(trials), layout)
    chance = [record for record in records(table) if record["section"] == "chance" and record["n"] == "8"]
    assert {record["metric"]: float(record["ours"]) for record in chance} == {"f1": 20, "f1_r8": 40}
