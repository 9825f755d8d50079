"""What all cards share: unknown keys are refused, and equal content has an equal digest."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from dotbench.contract.trial import METHOD_ID, method_id

if TYPE_CHECKING:
    from dotbench.cards.load import Source

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower case letters, digits and _")]
MethodName = Annotated[
    str,
    AfterValidator(method_id),
    Field(pattern=f"^{METHOD_ID}$", description="family[-variant][@recipe], or an old name of one"),
]


class Part(BaseModel):
    """A piece of a card."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Card(Part):
    """A YAML file that describes one dataset, method or paper; its id is the name of the file."""

    id: Id | MethodName
    name: str
    """how tables and figures call it"""
    citation: str
    """whom to cite"""

    # Where it was read from, with the configuration's overrides: None for a card made in code.
    _source: Source | None = PrivateAttr(None)

    # Fields that cannot change a result: editing them must not cost a training.
    words: ClassVar[frozenset[str]] = frozenset({"name", "citation", "notes"})

    def line_of(self, *keys: str) -> str:
        """file:line, for what is found wrong with a value only later."""
        return self._source.at(keys) if self._source else f"card {self.id}"

    @cached_property
    def digest(self) -> str:
        """Changes when, and only when, something changes that results depend on."""
        content = self.model_dump(mode="json", exclude=set(self.words))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
