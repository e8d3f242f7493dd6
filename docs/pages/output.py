"""What `-o json` gives: by command, and every object in it."""

import json
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from docs.pages import fields
from docs.pages.markdown import anchor, code, table
from outrider.core.schema import schemas_with_components
from outrider.runtime.discovery import registry
from outrider.surfaces.cli.app import root
from outrider.surfaces.cli.output import output_types
from outrider.surfaces.fields import FieldWords, Model

SCHEMAS = "output.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    found = dict(commands())
    models = list(_models(found))
    words = FieldWords(code, lambda model: f"[{model.__name__}]({anchor(model.__name__)})", nulls=True)
    yield "# Output for programs\n"
    yield (
        "What `-o json` writes to standard output, and `-o yaml` in its form. `--json FIELD,FIELD` limits it to some fields."
        f" The same as JSON Schema is in [{SCHEMAS}]({SCHEMAS}): `commands` has a schema for each.\n"
    )
    yield (
        "A command of an operation gives the operation's result, see [operations](operations.md), or a [Plan](#plan) where it"
        " is only planned. With `--watch`, and of `outrider watch`, each line is one object. An error is one object on"
        " standard error, see [errors](errors.md). Fields may be added; what is here keeps its name and meaning.\n"
    )
    yield from table(("command", "gives"), ((code(name), _one_of(words, types)) for name, types in found.items()))
    for model in models:
        yield f"## {model.__name__}\n"
        yield fields.description(model) + "\n"
        rows = words.rows(model)
        yield from table(("field", "type", "meaning"), ((name, kind, help_) for name, kind, _, help_ in rows))


def schema() -> str:
    """Return the JSON Schemas of all commands, as one document."""
    found = dict(commands())
    targets = [target for types in found.values() for target in types]
    each, components = schemas_with_components(targets, "#/$defs/{name}")
    left = iter(each)
    by_command = {name: _alternatives([next(left) for _ in types]) for name, types in found.items()}
    document = {"$schema": _DIALECT, "commands": by_command, "$defs": components}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def commands() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the commands that have `-o`, with the types that they give; those of operations have a page of their own."""
    # Click keeps the help option of a command as it first made it.
    yield from _below(root, click.Context(root, info_name="outrider", **root.context_settings))


def _below(group: click.Group, context: click.Context) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or (group is root and name in registry().families):
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if output_types(command):
            yield inner.command_path, output_types(command)
        if isinstance(command, click.Group):
            yield from _below(command, inner)


def _models(found: dict[str, tuple[Any, ...]]) -> Iterator[Model]:
    """Yield every model that is in an output, once, in the order in which they are met."""
    seen: set[Model] = set()
    left = [model for types in found.values() for target in types for model in fields.nested(target)]
    while left:
        model = left.pop(0)
        if model in seen:
            continue
        seen.add(model)
        yield model
        left = [part for field in msgspec.structs.fields(model) for part in fields.nested(field.type)] + left


def _one_of(words: FieldWords, types: tuple[Any, ...]) -> str:
    return ", or ".join("what the operation gives" if target is Any else words.type_text(target) for target in types)


def _alternatives(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
