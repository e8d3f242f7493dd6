"""Results on stdout: tables for people, JSON and YAML for programs."""

import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
import msgspec

from outrider.core.codec import encode, to_builtins
from outrider.core.errors import InvalidConfigError, did_you_mean
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.settings import note

FORMATS = ("table", "wide", "json", "yaml", "name")
_WIDE_CELL = 60
# What each command gives, by its function.
_types: dict[Callable[..., Any], tuple[Any, ...]] = {}


class Output(msgspec.Struct, frozen=True):
    """What was asked for with `-o` and `--json`.

    Attributes:
        form: One of FORMATS.
        fields: Fields that JSON is limited to, nested ones with dots; all where none is named.
    """

    form: str = "table"
    fields: tuple[str, ...] = ()

    @property
    def for_people(self) -> bool:
        """Whether the result may be arranged for reading."""
        return self.form in ("table", "wide")


def output_option(*types: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `-o` and `--json` to a command, which gets an Output.

    Args:
        types: What `-o json` gives: one of these types. The reference page is made of them.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("-o", "--output", "form", type=click.Choice(FORMATS), default="table", help="Form of the result.",
                      show_default=True)  # fmt: skip
        @click.option("--json", "json_fields", metavar="FIELD,FIELD", help="JSON with these fields only.")
        @functools.wraps(command)
        def with_output(*args: Any, form: str, json_fields: str | None, **words: Any) -> Any:
            fields = tuple(field.strip() for field in (json_fields or "").split(",") if field.strip())
            return command(*args, output=Output("json" if json_fields is not None else form, fields), **words)

        _types[with_output] = types
        return with_output

    return add


def output_types(command: click.Command) -> tuple[Any, ...]:
    """Return the types that a command gives with `-o json`; none where it has no such option."""
    return _types.get(command.callback, ()) if command.callback else ()


def show(value: Any, output: Output, *, columns: Sequence[str] = (), empty: str = "nothing to show") -> None:
    """Write a result.

    Args:
        value: A struct, or a list of them.
        output: The form.
        columns: Fields of a table; all of them where none is named or the output is wide.
        empty: Said on stderr where a table has no row.

    Raises:
        InvalidConfigError: A field was asked for that there is not.
    """
    if output.form == "json":
        sys.stdout.write(encode(_only(value, output.fields)).decode() + "\n")
        return
    plain = to_builtins(value)
    if output.form == "yaml":
        import yaml

        sys.stdout.write(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    elif output.form == "name":
        for row in plain if isinstance(plain, list) else [plain]:
            sys.stdout.write(f"{_name_of(row)}\n")
    elif isinstance(plain, list):
        _table(plain, [] if output.form == "wide" else columns, empty)
    else:
        _record(plain)


def show_lines(lines: Iterable[str]) -> None:
    """Write a result that is text for people."""
    for line in lines:
        sys.stdout.write(printable(line.replace("\n", " ")) + "\n")


def _only(value: Any, fields: Sequence[str]) -> Any:
    """Return the named fields of a result, or of each of a list."""
    if not fields:
        return value
    if isinstance(value, list):
        return [_only(item, fields) for item in value]
    return {field: _field(value, field.split("."), field) for field in fields}


def _field(value: Any, way: Sequence[str], asked: str) -> Any:
    if not way:
        return value
    if value is None:
        return None
    # A struct knows fields that it leaves out while they have their default.
    known = value.__struct_encode_fields__ if isinstance(value, msgspec.Struct) else value
    if not isinstance(known, dict | tuple) or way[0] not in known:
        names = [str(name) for name in known] if isinstance(known, dict | tuple) else []
        raise InvalidConfigError(
            f"--json: there is no field '{asked}'",
            found=way[0],
            expected=", ".join(names) or "a field of an object",
            suggestions=did_you_mean(way[0], names)[:3],
        )
    if isinstance(value, dict):
        return _field(value[way[0]], way[1:], asked)
    attributes = dict(zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True))
    return _field(getattr(value, attributes[way[0]]), way[1:], asked)


def _name_of(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    for field in ("name", "id", "instruction", "path", "pid"):
        if field in row:
            return str(row[field])
    return str(next(iter(row.values()), ""))


def _record(plain: dict[str, Any]) -> None:
    lists = [key for key, value in plain.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    # An empty list beside a table says nothing.
    shown = [key for key, value in plain.items() if key not in lists and (value != [] or not lists)]
    width = max((len(key) for key in shown), default=0)
    for key, value in plain.items():
        if key in shown:
            sys.stdout.write(f"{key:<{width}}  {_lines(value, width + 2)}".rstrip() + "\n")
    for key in lists:
        _table(plain[key], [], "")


def _lines(value: Any, indent: int) -> str:
    """Return a value beside its name; of a text of several lines, such as the output of a command, each stands below the first."""
    if not isinstance(value, str):
        return _cell(value)
    return printable(value.rstrip("\n")).replace("\n", "\n" + " " * indent)


def _table(rows: list[Any], columns: Sequence[str], empty: str) -> None:
    if not rows:
        note(empty)
        return
    if not isinstance(rows[0], dict):
        for row in rows:
            sys.stdout.write(f"{_cell(row)}\n")
        return
    names = list(columns) or list(rows[0])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[index]) for line in cells)) for index, name in enumerate(names)]
    for line in [[name.upper() for name in names], *cells]:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(text.rstrip() + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict | list):
        text = encode(value).decode()
        return printable(text if len(text) <= _WIDE_CELL else text[: _WIDE_CELL - 1] + "…")
    return printable(str(value).replace("\n", "\\n"))
