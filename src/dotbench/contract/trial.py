"""The unit of work and of every table: one method on one dataset, protocol, N and draw."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from dotbench.errors import UserError


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
        found = re.fullmatch(r"([a-z]\w*)/([a-z]\w*)/n(\d+)/draw(\d+)/([a-z]\w*)", text.strip().strip("/"))
        if not found:
            raise UserError(
                f"{text!r} does not name a trial",
                allowed="dataset/protocol/n<images>/draw<number>/method, e.g. vgg/xie2015/n32/draw0/fcrn_a",
                next="snakemake -n names those of your configuration, results/tables/trials.csv too",
            )
        dataset, protocol, n, draw, method = found.groups()
        return cls(dataset, protocol, int(n), int(draw), method)


TRIAL_COLUMNS = tuple(field.name for field in fields(Trial))
"""what names a trial in the records of a table"""
