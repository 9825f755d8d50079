"""A table as Markdown: for README files, issues and docs."""

from __future__ import annotations

import re

from dotbench.report.table import Grid, Item, Line, Table

SPECIAL = re.compile(r"([\\|*`\[\]])")


def render(table: Table) -> str:
    parts = [f"# {escape(table.title)}", escape(table.caption)]
    for grid in table.grids:
        parts += [f"## {escape(grid.title)}" if grid.title else "", _grid(grid)]
    if table.notes:
        parts.append("\n".join(f"{number}. {escape(note)}" for number, note in enumerate(table.notes, 1)))
    if table.legend:
        parts += ["How to read it:", "\n".join(f"- {escape(line)}" for line in table.legend)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    text = SPECIAL.sub(r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def _grid(grid: Grid) -> str:
    names = list(grid.header)
    # Markdown has one header line, so headings over several columns go into each of them.
    start = 0
    for group, span in grid.groups:
        if group:
            names[start : start + span] = [f"{group} {name}" for name in names[start : start + span]]
        start += span
    width = len(names)
    rows = [[escape(name) for name in names], ["---" if i < grid.left else "---:" for i in range(width)]]
    for section in grid.sections:
        if section.title:
            rows.append([f"**{escape(section.title)}**", *[""] * (width - 1)])
        rows += [_line(line) for line in section.lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _line(line: Line) -> list[str]:
    return [_item(item) for item in line.items]


def _item(item: Item) -> str:
    text = " ".join(filter(None, (escape(item.text), item.mark)))
    if item.notes:
        text += f"<sup>{','.join(map(str, item.notes))}</sup>"
    return f"{text}<br><sub>{escape(item.below)}</sub>" if item.below else text
