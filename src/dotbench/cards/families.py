"""Method cards from families and recipes: which ids there are, and what each is made of.

An id is `family[-variant][@recipe]`. config/methods/<family>.yaml says what a method is, config/recipes/<recipe>.yaml how
methods are trained. A card is put together in layers, of which later ones win, key by key:

1. the family, without its `variants`, `recipes` and `grid`;
2. along the recipes that the recipe is based on, and then the recipe itself (`ours+sim2d` is based on `ours`): `method:` of
   the recipe's file, then what the family says of it under `recipes:`;
3. along the variants that the variant is based on, and then the variant itself: what it says, then what it says of each of
   those recipes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

from dotbench.cards.load import Source, read_yaml
from dotbench.contract.trial import METHOD_ID
from dotbench.errors import UserError, unknown

# Keys of a family's file that say what cards there are, and not what a card says.
STRUCTURE = ("variants", "recipes", "grid", "plain")
_PIECE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class MethodId:
    family: str
    variant: str = ""
    recipe: str = ""

    def __str__(self) -> str:
        return (
            self.family
            + (f"-{self.variant}" if self.variant else "")
            + (f"@{self.recipe}" if self.recipe else "")
        )

    @classmethod
    def parse(cls, text: str) -> MethodId:
        found = re.fullmatch(METHOD_ID, text)
        if not found:
            raise UserError(
                f"{text!r} is no id of a method",
                allowed="family[-variant][@recipe] in lower case letters, digits and _, e.g. saunet-inverse@ours",
                next="dotbench show lists all",
            )
        name, _, recipe = text.partition("@")
        family, _, variant = name.partition("-")
        return cls(family, variant, recipe)

    @property
    def start(self) -> MethodId:
        """The same method without the last `+...` of its recipe."""
        return replace(self, recipe=self.recipe.rpartition("+")[0])


@dataclass(frozen=True)
class Family:
    """One file of config/methods, and the recipes that it names."""

    folder: Path
    """config"""
    id: str

    @cached_property
    def source(self) -> Source:
        source = _read(self.folder / "methods" / f"{self.id}.yaml")
        if not isinstance(source.content, dict):
            raise UserError("expected `key: value` lines", where=source.at(()))
        for key in ("variants", "recipes", "grid"):
            if not isinstance(source.content.get(key) or {}, dict):
                raise UserError(f"{key}: should be `key: value` lines", where=source.at((key,)))
        return source

    @cached_property
    def recipes(self) -> tuple[str, ...]:
        """Those the family names; the empty one where it names none."""
        return tuple(self.source.content.get("recipes") or ("",))

    @cached_property
    def variants(self) -> dict[str, Source]:
        """What each variant says, by its id; the plain family is the empty one."""
        source = self.source
        found: dict[str, Source] = {}
        if source.content.get("plain", not source.content.get("grid")):
            found[""] = Source(source.file, {})
        named = {
            id: source.part(("variants", id))
            for id in self._pieces("variants", source.content.get("variants"))
        }
        for id, part in [*named.items(), *self._grid()]:
            if id in found:
                raise UserError(f"two variants of {self.id} are called {id!r}", where=source.at(("grid",)))
            found[id] = part
        return found

    def ids(self) -> Iterator[MethodId]:
        for variant, recipe in product(self.variants, self.recipes):
            yield MethodId(self.id, variant, recipe)

    def resolve(self, id: MethodId) -> Source:
        """The card's content, with the file and line of every value."""
        if id.variant not in self.variants:
            known = [str(replace(id, variant=variant)) for variant in self.variants]
            raise unknown("method", str(id), known, where=self.source.file)
        if id.recipe not in self.recipes:
            known = [str(replace(id, recipe=recipe)) for recipe in self.recipes]
            raise unknown("method", str(id), known, where=self.source.file)
        recipes = self._recipe_chain(id.recipe) if id.recipe else []
        source = _without(self.source, *STRUCTURE)
        names, labels = [source.content.get("name")], []
        for recipe in recipes:
            shared = self._recipe(recipe)
            own = self.source.part(("recipes", recipe))
            label = (own.content or {}).get("label") or shared.content.get("label")
            labels = [*(labels if "+" in recipe else []), label]
            source = source.updated(shared.part(("method",))).updated(_without(own, "label"))
        for variant in self._variant_chain(id.variant):
            part = self.variants[variant]
            source = source.updated(_without(part, "recipes", "based_on"))
            names.append((part.content or {}).get("name") or names[-1])
            for recipe in recipes:
                if recipe in ((part.content or {}).get("recipes") or {}):
                    source = source.updated(part.part(("recipes", recipe)))
        content = dict(source.content)
        told = ", ".join(filter(None, labels))
        content["name"] = f"{names[-1]} ({told})" if told else names[-1]
        if isinstance(content.get("start"), dict):
            content["start"] = {"method": str(id.start), **content["start"]}
        return replace(source, content=content)

    def _recipe_chain(self, recipe: str, above: tuple[str, ...] = ()) -> list[str]:
        """The recipes that this one is based on, the first first."""
        where = self.source.at(("recipes", recipe))
        if recipe in above:
            raise UserError(f"a recipe based on itself: {', '.join((*above, recipe))}", where=where)
        base = recipe.rpartition("+")[0] or self._recipe(recipe).content.get("based_on")
        if not base:
            return [recipe]
        return [*self._recipe_chain(base, (*above, recipe)), recipe]

    def _recipe(self, recipe: str) -> Source:
        """The recipe's file; one with a + has none."""
        if "+" in recipe:
            return Source(self.source.file, {})
        file = self.folder / "recipes" / f"{recipe}.yaml"
        if not file.is_file():
            known = recipe_ids(self.folder)
            raise unknown(
                "recipe", recipe, known, where=self.source.at(("recipes", recipe)), next=f"write {file}"
            )
        source = _read(file)
        allowed = {"label", "based_on", "method"}
        if not isinstance(source.content, dict) or not {*source.content} <= allowed:
            odd = next((key for key in source.content or () if key not in allowed), "")
            raise UserError(
                f"unknown key {odd!r} of a recipe", where=source.at((odd,)), allowed=", ".join(allowed)
            )
        return source

    def _variant_chain(self, variant: str, above: tuple[str, ...] = ()) -> list[str]:
        if not variant:
            return []
        part = self.variants[variant]
        where = self.source.at(("variants", variant, "based_on"))
        if variant in above:
            raise UserError(f"a variant based on itself: {', '.join((*above, variant))}", where=where)
        base = (part.content or {}).get("based_on")
        if base is None:
            return [variant]
        if base not in self.variants:
            raise unknown(f"variant of {self.id}", base, filter(None, self.variants), where=where)
        return [*self._variant_chain(base, (*above, variant)), variant]

    def _grid(self) -> Iterator[tuple[str, Source]]:
        """A variant for each combination of the axes' values; an axis is an option of the method."""
        grid: dict[str, Any] = self.source.content.get("grid") or {}
        axes = {axis: self._pieces(f"grid.{axis}", values) for axis, values in grid.items()}
        for axis, values in axes.items():
            if not values:
                where = self.source.at(("grid", axis))
                raise UserError(f"grid: {axis} has no values", where=where, next=f"{axis}: [one, another]")
        for values in product(*axes.values()) if axes else ():
            part = Source(self.source.file, {})
            for axis, value in zip(axes, values, strict=True):
                line = self.source.at(("grid", axis))
                option = Source(self.source.file, {"options": {axis: value}}, {("options", axis): line})
                part = part.updated(option)
                if isinstance(grid[axis], dict):
                    part = part.updated(self.source.part(("grid", axis, value)))
            yield "-".join(values), part

    def _pieces(self, key: str, values: Any) -> list[str]:
        found = [str(value) for value in values or ()]
        for value in found:
            if not _PIECE.fullmatch(value):
                raise UserError(
                    f"{key}: {value!r} cannot be part of an id",
                    where=self.source.at(tuple(key.split("."))),
                    allowed="lower case letters, digits and _, starting with a letter",
                )
        return found


def family_ids(folder: Path) -> list[str]:
    return sorted(file.stem for file in (folder / "methods").glob("*.yaml"))


def recipe_ids(folder: Path) -> list[str]:
    return sorted(file.stem for file in (folder / "recipes").glob("*.yaml"))


def method_ids(folder: Path) -> list[str]:
    return sorted(str(id) for family in family_ids(folder) for id in Family(folder, family).ids())


def resolve(text: str, folder: Path) -> Source:
    """The content of a method's card."""
    id = MethodId.parse(text)
    if id.family not in family_ids(folder):
        raise unknown(
            "method",
            text,
            method_ids(folder),
            next=f"write {folder}/methods/{id.family}.yaml or correct the name",
        )
    return Family(folder, id.family).resolve(id)


def _read(file: Path) -> Source:
    return _read_once(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=1000)
def _read_once(file: Path, changed: int) -> Source:
    """A file is read once for all of its methods, and again after it has changed."""
    return read_yaml(file)


def _without(source: Source, *keys: str) -> Source:
    content = {key: value for key, value in (source.content or {}).items() if key not in keys}
    return Source(
        source.file, content, {at: line for at, line in source.lines.items() if at and at[0] not in keys}
    )
