"""Tables from what trials left on disk. Every one can be built at any time: what is missing is shown as missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dotbench.cards.paper import FactsTable, PaperCard
from dotbench.contract.layout import Layout
from dotbench.contract.trial import Trial
from dotbench.errors import unknown
from dotbench.report.facts_table import build_facts_table
from dotbench.report.scores_table import build_scores_table
from dotbench.report.table import Table


def build_table(
    paper: PaperCard,
    table_id: str,
    configured: Collection[Trial],
    layout: Layout,
    names: Mapping[str, str] | None = None,
) -> Table:
    """One table of a paper (`paper.all_tables`); `names` are what methods outside the paper are called."""
    tables = paper.all_tables
    if table_id not in tables:
        raise unknown(f"table of {paper.name}", table_id, tables)
    if isinstance(tables[table_id], FactsTable):
        return build_facts_table(paper, table_id, layout)
    return build_scores_table(paper, table_id, configured, layout, names or {})
