"""What the scripts of all rules share: the work of a job runs under the library's guard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from dotbench.guard import Limits, guard


def run(
    snakemake, work: Callable[[], object], on_failure: Callable[[str, str], None] | None = None
) -> NoReturn:
    """Does the work of a rule and ends the script; `on_failure(status, reason)` writes why there is no result."""
    limits = Limits.of_job(snakemake.resources)
    sys.exit(guard(work, on_failure, limits, snakemake.log[0] if snakemake.log else None))


def plan_of(snakemake):
    from dotbench.plan import plan_of

    return plan_of(snakemake.config, [])


def trial_of(snakemake):
    """The trial a job works for; splits belong to all methods of a trial."""
    from dotbench.contract.trial import Trial

    wildcards = snakemake.wildcards
    method = wildcards.get("method", "any")
    return Trial(wildcards.dataset, wildcards.protocol, int(wildcards.n), int(wildcards.draw), method)
