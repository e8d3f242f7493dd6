"""Results on stdout: tables for people, JSON and YAML for programs."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from outrider.core.codec import encode, to_builtins

FORMATS = ("table", "wide", "json", "yaml", "name")
_WIDE_CELL = 60


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-o`."""
    return click.option(
        "-o", "--output", type=click.Choice(FORMATS), default="table", help="Form of the result.", show_default=True
    )(command)


def show(value: Any, output: str, *, columns: Sequence[str] = (), empty: str = "nothing to show") -> None:
    """Write a result.

    Args:
        value: A struct, or a list of them.
        output: One of FORMATS.
        columns: Fields of a table; all of them where none is named or the output is wide.
        empty: Said on stderr where a table has no row.
    """
    if output == "json":
        sys.stdout.write(encode(value).decode() + "\n")
        return
    plain = to_builtins(value)
    if output == "yaml":
        import yaml

        sys.stdout.write(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
    elif output == "name":
        for row in plain if isinstance(plain, list) else [plain]:
            sys.stdout.write(f"{_name_of(row)}\n")
    elif isinstance(plain, list):
        _table(plain, [] if output == "wide" else columns, empty)
    else:
        _record(plain)


def _name_of(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    for field in ("name", "id", "instruction", "path", "pid"):
        if field in row:
            return str(row[field])
    return str(next(iter(row.values()), ""))


def _record(plain: dict[str, Any]) -> None:
    lists = [key for key, value in plain.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    width = max((len(key) for key in plain), default=0)
    for key, value in plain.items():
        if key not in lists:
            sys.stdout.write(f"{key:<{width}}  {_cell(value)}".rstrip() + "\n")
    for key in lists:
        _table(plain[key], [], "")


def _table(rows: list[Any], columns: Sequence[str], empty: str) -> None:
    if not rows:
        sys.stderr.write(f"{empty}\n")
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
        return text if len(text) <= _WIDE_CELL else text[: _WIDE_CELL - 1] + "…"
    return str(value).replace("\n", "\\n")
