"""`outrider operators` and `outrider version`."""

import platform
import sys

import click
import msgspec

from outrider.core.operation import OperationDeclaration
from outrider.runtime.discovery import registry
from outrider.runtime.third_party import allow, disallow
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.settings import note
from outrider.surfaces.rows import OperatorRow, operator_rows
from outrider.version import __version__


class VersionInfo(msgspec.Struct, kw_only=True):
    """What runs where."""

    outrider: str
    python: str
    system: str


@click.group()
def operators() -> None:
    """List operator families and their operations."""


@operators.command("list")
@output_option(list[OperatorRow])
def list_operators(output: Output) -> int:
    """List the families; one that cannot be used is named with its fault."""
    show(operator_rows(registry()), output, columns=["name", "operations", "state", "summary"])
    return 0


@operators.command("show")
@click.argument("family")
@output_option(list[OperationDeclaration])
def show_operators(family: str, output: Output) -> int:
    """List the operations of a family."""
    declaration = registry().family(family)[0].declaration
    show(list(declaration.operations), output, columns=["name", "effect", "positional", "summary"])
    return 0


@operators.command("stub")
@click.argument("family")
def stub(family: str) -> int:
    """Print the stub of a family's Python functions, for type checkers; those of built-in families are installed."""
    from outrider.surfaces.python.stubs import family_stub

    sys.stdout.write(family_stub(registry(), family))
    return 0


@operators.command("allow")
@click.argument("distribution")
def allow_family(distribution: str) -> int:
    """Allow the installed version of a distribution to add families; its code runs with your rights."""
    family = allow(distribution)
    note(f"{family.module} of {family.origin} is allowed")
    return 0


@operators.command("disallow")
@click.argument("distribution")
def disallow_family(distribution: str) -> int:
    """Take a distribution off the list of those that may add families."""
    note(f"{distribution} is not allowed any more" if disallow(distribution) else f"{distribution} was not allowed")
    return 0


@click.command()
@output_option(VersionInfo)
def version(output: Output) -> int:
    """Print the version."""
    info = VersionInfo(
        outrider=__version__, python=platform.python_version(), system=f"{sys.platform} {platform.machine()}"
    )
    show(info, output)
    return 0
