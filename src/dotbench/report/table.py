"""A table before it is a file: grids of short texts, footnotes, and the same numbers as plain records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dotbench.files import write_text
from dotbench.report.verdict import VERDICTS


@dataclass(frozen=True)
class Item:
    """One place of a grid."""

    text: str
    below: str = ""
    """a second, smaller line"""
    verdict: str = ""
    notes: tuple[int, ...] = ()
    """numbers of footnotes"""
    spell: bool = False
    """write the verdict out instead of its mark alone"""

    @property
    def mark(self) -> str:
        look = VERDICTS.get(self.verdict)
        return "" if look is None else f"{look.mark} {look.word}" if self.spell else look.mark


@dataclass(frozen=True)
class Line:
    """A row of a grid."""

    items: tuple[Item, ...]
    kind: str = "row"
    """row, or bound: a control, set apart from what is compared"""


@dataclass(frozen=True)
class Section:
    """Rows under a heading of their own; the first section of a grid usually needs none."""

    lines: tuple[Line, ...]
    title: str = ""


@dataclass(frozen=True)
class Grid:
    title: str
    header: tuple[str, ...]
    sections: tuple[Section, ...]
    groups: tuple[tuple[str, int], ...] = ()
    """headings over the header, each with the number of columns it spans"""
    left: int = 1
    """how many leading columns are text"""
    wrap: bool = False
    """whether its texts are sentences, to be broken over lines"""


@dataclass(frozen=True)
class Table:
    title: str
    caption: str
    grids: tuple[Grid, ...]
    records: Sequence[Mapping[str, object]]
    """what the CSV file holds"""
    columns: tuple[str, ...]
    """of the records"""
    notes: tuple[str, ...] = ()
    legend: tuple[str, ...] = ()
    """how to read it"""
    searchable: bool = False
    """long enough that a reader of the HTML wants to filter it"""

    def write(self, folder: Path | str, stem: str) -> list[Path]:
        """<stem>.csv, .md, .tex and .html."""
        # Here, because the formats import this module.
        from dotbench.report import as_csv, as_html, as_latex, as_markdown

        formats = {"csv": as_csv, "md": as_markdown, "tex": as_latex, "html": as_html}
        paths = {Path(folder) / f"{stem}.{suffix}": module for suffix, module in formats.items()}
        for path, module in paths.items():
            write_text(path, module.render(self))
        return list(paths)


@dataclass
class Notes:
    """Footnotes while a table is built: the same text always has the same number."""

    texts: list[str] = field(default_factory=list)

    def add(self, *texts: str | None) -> tuple[int, ...]:
        numbers = []
        for text in texts:
            if text:
                if text not in self.texts:
                    self.texts.append(text)
                numbers.append(self.texts.index(text) + 1)
        return tuple(sorted(set(numbers)))


def verdict_legend(used: set[str]) -> str:
    """The marks that a table uses, explained."""
    shown = [f"{look.mark} {look.word}: {look.meaning}" for name, look in VERDICTS.items() if name in used]
    return "; ".join(shown) + "." if shown else ""
