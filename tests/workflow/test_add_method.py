"""docs/add-a-method.md, followed to the letter in a copy: two new files, nothing else changed, the method in the table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from checkout import ROOT, Block, Checkout, blocks

DOCUMENT = ROOT / "docs" / "add-a-method.md"
# One dataset and one N instead of the whole demo.
SMALL = "--config 'runs=[{dataset: sim2d, protocol: random, n: [8]}]'"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout.make(tmp_path_factory.mktemp("add_method") / "dotbench")


def section(title: str) -> list[Block]:
    """The commands between a heading and the next."""
    lines = DOCUMENT.read_text().splitlines()
    first = lines.index(f"## {title}")
    last = next((i for i in range(first + 1, len(lines)) if lines[i].startswith("## ")), len(lines))
    found = [block for block in blocks(DOCUMENT) if first < block.line <= last and block.language == "bash"]
    assert found, f"no commands under {title!r}"
    return found


def follow(checkout: Checkout, title: str) -> None:
    for block in section(title):
        checkout.run(block.text.replace(" --config 'methods", f" {SMALL} 'methods"))


def statuses(folder: Path) -> dict[str, str]:
    with (folder / "results/demo/tables/trials.csv").open() as file:
        return {row["method"]: row["status"] for row in csv.DictReader(file)}


@pytest.mark.slow
def test_a_network_is_two_files(checkout: Checkout):
    follow(checkout, "A network")
    assert checkout.changed() == ["?? config/methods/my_net.yaml", "?? src/dotbench/networks/my_net.py"]
    assert statuses(checkout.folder) == {"mean": "ok", "my_net": "ok"}


@pytest.mark.slow
def test_anything_else_is_two_files(checkout: Checkout):
    before = checkout.changed()
    follow(checkout, "Anything else")
    new = set(checkout.changed()) - set(before)
    assert new == {"?? config/methods/my_tool.yaml", "?? workflow/rules/methods/my_tool.smk"}
    assert statuses(checkout.folder) == {"mean": "ok", "my_tool": "ok"}


@pytest.mark.slow
def test_new_cards_need_no_new_tests(checkout: Checkout):
    follow(checkout, "What is tested without you")
