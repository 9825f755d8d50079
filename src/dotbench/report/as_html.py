"""A table as one HTML file that needs nothing else: no network, no script to read it."""

from __future__ import annotations

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dotbench.report.html_template import SEARCH, STYLE, TEMPLATE
from dotbench.report.table import Table
from dotbench.report.verdict import VERDICTS

ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(table: Table) -> str:
    template = ENVIRONMENT.from_string(TEMPLATE)
    return template.render(table=table, verdicts=VERDICTS, style=Markup(STYLE), search=Markup(SEARCH))
