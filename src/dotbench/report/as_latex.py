"""A table as LaTeX with booktabs: a paper may \\input the file, and the file alone compiles too."""

from __future__ import annotations

from dotbench.report.table import Grid, Item, Line, Section, Table

# The kernel's own macros only, so that no further package is needed.
CHARACTERS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\n": " ",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "–": r"--",
    "—": r"---",
    "²": r"$^2$",
    "³": r"$^3$",
    "µ": r"$\mu$",
    "σ": r"$\sigma$",
    "γ": r"$\gamma$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "…": r"\dots{}",
    "✓": r"$\surd$",
    "▲": r"$\bigtriangleup$",
    "▼": r"$\bigtriangledown$",
    "≠": r"$\neq$",
    "⊘": r"$\oslash$",
    "✗": r"$\times$",
    "○": r"$\circ$",
}

# \thetable exists once a document class is loaded: then somebody inputs this file into a document.
OPENING = r"""% Needs \usepackage{booktabs,longtable}. Compiles alone, and may be read with \input into a document.
\ifdefined\thetable\else
\documentclass[9pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[PAPER,landscape,margin=12mm]{geometry}
\usepackage{booktabs,longtable}
\setlength{\LTcapwidth}{0.9\linewidth}
\begin{document}
\gdef\dotbenchclose{\end{document}}
\fi
"""
CLOSING = r"""\ifdefined\dotbenchclose\expandafter\dotbenchclose\fi
"""
WIDE = 16
"""columns from which on a table needs a larger sheet and a smaller type"""


def render(table: Table) -> str:
    parts = [_grid(grid, table) for grid in table.grids] or [escape(f"{table.title}. {table.caption}")]
    if table.notes:
        notes = "\\\\\n".join(
            rf"\textsuperscript{{{i}}} {escape(note)}" for i, note in enumerate(table.notes, 1)
        )
        parts.append(rf"{{\footnotesize\noindent {notes}\par}}")
    if table.legend:
        parts.append("{\\footnotesize\\noindent " + "\\\\\n".join(map(escape, table.legend)) + "\\par}")
    widest = max((len(grid.header) for grid in table.grids), default=0)
    opening = OPENING.replace("PAPER", "a3paper" if widest >= WIDE else "a4paper")
    return opening + "\n\n\\medskip\n".join(parts) + "\n" + CLOSING


def escape(text: str) -> str:
    return "".join(CHARACTERS.get(letter, letter) for letter in text)


def _grid(grid: Grid, table: Table) -> str:
    caption = f"{table.title}: {grid.title}" if grid.title else table.title
    if grid is table.grids[0] and table.caption:
        caption += f". {table.caption}"
    head = []
    if grid.groups:
        head.append(
            " & ".join(rf"\multicolumn{{{span}}}{{c}}{{{escape(group)}}}" for group, span in grid.groups)
            + r" \\"
        )
        head.append(_rules(grid))
    head.append(" & ".join(map(escape, grid.header)) + r" \\")
    head = "\n".join(head)
    body = "\n\\midrule\n".join(_section(section, grid) for section in grid.sections)
    size = (
        r"\scriptsize\setlength{\tabcolsep}{2.5pt}"
        if len(grid.header) >= WIDE
        else r"\footnotesize\setlength{\tabcolsep}{3.5pt}"
    )
    return "\n".join(
        [
            "{" + size,
            rf"\begin{{longtable}}{{@{{}}{_columns(grid)}@{{}}}}",
            rf"\caption{{{escape(caption)}}}\\",
            rf"\toprule {head} \midrule \endfirsthead",
            rf"\toprule {head} \midrule \endhead",
            body,
            r"\bottomrule",
            r"\end{longtable}}",
        ]
    )


def _columns(grid: Grid) -> str:
    if not grid.wrap:
        return "l" * grid.left + "r" * (len(grid.header) - grid.left)
    # Sentences share the width of the page as they need it.
    lines = [line for section in grid.sections for line in section.lines]
    lengths = [min(max(len(line.items[i].text) for line in lines), 80) + 5 for i in range(len(grid.header))]
    return "".join(rf"p{{{0.93 * length / sum(lengths):.3f}\linewidth}}" for length in lengths)


def _rules(grid: Grid) -> str:
    rules, start = [], 1
    for group, span in grid.groups:
        if group:
            rules.append(rf"\cmidrule(lr){{{start}-{start + span - 1}}}")
        start += span
    return "".join(rules)


def _section(section: Section, grid: Grid) -> str:
    title = rf"\multicolumn{{{len(grid.header)}}}{{@{{}}l}}{{\textit{{{escape(section.title)}}}}} \\" + "\n"
    return (title if section.title else "") + "\n".join(_line(line, grid.wrap) for line in section.lines)


def _line(line: Line, wrap: bool) -> str:
    row = " & ".join(_item(item, wrap) for item in line.items) + r" \\"
    if not any(item.below for item in line.items):
        return row
    # The star keeps both lines of a place on one page.
    below = " & ".join(rf"{{\scriptsize {escape(item.below)}}}" if item.below else "" for item in line.items)
    return f"{row}*[-2pt]\n{below} \\\\\n\\addlinespace[2pt]"


def _item(item: Item, wrap: bool) -> str:
    text = escape(item.text)
    if wrap:
        # Paths have no spaces to break at.
        text = text.replace("/", r"/\allowbreak{}")
    text = " ".join(filter(None, (text, escape(item.mark))))
    if item.notes:
        text += rf"\textsuperscript{{{','.join(map(str, item.notes))}}}"
    return text
