"""Values of one of several types, and null, as structural schemas can say them."""

import re
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
_ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
_SAID = ("description", "default", "nullable")


def nullable(made: Schema) -> Schema:
    """Return the schema of what may be null too.

    The server holds null against an enumeration even where that names it. So the values are told in a way that says nothing of null.
    """
    if "anyOf" in made and made.get("type") != "object":
        made = {**made, "anyOf": [_tolerant(one) for one in made["anyOf"]]}
    return {**_tolerant(made), "nullable": True}


def _tolerant(made: Schema) -> Schema:
    values = made.get("enum")
    if values is None:
        return made
    rest = {name: value for name, value in made.items() if name != "enum"}
    if all(isinstance(value, str) for value in values):
        return {**rest, "pattern": f"^(?:{'|'.join(map(re.escape, values))})$"}
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {**rest, "anyOf": [{"minimum": value, "maximum": value} for value in values]}
    return rest


def either(made: list[Schema]) -> tuple[Schema, str]:
    """Return the schema of what fits one of several, and a note where it takes more than these."""
    if len(made) == 1:
        return made[0], ""
    kinds = {_kind(one) for one in made}
    if kinds == {"object"}:
        return _objects(made)
    if kinds <= {"integer", "number"}:
        return {"type": "number"}, _lost(made)
    if kinds <= {"integer", "string", "int-or-string"} and len(kinds) > 1:
        return {"x-kubernetes-int-or-string": True}, _lost(made)
    if len(kinds) == 1 and kinds <= {"string", "boolean"}:
        return _scalars(kinds.pop(), made), ""
    several = " or ".join(sorted(kind or "anything" for kind in kinds))
    return dict(_ANYTHING), f"it may be {several}: anything is taken"


def _kind(made: Schema) -> str:
    if "x-kubernetes-int-or-string" in made:
        return "int-or-string"
    return str(made.get("type", ""))


def _lost(made: list[Schema]) -> str:
    bounded = any(made_.keys() - {"type", "x-kubernetes-int-or-string", *_SAID} for made_ in made)
    return "the bounds of its types are not judged by the server" if bounded else ""


def _scalars(kind: str, made: list[Schema]) -> Schema:
    if all("enum" in one for one in made):
        return {"type": kind, "enum": _values(made)}
    bounds = [{name: value for name, value in one.items() if name not in ("type", *_SAID)} for one in made]
    return {"type": kind, **({"anyOf": bounds} if all(bounds) else {})}


def _objects(made: list[Schema]) -> tuple[Schema, str]:
    """Return the schema of one of several kinds of objects: the fields of all, and for each what it must have."""
    if any("properties" not in one or "x-kubernetes-preserve-unknown-fields" in one for one in made):
        return {"type": "object", **_ANYTHING}, "it may be several kinds of objects: any object is taken"
    fields: dict[str, Schema] = {}
    differing = []
    for name in dict.fromkeys(name for one in made for name in one["properties"]):
        found = [_without_default(one["properties"][name]) for one in made if name in one["properties"]]
        if all(one == found[0] for one in found):
            fields[name] = found[0]
        elif all("enum" in one and one.get("type") == "string" for one in found):
            fields[name] = {"type": "string", "enum": _values(found)}
        else:
            fields[name] = dict(_ANYTHING)
            differing.append(name)
    branches = [_branch(one) for one in made]
    common = [
        name for name in made[0].get("required") or () if all(name in (one.get("required") or ()) for one in made)
    ]
    merged: Schema = {"type": "object", "properties": fields, **({"required": common} if common else {})}
    if all(branches):
        merged["anyOf"] = branches
    notes = [f"{', '.join(differing)} differ between its kinds: anything is taken for them"] if differing else []
    if any("x-kubernetes-validations" in one for one in made):
        notes.append("the rules of its kinds are not judged by the server")
    return merged, "; ".join(notes)


def _values(made: list[Schema]) -> list[Any]:
    values: list[Any] = []
    for one in made:
        values += (value for value in one["enum"] if value not in values)
    return values


def _without_default(made: Mapping[str, Any]) -> Schema:
    return {name: value for name, value in made.items() if name != "default"}


def _branch(made: Schema) -> Schema:
    """Return what tells one kind of object from the others: its tag, and the fields that it must have."""
    tags = {name: {"enum": one["enum"]} for name, one in made["properties"].items() if len(one.get("enum") or ()) == 1}
    required = list(made.get("required") or ())
    return {**({"properties": tags} if tags else {}), **({"required": required} if required else {})}
