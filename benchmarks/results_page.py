"""Writes docs/results.md: the papers' tables and curves, built from the trials in results/published.

python benchmarks/results_page.py
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from dotbench.cards import MethodCard, card_ids, load_dataset, load_method, load_paper
from dotbench.cards.method import METHOD, upgrade
from dotbench.cards.paper import PaperCard, ScoreTable, trials_needed, trials_shown
from dotbench.contract.layout import Layout
from dotbench.contract.records import Metrics, RunRecord
from dotbench.contract.trial import Trial
from dotbench.report.as_markdown import render
from dotbench.report.figures.error_n import figure_error_n
from dotbench.report.figures.f1_radius import figure_f1_radius
from dotbench.report.table import Table
from dotbench.report.tables import build_table
from dotbench.report.verdict import VERDICTS

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = ROOT / "results" / "published"
PAGE = ROOT / "docs" / "results.md"
FIGURES = ROOT / "docs" / "img" / "results"
LAYOUT = Layout(results=PUBLISHED)

HEAD = """\
# What we measured

Made by `python benchmarks/results_page.py` from the trials in `results/published/`; do not edit. Every trial there has its
predictions, its scores and, in `run.json`, the commit, the machine and every number of its recipe. One command makes any of
them again, for instance

```text
dotbench run 'vgg/xie2015/*/fcrn_a@ours'
```

and `dotbench diff results/published results` says whether yours are the same. [What we found](findings.md) sums it up;
[Read the tables](read-the-tables.md) explains marks, ±, intervals and controls. Draws that nobody has run yet are missing from
the means: the column "Draws" under "Every value" says how many there are. One draw says little about the difference between
two methods.

Do the papers' numbers hold? So many of them:
"""


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    PAGE.write_text(page())
    FIGURES.mkdir(parents=True, exist_ok=True)
    for old in FIGURES.glob("*.png"):
        old.unlink()
    for shown in _shown():
        for name, trials in shown.errors.items():
            figure_error_n(trials, LAYOUT, _names(), shown.paper).savefig(FIGURES / name, dpi=90)
        for name, trials in shown.curves.items():
            figure_f1_radius(trials, LAYOUT, _names()).savefig(FIGURES / name, dpi=90)
    print(f"written: {PAGE.relative_to(ROOT)} and its figures")


def page() -> str:
    shown = list(_shown())
    tables = [
        build_table(one.paper, one.id, _published() | set(one.asked), LAYOUT, _names()) for one in shown
    ]
    # What is held against print first, and of that what most can be said of.
    order = sorted(
        zip(tables, shown, strict=True), key=lambda pair: (not pair[1].table.prints_values, -_judged(pair[0]))
    )
    parts = [_part(table, one) for table, one in order]
    return "\n".join([HEAD, _verdicts([table for table, _ in order]), *_outdated(), *parts])


def _judged(table: Table) -> int:
    return sum(
        record["verdict"] in ("reproduced", "better", "worse", "different") for record in table.records
    )


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


def _outdated() -> Iterator[str]:
    """Trials whose card has changed since, in more than names and needs."""
    found = {}
    for trial in sorted(_published()):
        card = _methods()[trial.method].of(_ndim(trial.dataset))
        record = RunRecord.read(LAYOUT.trial(trial)).card
        if _recipe(METHOD.validate_python(upgrade(record))) != _recipe(card):
            found.setdefault((trial.dataset, card.name), set()).add(trial.n)
    if found:
        yield "Measured with an earlier version of the recipe, and to be measured again:\n"
        for (dataset, name), numbers in found.items():
            yield f"- {name}, on {dataset} (N={', '.join(map(str, sorted(numbers)))})"
        yield ""


def _recipe(card: MethodCard) -> dict[str, object]:
    return card.model_dump(exclude={*card.words, "id", "role", "ndim"})


def _link(title: str) -> str:
    # As GitHub names the places of headings.
    place = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    return f"[{title}](#{place})"


def _part(table: Table, shown: Shown) -> str:
    # Headings one level down: this page has one of its own.
    text = render(replace(table, legend=())).replace("\n## ", "\n### ").replace("# ", "## ", 1)
    # The longest part, which few readers want: folded up.
    text = re.sub(
        r"### (Every value)\n\n((?:\|.*\n)+)", r"<details><summary>\1</summary>\n\n\2\n</details>\n", text
    )
    for heading, figures in (
        ("Error against the number of training images", shown.errors),
        ("F1 against the radius", shown.curves),
    ):
        if figures:
            pictures = "\n".join(f"![{name}](img/results/{name})\n" for name in figures)
            text += f"\n### {heading}\n\n{pictures}"
    return text


@dataclass(frozen=True)
class Shown:
    """A table of methods for which a method has a result."""

    paper: PaperCard
    id: str
    trials: list[Trial]
    """the published trials that stand in it"""

    @property
    def table(self) -> ScoreTable:
        return self.paper.all_tables[self.id]

    @property
    def asked(self) -> list[Trial]:
        """What the table asks for, run or not: a mean over three draws of five must say so.

        Of the methods beside the paper's rows only where they have been run: nobody misses the others.
        """
        ran = {_series(trial) for trial in self.trials}
        needed = trials_needed(self.paper, table_id=self.id)
        return [
            trial
            for trial in needed
            if trial.method in _methods() and (trial.method not in self.table.also or _series(trial) in ran)
        ]

    @property
    def errors(self) -> dict[str, list[Trial]]:
        """A figure's file and trials for each dataset and protocol, in tables whose columns are numbers of images."""
        if self.table.n_in_rows:
            return {}
        found = _grouped(self.trials, lambda trial: f"{trial.dataset}-{trial.protocol}")
        return {
            f"error-{self.paper.id}-{self.id}-{name}.png": trials
            for name, trials in found.items()
            if len({trial.n for trial in trials if not _is_control(trial)}) > 1
        }

    @property
    def curves(self) -> dict[str, list[Trial]]:
        """A figure's file and trials for each split, in tables that say where cells are."""
        if all(column.metric != "f1" for column in self.table.columns):
            return {}
        found = _grouped(self.trials, lambda trial: f"{trial.dataset}-{trial.protocol}-n{trial.n}.png")
        return {name: trials for name, trials in found.items() if not all(map(_is_control, trials))}


def _grouped(trials: Iterable[Trial], name: Callable[[Trial], str]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(name(trial), []).append(trial)
    return found


def _series(trial: Trial) -> Trial:
    """The same for all draws."""
    return replace(trial, draw=0)


def _shown() -> Iterator[Shown]:
    for paper in (load_paper(id) for id in card_ids("papers")):
        for id, table in paper.all_tables.items():
            if isinstance(table, ScoreTable):
                shown = Shown(paper, id, trials_shown(paper, id, _published()))
                if not all(map(_is_control, shown.trials)):
                    yield shown


def _names() -> dict[str, str]:
    return {id: card.name for id, card in _methods().items()}


def _is_control(trial: Trial) -> bool:
    return _methods()[trial.method].role == "control"


@cache
def _published() -> set[Trial]:
    return {
        Trial.parse(str(file.parent.relative_to(PUBLISHED)))
        for file in PUBLISHED.rglob(Metrics.FILE)
        if Metrics.read(file.parent).ok
    }


@cache
def _ndim(dataset: str) -> int:
    return load_dataset(dataset).ndim


@cache
def _methods() -> dict[str, MethodCard]:
    return {id: load_method(id) for id in card_ids("methods")}


if __name__ == "__main__":
    main()
