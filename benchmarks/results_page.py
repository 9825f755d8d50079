"""Writes docs/results.md: the papers' tables and curves, built from the cells in results/published.

python benchmarks/results_page.py
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from dotbench.cards import MethodCard, card_ids, load_method, load_paper
from dotbench.cards.paper import PaperCard, ScoreTable, cells_needed, cells_shown
from dotbench.paths import Cell, Layout
from dotbench.records import read_json
from dotbench.report.as_markdown import render
from dotbench.report.figures.f1_radius import figure_f1_radius
from dotbench.report.table import Table
from dotbench.report.tables import build_table
from dotbench.report.verdict import VERDICTS

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
PAGE = ROOT / "docs" / "results.md"
CURVES = ROOT / "docs" / "img" / "results"
LAYOUT = Layout(results=PUBLISHED)

HEAD = """\
# What we measured

Made by `python benchmarks/results_page.py` from the cells in `results/published/`; do not edit. Every cell there has its
predictions, its scores and, in `run.json`, the commit, the machine and every number of its recipe. One command makes any of
them again, for instance

```text
dotbench run 'vgg/xie2015/*/fcrn_a'
```

and `dotbench diff results/published results` says whether yours are the same. Draws that nobody has run yet are missing from
the means; the last grid of each table says how many there are.

Do the papers' numbers hold? So many of them:
"""


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    PAGE.write_text(page())
    CURVES.mkdir(parents=True, exist_ok=True)
    for name, cells in _curves(*_shown()).items():
        figure_f1_radius(cells, LAYOUT, _names()).savefig(CURVES / name, dpi=90)
    print(f"written: {PAGE.relative_to(ROOT)} and its figures")


def page() -> str:
    published, shown = _published(), list(_shown())
    tables = [
        # With what is still to be run: a mean over three draws of five must say so.
        build_table(paper, id, published | set(cells_needed(paper, table_id=id)), LAYOUT, _names())
        for paper, id, _ in shown
    ]
    parts = [_part(table, _curves(one)) for table, one in zip(tables, shown, strict=True)]
    return "\n".join([HEAD, _verdicts(tables), *parts])


def _verdicts(tables: list[Table]) -> str:
    """How many printed values of each table were reproduced."""
    rows = [["Table", *(f"{look.mark} {look.word}" for look in VERDICTS.values())]]
    rows.append(["---", *["---:"] * len(VERDICTS)])
    for table in tables:
        found = Counter(
            record["verdict"] for record in table.records if record.get("printed_value") is not None
        )
        if found:
            rows.append([_link(table.title), *(str(found[name] or "") for name in VERDICTS)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _link(title: str) -> str:
    # As GitHub names the places of headings.
    place = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    return f"[{title}](#{place})"


def _part(table: Table, curves: Iterable[str]) -> str:
    # Headings one level down: this page has one of its own.
    text = render(replace(table, legend=())).replace("\n## ", "\n### ").replace("# ", "## ", 1)
    if curves:
        text += "\n### F1 against the radius\n\n"
    return text + "\n".join(f"![{name}](img/results/{name})\n" for name in curves)


def _shown() -> Iterator[tuple[PaperCard, str, list[Cell]]]:
    """The tables of methods for which a method has a result, each with its cells; those that repeat a paper first."""
    published = _published()
    papers = [load_paper(id) for id in card_ids("papers")]
    for paper in sorted(papers, key=lambda paper: not _prints(paper)):
        for id, table in paper.all_tables.items():
            if isinstance(table, ScoreTable):
                shown = cells_shown(paper, id, published)
                if not all(map(_is_control, shown)):
                    yield paper, id, shown


def _prints(paper: PaperCard) -> bool:
    return any(isinstance(table, ScoreTable) and table.prints_values for table in paper.all_tables.values())


def _curves(*tables: tuple[PaperCard, str, list[Cell]]) -> dict[str, list[Cell]]:
    """A figure's file and cells for each split of the tables that say where cells are."""
    return {
        f"{cell.dataset}-{cell.protocol}-n{cell.n}.png": [
            other
            for other in cells
            if (other.dataset, other.protocol, other.n) == (cell.dataset, cell.protocol, cell.n)
        ]
        for paper, id, cells in tables
        if any(column.metric == "f1" for column in paper.all_tables[id].columns)
        for cell in cells
        if not _is_control(cell)
    }


def _names() -> dict[str, str]:
    return {id: card.name for id, card in _methods().items()}


def _is_control(cell: Cell) -> bool:
    return _methods()[cell.method].role == "control"


@cache
def _published() -> set[Cell]:
    return {
        Cell.parse(str(file.parent.relative_to(PUBLISHED)))
        for file in PUBLISHED.rglob("metrics.json")
        if read_json(file)["status"] == "ok"
    }


@cache
def _methods() -> dict[str, MethodCard]:
    return {id: load_method(id) for id in card_ids("methods")}


if __name__ == "__main__":
    main()
