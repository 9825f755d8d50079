"""Every paper card holds what its paper prints, and every printed value names the trials that answer it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dotbench.cards import Problems, card_ids, load_paper
from dotbench.cards.load import Source, validate
from dotbench.cards.paper import FactsTable, PaperCard, ScoreTable, datasets_described, trials_needed
from dotbench.contract.trial import Trial
from dotbench.paths import CONFIG
from dotbench.report.improvement import improvement

PAPERS = card_ids("papers")
ROOT = Path(__file__).resolve().parents[2]

# How many values each printed table has, N/A not counted.
VALUES = {
    ("xie2015", "table1"): 19,
    ("guo2022", "table1"): 8,
    ("guo2022", "table2"): 8,
    ("guo2022", "table3"): 8,
    ("zheng2024", "table1"): 8,
    ("zheng2024", "table2"): 88,
    ("zheng2024", "table3"): 24,
    ("eckhardt2024", "section7"): 4,
}
SPOTS = [
    ("xie2015", "table1", "ridge", 8, "mae", "8.8±1.5"),
    ("xie2015", "table1", "ridge", 64, "mae", "N/A"),
    ("xie2015", "table1", "forest", 16, "mae", "N/A"),
    ("xie2015", "table1", "fcrn_a@published", 32, "mae", "2.9±0.2"),
    ("xie2015", "table1", "fcrn_b@published", 8, "mae", "4.1±0.5"),
    ("guo2022", "table1", "saunet@published", 1, "f1", "93.55"),
    ("guo2022", "table1", "saunet-ssl@published", 1, "mae", "12.4"),
    ("guo2022", "table2", "gmn", 32, "f1", "90.18"),
    ("guo2022", "table2", "saunet@published", 64, "mae", "2.6"),
    ("guo2022", "table2", "saunet-ssl@published", 8, "f1", "96.78"),
    ("guo2022", "table3", "numorph_unet@published", 4, "mae", "50.1"),
    ("guo2022", "table3", "cubic", 1, "f1", "95.43"),
    ("eckhardt2024", "section7", "cellpose", 1, "cells_predicted", "2971"),
]
# The text layer of the papers, where the checkout has it beside the project.
TEXTS = {
    "xie2015": "xie2015",
    "guo2022": "guo2022",
    "zheng2024": "zheng2024_dcl",
    "eckhardt2024": "eckhardt2024",
}


def values(table) -> list:
    if isinstance(table, FactsTable):
        return [text for row in table.rows for text in (row.size, row.count.text)]
    parts = (*table.rows, *table.improvements)
    return [entry.text for part in parts for entry in part.printed if entry.value is not None]


def place(paper: str, table: str, method: str, n: int, metric: str, dataset: str | None = None):
    for asked in load_paper(paper).all_tables[table].asked():
        trial = asked.trials[0]
        if (trial.method, trial.n, asked.metric) == (method, n, metric) and dataset in (None, trial.dataset):
            return asked
    pytest.fail(f"nothing of {table} asks for {method}, N={n}, {metric}")


@pytest.mark.parametrize("paper", PAPERS)
def test_every_place_names_its_trials(paper):
    card = load_paper(paper)
    for table_id, table in card.all_tables.items():
        if isinstance(table, ScoreTable):
            asked = list(table.asked())
            assert len(asked) == len(table.rows) * len(table.columns)
            assert all(len(place.trials) == table.draws for place in asked)
            assert len({place.trials[0].split for place in asked}) > 0
        assert table.title
        assert table_id == table_id.lower()


@pytest.mark.parametrize("paper", PAPERS)
def test_controls_frame_every_split(paper):
    trials = trials_needed(load_paper(paper))
    for split in {trial.split for trial in trials}:
        assert {trial.method for trial in trials if trial.split == split} >= {
            "mean",
            "random_points",
            "perfect",
        }


def test_draws_are_capped_but_never_raised():
    card = load_paper("xie2015")
    assert {trial.draw for trial in trials_needed(card)} == {0, 1, 2, 3, 4}
    assert {trial.draw for trial in trials_needed(card, 2)} == {0, 1}
    assert trials_needed(card, 9) == trials_needed(card)
    assert trials_needed(card, 1, "table1") == trials_needed(card, 1)
    assert Trial("vgg", "xie2015", 64, 0, "ridge") in trials_needed(card), (
        "N/A in the paper, but worth knowing"
    )


def test_a_variant_has_its_own_protocol_and_numbers_of_images():
    trials = trials_needed(load_paper("zheng2024"), None, "table2_grouped")
    assert {(trial.dataset, trial.protocol, trial.n) for trial in trials} == {
        ("adi", "grouped", 50),
        ("mbm", "grouped", 16),
    }


def test_a_table_of_facts_needs_datasets_and_no_trials():
    card = load_paper("zheng2024")
    assert trials_needed(card, None, "table1") == []
    assert datasets_described(card) == ["adi", "dcc", "mbm", "vgg"]


@pytest.mark.parametrize(("paper", "table"), VALUES)
def test_every_printed_value_is_on_the_card(paper, table):
    assert len(values(load_paper(paper).tables[table])) == VALUES[paper, table]


@pytest.mark.parametrize(("paper", "table", "method", "n", "metric", "printed"), SPOTS)
def test_spot_values(paper, table, method, n, metric, printed):
    assert place(paper, table, method, n, metric).printed.text == printed


@pytest.mark.parametrize(
    ("table", "method", "dataset", "n", "mae", "rmse"),
    [
        ("table2", "mcnn", "dcc", 88, 5.4, 6.4),
        ("table2", "fcrn_a@ours", "vgg", 100, 17.7, 21.5),
        ("table2", "sasnet", "mbm", 22, 3.9, 5.2),
        ("table2", "diffuse_denoise", "adi", 100, 8.8, 11.9),
        ("table3", "dcl_no_gmp", "vgg", 100, 5.0, 6.8),
        ("table3", "dcl", "dcc", 88, 0.8, 1.3),
    ],
)
def test_spot_values_of_zheng(table, method, dataset, n, mae, rmse):
    assert place("zheng2024", table, method, n, "mae", dataset).printed.value == mae
    asked = place("zheng2024", table, method, n, "rmse", dataset)
    assert (asked.printed.value, asked.prints) == (rmse, "MSE")


@pytest.mark.parametrize("table", ["table2", "table3"])
def test_printed_improvements_follow_from_the_printed_rows(table):
    """Guards against slips in copying, and confirms the row that is garbled in the paper's text."""
    card = load_paper("zheng2024").tables[table]
    methods = {row.method for row in card.rows}
    for part in card.improvements:
        for j, printed in enumerate(part.printed):
            column = {row.method: row.printed[j].value for row in card.rows}
            assert improvement(column, part, methods) == pytest.approx(printed.value, abs=0.051)


def test_zhengs_mse_cannot_be_a_mean_square():
    """Why the card says `metric: rmse`: a mean square is at least the square of the MAE."""
    card = load_paper("zheng2024").tables["table2"]
    rows = [[entry.value for entry in row.printed] for row in card.rows]
    pairs = [(row[j], row[j + 1]) for row in rows for j in range(0, len(row), 2)]
    assert sum(printed < mae**2 for mae, printed in pairs) > len(pairs) * 0.9
    assert all(mae <= printed < 2 * mae for mae, printed in pairs)


@pytest.mark.parametrize("paper", TEXTS)
def test_every_value_is_in_the_papers_text(paper):
    text_file = ROOT.parent / "shared" / "papers" / f"{TEXTS[paper]}.txt"
    if not text_file.is_file():
        pytest.skip("the papers' texts are not beside this checkout")
    text = re.sub(r"\$|\\%|\s|\*|<b>|</b>", "", text_file.read_text()).replace(r"\pm", "±")
    for table in load_paper(paper).tables.values():
        for value in values(table):
            for piece in re.findall(r"<?[\d.]+(?:±[\d.]+)?%?", value):
                assert piece in text, f"{value} is not in {text_file.name}"


@pytest.mark.parametrize("paper", PAPERS)
def test_a_card_reads_like_the_printed_table(paper):
    """One line a row, so that a reader can check it against the paper at a glance."""
    lines = (CONFIG / "papers" / f"{paper}.yaml").read_text().splitlines()
    for table in load_paper(paper).tables.values():
        if isinstance(table, ScoreTable):
            for row in table.rows:
                wanted = "printed: [" if row.printed else "label: "
                assert any(f"method: {row.method}," in line and wanted in line for line in lines)


def card(**change) -> dict:
    row = {"label": "A", "method": "a", "printed": ["1.0"]}
    table = {
        "kind": "scores",
        "title": "T",
        "dataset": "vgg",
        "protocol": "xie2015",
        "metric": "mae",
        "columns": [{"label": "N=8", "n": 8}],
        "rows": [row],
    }
    return {"name": "P", "citation": "P", "tables": {"table1": table | change}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"columns": [{"label": "N"}]}, "no n for row 'A', column 'N'"),
        (
            {"rows": [{"label": "A", "method": "a", "printed": ["1.0", "2.0"]}]},
            "has 2 printed values for 1 columns",
        ),
        ({"rows": [{"label": "A", "method": "a", "printed": ["about 3"]}]}, "expected a number as printed"),
        ({"metric": "maee"}, "did you mean 'mae'"),
        ({"improvements": [{"label": "I", "of": "b", "printed": ["1%"]}]}, "methods without a row: b"),
        ({"draw": 5}, "did you mean 'tables.table1.draws'|did you mean 'draws'"),
    ],
)
def test_what_is_wrong_with_a_card_is_told(change, told, tmp_path):
    source = Source(tmp_path / "p.yaml", card(**change))
    with pytest.raises(Problems, match=told):
        validate(PaperCard, source, {"id": "p"})


def test_a_card_for_these_tests_is_right(tmp_path):
    validate(PaperCard, Source(tmp_path / "p.yaml", card()), {"id": "p"})
