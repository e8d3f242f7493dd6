"""`outrider completion`."""

import sys

import click
from click.shell_completion import get_completion_class

from outrider.core.errors import InvalidConfigError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> int:
    """Print the completion script of a shell, for example: outrider completion bash > ~/.outrider-completion."""
    found = get_completion_class(shell)
    if found is None:
        raise InvalidConfigError(f"no completion for {shell}", found=shell, expected=", ".join(SHELLS))
    sys.stdout.write(found(ctx.find_root().command, {}, "outrider", "_OUTRIDER_COMPLETE").source() + "\n")
    return 0
