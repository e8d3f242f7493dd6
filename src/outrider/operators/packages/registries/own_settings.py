"""Registries that Outrider itself was told of: they count where the settings of a client name none, before its own default."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from outrider.operators.packages.registries.netrc_file import login_for
from outrider.operators.packages.registries.registry import Registry

_FILE = "packages.toml"


class Address(NamedTuple):
    """An address, and the file that has it."""

    url: str
    source: str


def own_path(environment: Mapping[str, str]) -> Path:
    """Return the file; it may not be there."""
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or "/") / ".config"
    return Path(home) / "outrider" / _FILE


def own_address(ecosystem: str, environment: Mapping[str, str]) -> Address | None:
    """Return the address for an ecosystem; None where there is none.

    Raises:
        InvalidConfigError: The file cannot be read.
    """
    path = own_path(environment)
    if not path.is_file():
        return None
    # Few have one, and what reads TOML comes with it.
    own_file = import_module("outrider.operators.packages.registries.own_file")
    url = own_file.read_addresses(own_file.text_or_none(path), path).get(ecosystem)
    return None if url is None else Address(url, str(path))


def with_own_login(registry: Registry, environment: Mapping[str, str]) -> Registry:
    """Return a registry of such an address with the credentials of `.netrc` for its host; any other as it is.

    Raises:
        InvalidConfigError: That file cannot be read.
    """
    return login_for(registry, environment) if registry.source == str(own_path(environment)) else registry
