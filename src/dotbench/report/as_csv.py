"""A table as CSV: one record a line, plain numbers, for programs."""

from __future__ import annotations

import csv
import io

from dotbench.report.numbers import plain
from dotbench.report.table import Table


def render(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    for record in table.records:
        writer.writerow([plain(record.get(column)) for column in table.columns])
    return text.getvalue()
