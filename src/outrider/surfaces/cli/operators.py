"""`outrider operators` and `outrider version`."""

import platform
import sys
from typing import Any

import click
import msgspec

from outrider.core.codec import to_builtins
from outrider.runtime.discovery import registry
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.version import __version__


class OperatorRow(msgspec.Struct, kw_only=True):
    """A family as the registry knows it."""

    name: str
    aliases: list[str]
    operations: int
    state: str
    summary: str


class VersionInfo(msgspec.Struct, kw_only=True):
    """What runs where."""

    outrider: str
    python: str
    system: str


@click.group()
def operators() -> None:
    """List operator families and their operations."""


@operators.command("list")
@output_option
def list_operators(output: Output) -> int:
    """List the families; one that cannot be used is named with its fault."""
    rows = [
        OperatorRow(
            name=family.name,
            aliases=[alias.name for alias in family.declaration.aliases],
            operations=len(family.declaration.operations),
            state="ready",
            summary=family.declaration.summary,
        )
        for family in registry().families.values()
    ]
    rows += [
        OperatorRow(name=broken.module, aliases=[], operations=0, state="broken", summary=broken.error.message)
        for broken in registry().broken
    ]
    show(rows, output, columns=["name", "operations", "state", "summary"])
    return 0


@operators.command("show")
@click.argument("family")
@output_option
def show_operators(family: str, output: Output) -> int:
    """List the operations of a family."""
    declaration = registry().family(family)[0].declaration
    rows: list[dict[str, Any]] = [to_builtins(operation) for operation in declaration.operations]
    show(rows, output, columns=["name", "effect", "positional", "summary"])
    return 0


@click.command()
@output_option
def version(output: Output) -> int:
    """Print the version."""
    info = VersionInfo(
        outrider=__version__, python=platform.python_version(), system=f"{sys.platform} {platform.machine()}"
    )
    show(info, output)
    return 0
