"""Writes docs/results.md: the papers' tables, built from the cells in results/published.

python benchmarks/results_page.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dotbench.cards import card_ids, load_method, load_paper
from dotbench.cards.paper import ScoreTable, cells_needed, cells_shown
from dotbench.paths import Cell, Layout
from dotbench.records import read_json
from dotbench.report.as_markdown import render
from dotbench.report.tables import build_table

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
PAGE = ROOT / "docs" / "results.md"

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
    print(f"written: {PAGE.relative_to(ROOT)}")


def page() -> str:
    return "\n".join([HEAD, *_tables()])


def _tables() -> Iterator[str]:
    layout = Layout(results=PUBLISHED)
    cells = {
        Cell.parse(str(file.parent.relative_to(PUBLISHED)))
        for file in PUBLISHED.rglob("metrics.json")
        if read_json(file)["status"] == "ok"
    }
    methods = {id: load_method(id) for id in card_ids("methods")}
    names = {id: card.name for id, card in methods.items()}
    controls = {id for id, card in methods.items() if card.role == "control"}
    for paper in map(load_paper, card_ids("papers")):
        for id, table in paper.all_tables.items():
            if not isinstance(table, ScoreTable):
                continue
            shown = cells_shown(paper, id, cells)
            if any(cell.method not in controls for cell in shown):
                # With what is still to be run: a mean over three draws of five must say so.
                configured = cells | set(cells_needed(paper, table_id=id))
                built = build_table(paper, id, configured, layout, names)
                # Headings one level down: this page has one of its own.
                yield render(replace(built, legend=())).replace("\n## ", "\n### ").replace("# ", "## ", 1)


if __name__ == "__main__":
    main()
