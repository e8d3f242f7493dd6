"""Every kind of object with every field."""

from collections.abc import Iterator

import msgspec

from docs.pages import fields
from docs.pages.markdown import sentence, table
from outrider.core.objects import API_VERSION, Metadata
from outrider.runtime.discovery import load, registry

Model = type[msgspec.Struct]


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Kinds\n"
    yield f"Every object has `apiVersion: {API_VERSION}`, `kind`, `metadata` and `spec`.\n"
    yield "Durations are written as `500ms`, `10s` or `1h30m`; sizes as `64MB` or `64Mi`, money as `5.00 USD`.\n"
    kinds = sorted(registry().kinds.values(), key=lambda kind: kind.name)
    yield from table(
        ("kind", "what it declares"), ((f"[{kind.name}](#{kind.name.lower()})", kind.summary) for kind in kinds)
    )
    yield "## metadata\n"
    yield from table(fields.HEADER, fields.rows(Metadata, {}))
    yield "`uid` and `generation` are set by the store.\n"
    for kind in kinds:
        yield from _kind(kind.name, sentence(kind.summary), load(kind.model))


def _kind(name: str, summary: str, model: Model) -> Iterator[str]:
    parts = {part: f"{name} {part.__name__}" for part in _parts(model) if part is not model}
    yield f"## {name}\n"
    yield summary + "\n"
    yield fields.description(model) + "\n"
    yield from table(fields.HEADER, fields.rows(model, parts))
    for part, heading in parts.items():
        yield f"### {heading}\n"
        yield fields.description(part) + "\n"
        rows = list(fields.rows(part, parts))
        yield from table(fields.HEADER, rows) if rows else ["It has no fields.\n"]


def _parts(model: Model) -> list[Model]:
    """Return a model and all that its fields hold, in the order of the fields."""
    found = [model]
    for known in found:
        for field in msgspec.structs.fields(known):
            found += [part for part in fields.nested(field.type) if part not in found]
    return found
