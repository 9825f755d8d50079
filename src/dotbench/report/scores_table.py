"""A paper's table of scores: ours beside what is printed, with floor, chance and ceiling, spread and verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from dotbench.cards.metrics import METRICS
from dotbench.cards.paper import Column, Improvement, PaperCard, ScoreTable
from dotbench.contract.layout import Layout
from dotbench.contract.records import WHOLE_IMAGES
from dotbench.contract.trial import Trial
from dotbench.report.improvement import improvement
from dotbench.report.numbers import NOTHING, interval, number, with_sd
from dotbench.report.places import BOUNDS, Place, Reader, split_of
from dotbench.report.table import Grid, Item, Line, Notes, Section, Table, verdict_legend

COLUMNS = tuple(
    "paper table section row column method dataset protocol n metric prints printed printed_value printed_sd "
    "ours sd_over_draws low high difference tolerance verdict why per_image floor ceiling f1 chance "
    "draws_ok draws_asked log".split()
)
DETAILS = (
    *("Row", "Column", "Verdict", "Printed", "Ours ± SD", "95 % interval", "Difference", "Tolerance"),
    *("Floor", "Ceiling", "F1 (%)", "Chance F1 (%)", "Draws"),
)
PRINTED = (
    "Upper line: ours, the mean over draws ± standard deviation over draws. Lower line, small: as the paper prints it.",
    "Tolerance: the paper's own ±, else 10 % of the printed error (for F1, precision and recall the error is what is "
    "missing to 100 %).",
)
UNPRINTED = ("The mean over draws ± standard deviation over draws.",)
LEGEND = (
    "95 % interval: bootstrap over test images, averaged over draws; it says nothing about other training images.",
    "Floor: every image gets the mean count of the training images. Chance: random places, as many as there are trials. "
    "Ceiling: the true dots drawn as a map and found again by the same post-processing; in columns the best of them.",
    "Draws: runs that worked of those configured, each with other training images.",
)


def build_scores_table(
    paper: PaperCard,
    table_id: str,
    configured: Collection[Trial],
    layout: Layout,
    names: Mapping[str, str],
) -> Table:
    table = paper.all_tables[table_id]
    reader = Reader(paper, table, configured, layout)
    places = [*reader.printed(), *reader.beside(names)]
    bounds = {kind: list(reader.bound(kind, names)) for kind in BOUNDS}
    notes = Notes()
    sections = tuple(_sections(table, places, bounds, notes))
    used = {item.verdict for section in sections for line in section.lines for item in line.items} - {""}
    context = {"paper": paper.id, "table": table_id}
    everything = [*places, *(place for kind in BOUNDS for place in bounds[kind])]
    return Table(
        title=table.title,
        caption=table.caption,
        grids=(_overview(table, sections), *_details(table, places, bounds, notes)),
        records=[context | _record(table, place, bounds) for place in everything]
        + [context | record for record in _improvement_records(table, places)],
        columns=COLUMNS,
        notes=tuple(notes.texts),
        legend=(verdict_legend(used), *(PRINTED if table.prints_values else UNPRINTED), *LEGEND),
    )


def _sections(
    table: ScoreTable, places: Sequence[Place], bounds: Mapping[str, Sequence[Place]], notes: Notes
) -> Iterator[Section]:
    paper = [place for place in places if place.section == "paper"]
    width, lines = len(table.columns), []
    for i, row in enumerate(table.rows):
        head = Item(row.label, notes=notes.add(row.note))
        items = [_item(place, notes) for place in paper[i * width : (i + 1) * width]]
        lines.append(Line((head, *_n(table, row.n_printed or str(row.n)), *items)))
    lines += [_improvement_line(table, part, places, notes) for part in table.improvements]
    yield Section(tuple(lines))

    lines = []
    for _, group in groupby(
        (place for place in places if place.section == "beside"), lambda place: _line_of(table, place)
    ):
        row = list(group)
        n = _n(table, str(row[0].trial.n))
        lines.append(Line((Item(row[0].row), *n, *(_item(place, notes) for place in row))))
    if lines:
        where = (
            "Not in the printed table, on the same images" if table.prints_values else "On the same images"
        )
        yield Section(tuple(lines), where)

    lines = []
    for kind in BOUNDS:
        if kind == "chance" and not table.locates:
            # An F1 under columns of errors would be read as one; "Every value" has it.
            continue
        for _, group in groupby(bounds[kind], lambda place: place.trial.method):
            lines.append(_bound_line(table, list(group), notes))
    if lines:
        yield Section(tuple(lines), "What frames them")


def _line_of(table: ScoreTable, place: Place) -> tuple:
    return place.trial.method, place.trial.n if table.n_in_rows else None


def _n(table: ScoreTable, n: str) -> tuple[Item, ...]:
    """The place of N in a line, in tables whose rows differ in it."""
    return (Item(n),) if table.n_in_rows else ()


def _item(place: Place, notes: Notes) -> Item:
    below = place.printed.text if place.printed else ""
    value = place.value
    text = with_sd(value.mean, value.sd, place.decimals) if value else NOTHING
    return Item(text, below, place.verdict, notes.add(*place.notes))


def _bound_line(table: ScoreTable, places: Sequence[Place], notes: Notes) -> Line:
    """A control in one line, as a range where N of the rows, and so the control, differs."""
    items = []
    for j in range(len(table.columns)):
        here = [place for place in places if place.column == j]
        found = sorted(
            {
                number(place.value.mean, place.decimals): place.value.mean for place in here if place.value
            }.items(),
            key=lambda pair: pair[1],
        )
        if found:
            items.append(Item(" to ".join(dict.fromkeys((found[0][0], found[-1][0])))))
        elif here:
            items.append(Item(NOTHING, "", here[0].verdict, notes.add(*here[0].notes)))
        else:
            items.append(Item(NOTHING))
    return Line((Item(places[0].row), *_n(table, ""), *items), "bound")


def _improvement_line(table: ScoreTable, part: Improvement, places: Sequence[Place], notes: Notes) -> Line:
    items = []
    for printed, ours in zip(part.printed, _improved(table, part, places), strict=True):
        # No verdict: a difference of differences says little, and its parts are judged above.
        missing = ("not_run", notes.add("needs all rows that it compares")) if ours is None else ("", ())
        items.append(Item(NOTHING if ours is None else number(ours, 1) + "%", printed.text, *missing))
    return Line((Item(part.label), *_n(table, ""), *items))


def _improvement_records(table: ScoreTable, places: Sequence[Place]) -> Iterator[dict[str, object]]:
    for part in table.improvements:
        for j, ours in enumerate(_improved(table, part, places)):
            printed = part.printed[j]
            yield {
                "section": "paper",
                "row": part.label,
                "column": _name(table.columns[j]),
                "method": part.of,
                "metric": "improvement",
                "printed": printed.text,
                "printed_value": printed.value,
                "ours": ours,
                "difference": None if ours is None or printed.value is None else ours - printed.value,
                "verdict": "not_run" if ours is None else "",
            }


def _improved(table: ScoreTable, part: Improvement, places: Sequence[Place]) -> list[float | None]:
    found: list[dict[str, float]] = [{} for _ in table.columns]
    for place in places:
        if place.section == "paper" and place.value:
            found[place.column][place.trial.method] = place.value.mean
    # Without all rows the best of them could be one that is still to come.
    methods = {row.method for row in table.rows}
    return [improvement(values, part, methods) for values in found]


def _overview(table: ScoreTable, sections: tuple[Section, ...]) -> Grid:
    lead = ("Method", "N") if table.n_in_rows else ("Method",)
    groups = [
        (group, len(list(columns)))
        for group, columns in groupby(column.group or "" for column in table.columns)
    ]
    headed = any(group for group, _ in groups)
    names = [
        f"{column.label} (is {METRICS[column.metric].label})" if column.prints else column.label
        for column in table.columns
    ]
    return Grid(
        "In the paper's form" if table.prints_values else "Overview",
        (*lead, *names),
        sections,
        (("", len(lead)), *groups) if headed else (),
    )


def _details(
    table: ScoreTable, places: Sequence[Place], bounds: Mapping[str, Sequence[Place]], notes: Notes
) -> Iterator[Grid]:
    lines = []
    for place in places:
        if place.verdict == "not_run":
            # The overview says so and why; many empty lines would hide the others.
            continue
        value, judged, d = place.value, place.judged, place.decimals
        images, f1 = place.result.value(place.metric, WHOLE_IMAGES), place.result.value("f1")
        frame = _frame(place, bounds)
        items = [
            Item(f"{place.row}, N={place.trial.n}" if table.n_in_rows else place.row),
            Item(_name(table.columns[place.column])),
            Item("" if place.verdict else NOTHING, "", place.verdict, notes.add(*place.notes), spell=True),
            Item(place.printed.text if place.printed else NOTHING),
            Item(
                with_sd(value.mean, value.sd, d) if value else NOTHING,
                # Patches are what the paper scores; whole images are what a user counts.
                f"whole images: {with_sd(images.mean, images.sd)}" if images else "",
            ),
            Item(interval(value.low, value.high, d) if value else NOTHING),
            Item(number(judged.difference, d, sign=True)),
            Item(f"± {number(judged.tolerance, d)}" if judged.tolerance else NOTHING),
            Item(number(frame["floor"])),
            Item(number(frame["ceiling"])),
            Item(number(f1 and f1.mean, 1)),
            Item(number(frame["chance"], 1)),
            Item(f"{len(place.result.ok)} of {len(place.result.draws)}"),
        ]
        lines.append(Line(tuple(items)))
    if lines:
        yield Grid("Every value", DETAILS, (Section(tuple(lines)),), left=3)


def _record(table: ScoreTable, place: Place, bounds: Mapping[str, Sequence[Place]]) -> dict[str, object]:
    trial, value, judged, printed = place.trial, place.value, place.judged, place.printed
    images, f1 = place.result.value(place.metric, WHOLE_IMAGES), place.result.value("f1")
    return {
        "section": place.section,
        "row": place.row,
        "column": _name(table.columns[place.column]),
        "method": trial.method,
        "dataset": trial.dataset,
        "protocol": trial.protocol,
        "n": trial.n,
        "metric": place.metric,
        "prints": place.prints,
        "printed": printed.text if printed else "",
        "printed_value": printed.value if printed else None,
        "printed_sd": printed.sd if printed else None,
        "ours": value.mean if value else None,
        "sd_over_draws": value.sd if value else None,
        "low": value.low if value else None,
        "high": value.high if value else None,
        "difference": judged.difference,
        "tolerance": judged.tolerance,
        "verdict": place.verdict,
        "why": place.why,
        "per_image": images.mean if images else None,
        "f1": f1.mean if f1 else None,
        **_frame(place, bounds),
        "draws_ok": len(place.result.ok),
        "draws_asked": len(place.result.draws),
        "log": next((draw.log for draw in place.result.troubled if draw.log), ""),
    }


def _frame(place: Place, bounds: Mapping[str, Sequence[Place]]) -> dict[str, float | None]:
    """Floor, chance and ceiling on the very images of a place."""
    found: dict[str, float | None] = {}
    for kind in BOUNDS:
        metric = "f1" if kind == "chance" else place.metric
        same = (b for b in bounds[kind] if split_of(b.trial) == split_of(place.trial) and b.metric == metric)
        values = [b.value.mean for b in same if b.value]
        best = max if METRICS[metric].better == "high" else min
        found[kind] = best(values) if values else None
    return found


def _name(column: Column) -> str:
    return f"{column.group} {column.label}" if column.group else column.label
