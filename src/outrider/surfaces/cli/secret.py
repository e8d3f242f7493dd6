"""`outrider secret`: the encrypted store of a platform, or of this user where no platform is known."""

import sys
from pathlib import Path

import click

from outrider.core.errors import NotFoundError
from outrider.runtime.contexts import user_state_folder
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import need_terminal, selected
from outrider.surfaces.cli.settings import note

USER = click.option("--user", is_flag=True, help="The store of this user, whichever platform is selected.")


def _place(ctx: click.Context, *, user: bool) -> tuple[Path, str]:
    """Return the folder of a store, and whose it is."""
    own = user_state_folder() / "secrets"
    if user:
        return own, "this user"
    try:
        platform = selected(ctx)
    except NotFoundError:
        return own, "this user"
    return platform.state / "secrets", f"platform '{platform.name}'"


@click.group()
def secret() -> None:
    """Keep secrets in the encrypted store."""


@secret.command("set")
@click.argument("name")
@USER
@click.pass_context
def set_secret(ctx: click.Context, name: str, user: bool) -> int:
    """Store a secret; its value is read from standard input, or asked for on a terminal. It is never an argument."""
    from outrider.ports.secrets.store import SecretStore

    if sys.stdin.isatty():
        if not sys.stderr.isatty():
            raise need_terminal("the value on standard input")
        value = click.prompt(f"value of {name}", hide_input=True, err=True)
    else:
        value = sys.stdin.read().removesuffix("\n")
    folder, owner = _place(ctx, user=user)
    SecretStore(folder).set(name, value)
    note(f"kept for {owner}, in {folder}")
    return 0


@secret.command("list")
@USER
@output_option(list[str])
@click.pass_context
def list_secrets(ctx: click.Context, user: bool, output: Output) -> int:
    """List the names; values are never shown."""
    from outrider.ports.secrets.store import SecretStore

    folder, _ = _place(ctx, user=user)
    show(SecretStore(folder).list() if folder.exists() else [], output, empty="no secret is stored")
    return 0


@secret.command("rm")
@click.argument("name")
@USER
@click.pass_context
def remove_secret(ctx: click.Context, name: str, user: bool) -> int:
    """Remove a secret."""
    from outrider.ports.secrets.store import SecretStore

    SecretStore(_place(ctx, user=user)[0]).remove(name)
    return 0
