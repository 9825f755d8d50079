"""The unit of work and of every table: one method on one dataset, protocol, N and draw."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache

import yaml

from dotbench.errors import UserError
from dotbench.paths import CONFIG

METHOD_ID = r"[a-z][a-z0-9_]*(?:-[a-z][a-z0-9_]*)*(?:@[a-z][a-z0-9_]*(?:\+[a-z][a-z0-9_]*)*)?"
"""family[-variant][@recipe], where a recipe may be layered over another: ours+sim2d"""
_TRIAL = re.compile(rf"([a-z]\w*)/([a-z]\w*)/n(\d+)/draw(\d+)/({METHOD_ID})")
ALIASES = CONFIG / "aliases.yaml"


@cache
def aliases() -> dict[str, str]:
    """Old names of methods, and what each is called now."""
    return yaml.safe_load(ALIASES.read_text()) if ALIASES.is_file() else {}


def method_id(text: str) -> str:
    """The id of a method, given that or an old name."""
    return aliases().get(text, text)


@dataclass(frozen=True, order=True)
class Trial:
    """The unit of work and of every table."""

    dataset: str
    protocol: str
    n: int
    draw: int
    method: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.protocol}/n{self.n}/draw{self.draw}/{self.method}"

    @property
    def split(self) -> str:
        return f"{self.dataset}/{self.protocol}/n{self.n}/draw{self.draw}"

    @classmethod
    def parse(cls, text: str) -> Trial:
        found = _TRIAL.fullmatch(text.strip().strip("/"))
        if not found:
            raise UserError(
                f"{text!r} does not name a trial",
                allowed="dataset/protocol/n<images>/draw<number>/method, e.g. vgg/xie2015/n32/draw0/fcrn_a@ours",
                next="snakemake -n names those of your configuration, results/tables/trials.csv too",
            )
        dataset, protocol, n, draw, method = found.groups()
        return cls(dataset, protocol, int(n), int(draw), method_id(method))


TRIAL_COLUMNS = tuple(field.name for field in fields(Trial))
"""what names a trial in the records of a table"""
