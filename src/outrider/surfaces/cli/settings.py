"""What the command line says once for every command."""

import sys

import click
import msgspec

# Exit status of what has findings: a plan with changes, a check with problems.
FINDINGS = 6


class Settings(msgspec.Struct, frozen=True):
    """The options of `outrider` itself.

    Attributes:
        context: Platform that was named.
        no_input: Whether asking is forbidden.
        quiet: Whether notes are left out.
    """

    context: str | None = None
    no_input: bool = False
    quiet: bool = False


def settings() -> Settings:
    """Return the settings of the command that runs."""
    ctx = click.get_current_context(silent=True)
    found = ctx.find_root().obj if ctx is not None else None
    return found if isinstance(found, Settings) else Settings()


def interactive() -> bool:
    """Return whether a person can be asked."""
    return not settings().no_input and sys.stdin.isatty() and sys.stderr.isatty()


def note(text: str) -> None:
    """Tell a person something on stderr, unless `--quiet` was given."""
    if not settings().quiet:
        sys.stderr.write(f"{text}\n")
