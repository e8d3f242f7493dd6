"""What a bunfig.toml would take: https://bun.com/docs/runtime/bunfig."""

from collections.abc import Iterator

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.npm.bun import settings as bun
from outrider.operators.packages.updating.strangers.machine import Machine, variables_taken, would_be_shown

FILES = (bun.SETTINGS,)
LOCKS = ("bun.lock",)


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    said = bun.install_table(read_toml(bun.SETTINGS, text))
    yield from variables_taken(bun.variables_in(said), machine)
    shown = bun.first_of(machine.environment, bun.TOKEN_VARIABLES)
    # Variables count more than files, and a token among them goes to whichever registry counts.
    if "registry" in said and shown and not bun.first_of(machine.environment, bun.REGISTRY_VARIABLES):
        token = next(name for name in bun.TOKEN_VARIABLES if machine.environment.get(name))
        yield would_be_shown(
            "install.registry", f"the {token} of this machine", f"the variable {bun.REGISTRY_VARIABLES[0]}"
        )
