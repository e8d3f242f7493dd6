"""`outrider secret`: the encrypted store of a platform, or of this user where no platform is known."""

import sys
from pathlib import Path

import click

from outrider.core.errors import NotFoundError
from outrider.runtime.contexts import user_state_folder
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import need_terminal, selected


def _folder(ctx: click.Context) -> Path:
    try:
        return selected(ctx).state / "secrets"
    except NotFoundError:
        return user_state_folder() / "secrets"


@click.group()
def secret() -> None:
    """Keep secrets in the encrypted store."""


@secret.command("set")
@click.argument("name")
@click.pass_context
def set_secret(ctx: click.Context, name: str) -> int:
    """Store a secret; its value is read from standard input, or asked for on a terminal. It is never an argument."""
    from outrider.ports.secrets.store import SecretStore

    if sys.stdin.isatty():
        if not sys.stderr.isatty():
            raise need_terminal("the value on standard input")
        value = click.prompt(f"value of {name}", hide_input=True, err=True)
    else:
        value = sys.stdin.read().removesuffix("\n")
    SecretStore(_folder(ctx)).set(name, value)
    return 0


@secret.command("list")
@output_option(list[str])
@click.pass_context
def list_secrets(ctx: click.Context, output: Output) -> int:
    """List the names; values are never shown."""
    from outrider.ports.secrets.store import SecretStore

    folder = _folder(ctx)
    show(SecretStore(folder).list() if folder.exists() else [], output, empty="no secret is stored")
    return 0


@secret.command("rm")
@click.argument("name")
@click.pass_context
def remove_secret(ctx: click.Context, name: str) -> int:
    """Remove a secret."""
    from outrider.ports.secrets.store import SecretStore

    SecretStore(_folder(ctx)).remove(name)
    return 0
