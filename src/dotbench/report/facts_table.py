"""A paper's table of datasets: what it says of them beside what `prepare` measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean, pstdev

from dotbench.cards.paper import Fact, FactsTable, PaperCard
from dotbench.contract.layout import Layout
from dotbench.errors import UserError
from dotbench.files import read_csv, read_json
from dotbench.report.numbers import NOTHING, number, with_sd
from dotbench.report.table import Grid, Item, Line, Notes, Section, Table, verdict_legend
from dotbench.report.verdict import judge_fact

COLUMNS = tuple(
    "paper table row dataset what printed ours difference tolerance verdict why images dots".split(),
)
LEGEND = (
    "Upper line: measured on the published files. Lower line, small: as the paper prints it.",
    "A fact is reproduced if ours, rounded as the paper rounds, is what it prints.",
)


@dataclass(frozen=True)
class Measured:
    """What the canonical form of a dataset holds."""

    images: int
    dots: int
    mean: float
    sd: float
    size: str


def build_facts_table(paper: PaperCard, table_id: str, layout: Layout) -> Table:
    table: FactsTable = paper.all_tables[table_id]
    notes, lines, records = Notes(), [], []
    for fact in table.rows:
        measured = measure(fact.dataset, layout)
        found = list(_places(fact, measured))
        records += [
            {"paper": paper.id, "table": table_id, "row": fact.label, "dataset": fact.dataset} | r
            for r in found
        ]
        lines.append(_line(fact, measured, found, notes))
    used = {item.verdict for line in lines for item in line.items} - {""}
    header = ("Dataset", "Image size", "Trials an image", "Type", "Images", "Trials")
    return Table(
        title=table.title,
        caption=table.caption,
        grids=(Grid("", header, (Section(tuple(lines)),)),),
        records=records,
        columns=COLUMNS,
        notes=tuple(notes.texts),
        legend=(verdict_legend(used), *LEGEND),
    )


def measure(dataset: str, layout: Layout) -> Measured | None:
    """None if the dataset was not prepared."""
    folder = layout.dataset(dataset)
    try:
        rows = read_csv(folder / "images.csv")
        told = read_json(folder / "dataset.json").get("statistics") or {}
    except (FileNotFoundError, UserError):
        return None
    labelled = [row for row in rows if row["labelled"].lower() in ("true", "1")]
    counts = [int(row["dots"]) for row in labelled]
    return Measured(
        images=told.get("images", len(rows)),
        dots=told.get("dots", sum(counts)),
        mean=told.get("mean", fmean(counts) if counts else math.nan),
        sd=told.get("sd", pstdev(counts) if counts else math.nan),
        size=_sizes(rows),
    )


def _sizes(rows: list[dict[str, str]]) -> str:
    """150 × 150, or 306 × 322 to 798 × 788."""
    shapes = [tuple(int(row[axis]) for axis in ("depth", "height", "width")) for row in rows]
    ends = [min(shapes, key=math.prod), max(shapes, key=math.prod)] if shapes else []
    texts = [" × ".join(str(size) for size in (shape[1:] if shape[0] == 1 else shape)) for shape in ends]
    return " to ".join(dict.fromkeys(texts))


def _places(fact: Fact, measured: Measured | None) -> Iterator[dict[str, object]]:
    for what, printed in (("size", fact.size), ("count", fact.count.text)):
        place: dict[str, object] = {"what": what, "printed": printed}
        if measured is None:
            why = f"dataset {fact.dataset} is not prepared"
            yield place | {"verdict": "not_run", "why": why}
            continue
        place |= {"images": measured.images, "dots": measured.dots}
        if what == "size":
            same = printed.replace(" ", "") == measured.size.replace(" ", "")
            yield place | {"ours": measured.size, "verdict": "reproduced" if same else "different"}
            continue
        ours = with_sd(measured.mean, measured.sd)
        if fact.count.value is None:
            yield place | {"ours": ours}
            continue
        judged = judge_fact(measured.mean, fact.count.value, fact.count.decimals)
        spread = judge_fact(measured.sd, fact.count.sd, fact.count.decimals) if fact.count.sd else judged
        if spread.name != "reproduced":
            judged = replace(judged, name=spread.name)
        yield place | {
            "ours": ours,
            "difference": judged.difference,
            "tolerance": judged.tolerance,
            "verdict": judged.name,
        }


def _line(fact: Fact, measured: Measured | None, found: list[dict[str, object]], notes: Notes) -> Line:
    head = Item(fact.label, notes=notes.add(fact.note))
    size, count = (
        Item(
            place.get("ours", NOTHING),
            place["printed"],
            place.get("verdict", ""),
            notes.add(place.get("why")),
        )
        for place in found
    )
    total = [Item(number(getattr(measured, key, None), 0)) for key in ("images", "dots")]
    return Line((head, size, count, Item(fact.type), *total))
