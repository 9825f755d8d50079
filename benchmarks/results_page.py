"""Writes docs/results.md: the papers' tables and curves, built from the cells in results/published.

python benchmarks/results_page.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from dotbench.cards import MethodCard, card_ids, load_method, load_paper
from dotbench.cards.paper import PaperCard, ScoreTable, cells_needed, cells_shown
from dotbench.paths import Cell, Layout
from dotbench.records import read_json
from dotbench.report.as_markdown import render
from dotbench.report.figures.f1_radius import figure_f1_radius
from dotbench.report.tables import build_table

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
"""


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    PAGE.write_text(page())
    CURVES.mkdir(parents=True, exist_ok=True)
    names = {id: card.name for id, card in _methods().items()}
    for name, cells in _curves(*_shown()).items():
        figure_f1_radius(cells, LAYOUT, names).savefig(CURVES / name, dpi=90)
    print(f"written: {PAGE.relative_to(ROOT)} and its figures")


def page() -> str:
    return "\n".join([HEAD, *_tables()])


def _tables() -> Iterator[str]:
    published, names = _published(), {id: card.name for id, card in _methods().items()}
    for paper, id, cells in _shown():
        # With what is still to be run: a mean over three draws of five must say so.
        configured = published | set(cells_needed(paper, table_id=id))
        built = build_table(paper, id, configured, LAYOUT, names)
        # Headings one level down: this page has one of its own.
        yield render(replace(built, legend=())).replace("\n## ", "\n### ").replace("# ", "## ", 1)
        if curves := _curves((paper, id, cells)):
            yield "### F1 against the radius\n"
            yield from (f"![{name}](img/results/{name})\n" for name in curves)


def _shown() -> Iterator[tuple[PaperCard, str, list[Cell]]]:
    """The tables of methods for which a method has a result, each with its cells."""
    published = _published()
    for paper in map(load_paper, card_ids("papers")):
        for id, table in paper.all_tables.items():
            if isinstance(table, ScoreTable):
                shown = cells_shown(paper, id, published)
                if not all(map(_is_control, shown)):
                    yield paper, id, shown


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
