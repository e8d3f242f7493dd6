"""What a config.toml of Cargo would take: https://doc.rust-lang.org/cargo/reference/config.html."""

from collections.abc import Iterator

from outrider.operators.packages.cargo.places import SPARSE
from outrider.operators.packages.cargo.settings import CargoSettings, cargo_home
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.updating.strangers.machine import Machine, reserved, would_be_shown

FILES = (".cargo/config.toml", ".cargo/config")
LOCKS = ("Cargo.lock",)
# Files of this machine, and ways to registries that somebody else watches.
_OF_CARGO = ("cainfo", "proxy")


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    said = read_toml("config.toml", text)
    http = said.get("http")
    ways = [f"http.{key}" for key in _OF_CARGO if isinstance(http, dict) and key in http]
    yield from (reserved(key, "the config.toml of whoever runs this") for key in ways)
    own = CargoSettings(machine.environment, cargo_home(machine.environment))
    tables = said.get("registries")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        index = table.get("index") if isinstance(table, dict) else None
        if index and own.token_named(name) and _plain(index) != _plain(own.index_named(name)):
            key = f"registries.{name}.index"
            yield would_be_shown(key, "the token of this machine by that name", "the config.toml of whoever runs this")


def _plain(index: object) -> str:
    return str(index).removeprefix(SPARSE).rstrip("/")
