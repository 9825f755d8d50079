"""All configured trials in one table: what became of each, and every number. What they cost is in cost_table.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict

from dotbench.cards.metrics import METRICS
from dotbench.contract.layout import Layout
from dotbench.contract.trial import TRIAL_COLUMNS, Trial
from dotbench.report.numbers import NOTHING, interval, number
from dotbench.report.result import Draw, Result, read_draw
from dotbench.report.table import Grid, Item, Line, Section, Table

SHOWN = "mae rmse mse nae bias r2 game1 game2 game3 precision recall f1".split()
WITH_INTERVAL = ("mae", "f1")
# A status in the colours of the verdicts.
LOOKS = {"ok": "", "not_run": "not_run", "not_applicable": "not_comparable", "missing_weights": "not_run"}
LEGEND = (
    "MAE, RMSE, MSE (mean square), NAE (error relative to the true count) and bias (mean of predicted less true) are "
    "over whole images, or over patches where the protocol cuts some. GAME(L): error summed over 4^L parts of the image.",
    "Precision, recall and F1 are pooled over images, with one detection for one trial; r is how near is near enough.",
    "Lower line, small: 95 % bootstrap interval over test images.",
)


def build_trials_table(
    configured: Collection[Trial],
    layout: Layout,
    names: Mapping[str, str] | None = None,
    matches: Mapping[str, str] | None = None,
) -> Table:
    """`matches` says, for each dataset, what counts as a hit: "5 px" or "inside the mask"."""
    draws = [read_draw(trial, layout) for trial in sorted(configured)]
    names, matches = names or {}, matches or {}
    columns = (*TRIAL_COLUMNS, "status", "reason", "images", *_columns(), "match", "log")
    header = (
        *("Dataset", "Protocol", "Method", "N", "Draw", "Status", "Images"),
        *(METRICS[metric].label for metric in SHOWN),
        "r",
    )
    ok = sum(draw.status == "ok" for draw in draws)
    return Table(
        title="All trials",
        caption=f"{ok} of {len(draws)} configured trials have a result.",
        grids=(Grid("", header, (Section(tuple(_line(draw, names, matches) for draw in draws)),), left=3),),
        records=[_record(draw, matches) for draw in draws],
        columns=columns,
        legend=LEGEND,
        searchable=True,
    )


def _columns() -> Iterable[str]:
    for metric in SHOWN:
        yield metric
        if metric in WITH_INTERVAL:
            yield from (f"{metric}_low", f"{metric}_high")


def _line(draw: Draw, names: Mapping[str, str], matches: Mapping[str, str]) -> Line:
    trial = draw.trial
    items = [
        *map(
            Item,
            (
                trial.dataset,
                trial.protocol,
                names.get(trial.method, trial.method),
                str(trial.n),
                str(trial.draw),
            ),
        ),
        Item(draw.status.replace("_", " "), "", LOOKS.get(draw.status, "failed")),
        Item(number(draw.metrics.images, 0)),
    ]
    for metric in SHOWN:
        value = Result((draw,)).value(metric)
        below = (
            interval(value.low, value.high)
            if value and metric in WITH_INTERVAL and value.low is not None
            else ""
        )
        items.append(Item(number(value and value.mean), below))
    items.append(Item(matches.get(trial.dataset, NOTHING)))
    return Line(tuple(items))


def _record(draw: Draw, matches: Mapping[str, str]) -> dict[str, object]:
    trial = draw.trial
    record: dict[str, object] = asdict(trial)
    record |= {
        "status": draw.status,
        "reason": draw.reason,
        "images": draw.metrics.images,
        "log": draw.log,
    }
    for metric in SHOWN:
        if value := Result((draw,)).value(metric):
            record |= {metric: value.mean, f"{metric}_low": value.low, f"{metric}_high": value.high}
    return record | {"match": matches.get(trial.dataset)}
