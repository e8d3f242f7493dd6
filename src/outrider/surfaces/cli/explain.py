"""`outrider explain`: what an error code means, or what a field of a kind is for."""

import sys
import textwrap

import click
import msgspec

from outrider.core.errors import CODES, Code, NotFoundError, did_you_mean
from outrider.core.objects import Metadata
from outrider.runtime.discovery import load, registry
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.fields import FieldRow, FieldWords, Model, description, nested

WIDTH = 100
_WORDS = FieldWords()


class Explanation(msgspec.Struct, kw_only=True):
    """A kind, or one of its fields, and the fields below."""

    path: str
    type: str
    default: str
    meaning: str
    fields: list[dict[str, str]]


@click.command()
@click.argument("what", metavar="CODE|KIND[.FIELD...]", required=False)
@output_option(Explanation, Code, list[Code])
def explain(what: str | None, output: Output) -> int:
    """Explain an error code, or a kind or field such as `rule.do.retry`; without an argument list the codes."""
    if what is None:
        show(list(CODES.values()), output)
        return 0
    kind, *path = what.split(".")
    code = CODES.get(what.upper().replace("-", "_"))
    if code is not None:
        _show_code(code, output)
        return 0
    if not path and kind.isupper():
        raise NotFoundError(f"no error has the code '{what}'", found=what, suggestions=did_you_mean(what, CODES))
    found = explained(kind, path)
    if output.for_people:
        sys.stdout.write(_text(found))
    else:
        show(found, output)
    return 0


def _show_code(code: Code, output: Output) -> None:
    if not output.for_people:
        show(code, output)
        return
    again = "may succeed when it is repeated" if code.retryable else "fails again until something is changed"
    sys.stdout.write(f"{code.name}\n  {code.meaning}\n  exit status {code.exit} · HTTP {code.http} · {again}\n")


def explained(kind_name: str, path: list[str]) -> Explanation:
    """Return what a field is for.

    Args:
        kind_name: Name or plural of a kind.
        path: Names of fields from `spec` on, or from `metadata`; `spec` itself may be left out.

    Raises:
        NotFoundError: There is no such kind or field.
    """
    kind = registry().kind(kind_name)
    model: Model = load(kind.model)
    way = path[1:] if path[:1] == ["spec"] else path
    if way[:1] == ["metadata"]:
        model, way = Metadata, way[1:]
    row = FieldRow(kind.name, "object", "", f"{kind.summary}. {description(model)}")
    below = [model]
    for name in way:
        row, below = _field(below, name, ".".join([kind.name, *path]))
    return Explanation(
        path=".".join([kind.name, *path]),
        type=row.type,
        default=row.default,
        meaning=row.meaning or " ".join(description(part) for part in below),
        fields=[field._asdict() for part in below for field in _WORDS.rows(part)],
    )


def _field(models: list[Model], name: str, asked: str) -> tuple[FieldRow, list[Model]]:
    for model in models:
        rows = {row.name: row for row in _WORDS.rows(model)}
        types = {field.encode_name: field.type for field in msgspec.structs.fields(model)}
        if name in rows:
            return rows[name], list(nested(types[name]))
    known = [field.encode_name for model in models for field in msgspec.structs.fields(model)]
    raise NotFoundError(
        f"{asked}: there is no field '{name}'",
        found=name,
        expected=", ".join(known) or "no field: this one holds a plain value",
        suggestions=did_you_mean(name, known)[:3],
    )


def _text(found: Explanation) -> str:
    default = {"": "", "required": ", required"}.get(found.default, f", default {found.default}")
    lines = [f"{found.path}  {found.type}{default}", *_filled(found.meaning, "  ")]
    for row in found.fields:
        value = row["default"] if row["default"] == "required" else f"default {row['default']}"
        lines += ["", f"  {row['name']}  {row['type']}, {value}", *_filled(row["meaning"], "      ")]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _filled(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
