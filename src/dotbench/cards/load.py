"""Cards from YAML, with every problem of every file reported at once, each at its line."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from dotbench.errors import UserError, nearest

if TYPE_CHECKING:
    from dotbench.cards.base import Card

# What pydantic says in the words of Python.
PLAIN = {
    "tuple_type": "should be a list: [one, another]",
    "dict_type": "should be `key: value` lines",
    "model_type": "should be `key: value` lines",
    "model_attributes_type": "should be `key: value` lines",
}
Where = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Source:
    """A YAML file as plain values, with file:line of every key and item."""

    file: Path
    content: Any
    lines: dict[Where, str] = field(default_factory=dict)

    def at(self, where: Where) -> str:
        """file:line of the deepest part of `where` that is written somewhere."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, f"{self.file}:1")

    def part(self, where: Where) -> Source:
        """The piece of this file below `where`."""
        content = self.content
        for key in where:
            content = content[key] if isinstance(content, dict) and key in content else {}
        size = len(where)
        return Source(
            self.file, content, {at[size:]: line for at, line in self.lines.items() if at[:size] == where}
        )

    def updated(self, other: Source) -> Source:
        """This file with the values of another over it, key by key; lists are replaced whole, and so are parts that
        take another `name`, for instance another kernel."""
        if not (isinstance(self.content, dict) and isinstance(other.content, dict)):
            return other
        return Source(self.file, _merge(self.content, other.content), self.lines | other.lines)


class Problems(UserError):
    """All that is wrong with the cards and the configuration."""

    def __init__(self, problems: Iterable[UserError], next: str = "dotbench check"):
        # A mistake in a card is found again in each card that is based on it.
        self.problems = list({str(problem): problem for problem in problems}.values())
        count = len(self.problems)
        super().__init__(
            f"{count} problem{'s' if count > 1 else ''} in the configuration\n\n"
            + "\n\n".join(str(problem) for problem in self.problems)
            + "\n",
            next=f"mend the above, then: {next}",
        )

    def __reduce__(self):
        return type(self), (self.problems,)


def read_yaml(file: Path) -> Source:
    """A YAML file with its lines; a key given twice is an error, not a silent winner."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(
            f"cannot read: {problem}", where=file, next="give a YAML file, for instance config/demo.yaml"
        ) from problem
    try:
        loader = yaml.CSafeLoader(text)
        node = loader.get_single_node()
        source = Source(file, {})
        if node is not None:
            source.content = _values(loader, node, (), source)
        return source
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise UserError(
            f"not valid YAML: {problem.problem}",
            where=f"{file}:{mark.line + 1 if mark else 1}",
            next="indent with spaces, and put texts with `: ` or `#` in quotes",
        ) from problem


def validate(
    kind: type[BaseModel] | TypeAdapter, source: Source, extra: Mapping[str, Any] | None = None
) -> Any:
    """The typed form of a file; raises Problems with all that is wrong in it."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    if not isinstance(source.content, dict):
        raise Problems([UserError("expected `key: value` lines", where=source.at(()))])
    try:
        return adapter.validate_python({**source.content, **(extra or {})})
    except ValidationError as problem:
        errors = problem.errors()
        # A list whose items are wrong is also "too short" to pydantic; the items say it better.
        told = [
            e
            for e in errors
            if e["type"] != "too_short" or not any(_below(e["loc"], o["loc"]) for o in errors)
        ]
        # A value that fits no member of a union is one mistake, not one for each member.
        places = {_follow(adapter, error["loc"])[0]: error for error in reversed(told)}
        raise Problems([explain(error, source, adapter) for error in reversed(places.values())]) from problem


def explain(error: Mapping[str, Any], source: Source, adapter: TypeAdapter) -> UserError:
    """One of pydantic's errors in the words and at the line of the file."""
    where, _ = _follow(adapter, error["loc"])
    name = ".".join(str(part) for part in where)
    given = error.get("input")
    if error["type"] == "extra_forbidden":
        known = _keys(_follow(adapter, error["loc"][:-1])[1])
        hint = nearest(str(error["loc"][-1]), known)
        what = f"unknown key {name!r}" + (f"; {hint}" if hint else "")
        return UserError(what, where=source.at(where), allowed=", ".join(sorted(known)) or None)
    if error["type"] == "missing":
        return UserError(
            f"missing key {name!r}", where=source.at(where[:-1]), next=f"add `{where[-1]}:` there"
        )
    if error["type"] in ("literal_error", "union_tag_invalid"):
        context = error["ctx"]
        allowed = context.get("expected") or context.get("expected_tags")
        if error["type"] == "union_tag_invalid":
            name = f"{name}.{context['discriminator']}".strip(".").replace("'", "")
            where, given = (*where, context["discriminator"].strip("'")), context["tag"]
        names = [text.strip(" '") for text in allowed.replace(" or ", ",").split(",")]
        hint = nearest(str(given), names)
        what = f"{name}: {given!r} is not known" + (f"; {hint}" if hint else "")
        return UserError(what, where=source.at(where), allowed=", ".join(names))
    if error["type"] == "union_tag_not_found":
        key = error["ctx"]["discriminator"].strip("'")
        return UserError(
            f"missing key {f'{name}.{key}'.strip('.')!r}", where=source.at(where), next=f"add `{key}:` there"
        )
    message = PLAIN.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(given, (dict, list)) else f", got {given!r}"
    return UserError(f"{name}: {message}{shown}" if name else message, where=source.at(where))


def _values(loader: yaml.CSafeLoader, node: yaml.Node, where: Where, source: Source) -> Any:
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        content = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if key in content:
                raise UserError(
                    f"key {key!r} is given twice",
                    where=f"{source.file}:{key_node.start_mark.line + 1}",
                    next="keep one of the two",
                )
            source.lines[(*where, key)] = f"{source.file}:{key_node.start_mark.line + 1}"
            content[key] = _values(loader, value_node, (*where, key), source)
        return content
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            source.lines[(*where, index)] = f"{source.file}:{item.start_mark.line + 1}"
            items.append(_values(loader, item, (*where, index), source))
        return items
    return loader.construct_object(node, deep=True)


def _below(upper: Where, lower: Where) -> bool:
    return len(lower) > len(upper) and lower[: len(upper)] == upper


def _merge(below: dict, above: dict) -> dict:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(value, dict) and isinstance(old, dict)
        # The keys of one kernel, or of one schedule, mean nothing to another.
        same = both and value.get("name") in (None, old.get("name"))
        merged[key] = _merge(old, value) if same else value
    return merged


def _follow(adapter: TypeAdapter, location: Where) -> tuple[Where, Any]:
    """The keys of the file that lead to pydantic's location, and the type that stands there.

    Pydantic's locations also name the chosen member of a union, which no file does.
    """
    kind, where = adapter._type, []
    for part in location:
        kind, discriminator = _bare(kind)
        if discriminator:
            members = typing.get_args(kind)
            kind = next(
                m for m in members if part in typing.get_args(m.model_fields[discriminator].annotation)
            )
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            where.append(part)
            info = kind.model_fields.get(part)
            if info is None:
                return tuple(where), None
            kind = typing.Annotated[info.annotation, info] if info.discriminator else info.annotation
        elif typing.get_origin(kind) in (tuple, list, dict):
            where.append(part)
            kind = [argument for argument in typing.get_args(kind) if argument is not Ellipsis][-1]
        # Otherwise a member of an undiscriminated union such as `float | None`: not in the file.
    return tuple(where), kind


def _bare(kind: Any) -> tuple[Any, str | None]:
    """A type without its annotations and None, and the key that discriminates it if it is such a union."""
    discriminator = None
    if typing.get_origin(kind) is typing.Annotated:
        kind, *notes = typing.get_args(kind)
        discriminator = next(
            (note.discriminator for note in notes if getattr(note, "discriminator", None)), None
        )
    members = [member for member in typing.get_args(kind) if member is not type(None)]
    if typing.get_origin(kind) in (typing.Union, types.UnionType) and len(members) == 1:
        return _bare(members[0])
    return kind, discriminator


def _keys(kind: Any) -> set[str]:
    """The keys that a part of this type may have."""
    kind, _ = _bare(kind)
    return set(getattr(kind, "model_fields", ())) - {"id"}


def options_of(card: Card, model: type[Model]) -> Model:
    """A card's `options:`, of which only its reader or its method knows the type; raises Problems with all that is wrong."""
    source = (card._source or Source(Path(f"card {card.id}"), {})).part(("options",))
    return validate(model, Source(source.file, dict(card.options), source.lines))
