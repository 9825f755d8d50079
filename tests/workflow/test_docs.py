"""Every command that the README and docs/ tell a reader to type, typed in the reader's order in a copy of the project."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from checkout import ROOT, Block, Checkout, blocks, without_comment

# The reader's order; docs/add-a-method.md has a test of its own, which also looks at what it leaves.
DOCUMENTS = [
    "README.md",
    "docs/run.md",
    "docs/read-the-tables.md",
    "docs/add-your-own-dataset.md",
    "docs/slurm.md",
]
OTHERS = {
    "docs/add-a-method.md": "tests/workflow/test_add_method.py",
    "docs/decisions.md": "has no commands",
    "docs/findings.md": "has no commands",
    "docs/results.md": "is made by benchmarks/results_page.py",
}
# Languages that are shown, not typed.
SHOWN = {"text", "yaml", "python"}

DRY = "--dry-run --quiet"
# What is typed instead of commands that take hours, install, or need a cluster: their plan, or the same on less.
# A command that takes long and is not here fails by its time limit; one that is here and in no document fails too.
INSTEAD = {
    "make setup": "make --dry-run setup",
    "source .venv/bin/activate": "command -v dotbench",
    "make demo": "make --dry-run demo && snakemake --cores 2 --quiet --configfile config/demo.yaml",
    "make test": "make --dry-run test",
    # Nothing of the papers was run here, so exit code 1 is right.
    "dotbench check --strict": "dotbench check --strict || test $? = 1",
    "snakemake --cores all": f"snakemake --cores all {DRY}",
    "snakemake --cores 1 fetch_all": f"snakemake --cores 1 fetch_all {DRY}",
    "snakemake --profile slurm": f"snakemake --profile slurm {DRY}",
    "snakemake --profile slurm fetch_all": f"snakemake --profile slurm fetch_all {DRY}",
    # Needs conda; that the environments can be installed is what their locks are for.
    "snakemake --profile slurm --software-deployment-method conda --conda-create-envs-only": (
        "python envs/make.py --check"
    ),
}
# The same for whatever a document asks of a paper's table of its own.
MINE = "snakemake --configfile mine.yaml --cores all"


def test_no_document_is_forgotten():
    found = {"README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))}
    assert found == {*DOCUMENTS, *OTHERS}


def test_every_stand_in_stands_for_something():
    typed = {
        without_comment(line)
        for name in DOCUMENTS
        for block in commands_of(name)
        for line in block.text.splitlines()
    }
    assert not set(INSTEAD) - typed


@pytest.mark.parametrize("name", [*DOCUMENTS, *OTHERS])
def test_every_block_says_what_it_is(name: str):
    for block in blocks(ROOT / name):
        assert block.language in SHOWN | {"bash"}, f"{block}: commands are bash, the rest one of {SHOWN}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """With one draw of everything, and a demo of two methods on one dataset, since every document asks something of it."""
    checkout = Checkout.make(tmp_path_factory.mktemp("docs") / "dotbench")
    # The plan of the whole is made in test_demo.py.
    whole = checkout.folder / "config" / "config.yaml"
    whole.write_text(whole.read_text().replace("\ndraws: null", "\ndraws: 1"))
    file = checkout.folder / "config" / "demo.yaml"
    demo = yaml.safe_load(file.read_text())
    demo["methods"] = ["otsu_components", "mean"]
    demo["runs"] = [{"dataset": "sim2d", "protocol": "random", "n": [8]}]
    file.write_text(yaml.safe_dump(demo))
    return checkout


@pytest.fixture(scope="module")
def planned() -> set[str]:
    """Plans that were made: documents say the same commands again, and a plan changes nothing."""
    return set()


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_of(name: str, checkout: Checkout, planned: set[str]):
    for block in commands_of(name):
        commands = as_tested(block)
        if commands in planned:
            continue
        try:
            checkout.run(commands)
        except AssertionError as problem:
            pytest.fail(f"{block}: {problem}", pytrace=False)
        if all(DRY in line for line in commands.splitlines()):
            planned.add(commands)


def commands_of(name: str) -> list[Block]:
    return [block for block in blocks(ROOT / Path(name)) if block.language == "bash"]


def as_tested(block: Block) -> str:
    return "\n".join(map(stand_in, block.text.splitlines()))


def stand_in(line: str) -> str:
    command = without_comment(line)
    return f"{line} {DRY}" if command.startswith(MINE) else INSTEAD.get(command, line)
