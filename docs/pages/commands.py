"""Every command's help, as the command line itself writes it."""

from collections.abc import Iterator

import click

from docs.pages.markdown import fenced
from outrider.surfaces.cli.app import root

WIDTH = 100


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Command line\n"
    yield "Commands of operations are made from their declarations; [operations](operations.md) has their results and examples.\n"
    yield (
        "Set `OUTRIDER_CONTEXT` or give `--context NAME` to choose a platform."
        " Without them it is the one of the current folder, else the one that was used last.\n"
    )
    yield (
        "Results go to standard output, everything else to standard error. `-o json` is the whole result for programs,"
        " `--json id,state` some of its fields, nested ones with dots. Lists with `--watch` go on: one JSON object per line"
        " for what is new or has changed. `--quiet` leaves notes and the timeline out.\n"
    )
    yield (
        "Nothing is asked without a terminal, or with `--no-input`. A write then shows its plan and exits with 6 unless"
        " `--yes` is given; `outrider apply PLAN` needs `--yes` only where the plan destroys something.\n"
    )
    yield "`--no-input` and `--quiet` may stand anywhere in a command.\n"
    yield from _command(root, None, "outrider")


def _command(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    yield f"## {context.command_path}\n"
    yield from fenced(command.get_help(context), "text")
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from _command(found, context, child)
