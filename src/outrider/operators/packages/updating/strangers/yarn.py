"""What a .yarnrc.yml would take: https://yarnpkg.com/configuration/yarnrc.

Yarn 4 itself sends credentials with encryption alone, unless the project says otherwise.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.registries.strangers import is_in_the_clear
from outrider.operators.packages.updating.strangers.machine import Machine, variables_taken, would_be_shown
from outrider.operators.packages.updating.strangers.npm import LOCKS
from outrider.operators.packages.yarn import settings as yarn

__all__ = ["FILES", "LOCKS", "taken"]

FILES = (".yarnrc.yml",)
_OF_YARN = (("npmAuthToken", "YARN_NPM_AUTH_TOKEN"), ("npmAuthIdent", "YARN_NPM_AUTH_IDENT"))
_YARN_SERVER = "YARN_NPM_REGISTRY_SERVER"


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    said = _document(text)
    yield from variables_taken(yarn.variables_in(said), machine)
    server = said.get("npmRegistryServer")
    scopes = said.get("npmScopes")
    tables = [one for one in scopes.values() if isinstance(one, dict)] if isinstance(scopes, dict) else []
    servers = [server, *(one.get("npmRegistryServer") for one in tables)]
    yield from (_unencrypted(one) for one in servers if isinstance(one, str) and _is_in_the_clear(one))
    own = yarn.BerrySettings(Path(machine.environment.get("HOME") or "/"), machine.environment)
    # A token without a server goes to whichever counts; variables count more than files.
    shown = any(own.text(key) and (machine.environment.get(name) or not said.get(key)) for key, name in _OF_YARN)
    if server and shown and server != own.text("npmRegistryServer") and _YARN_SERVER not in machine.environment:
        yield would_be_shown(
            "npmRegistryServer", "the npmAuthToken of this machine", "the .yarnrc.yml of whoever runs this"
        )


def _document(text: str) -> dict[str, Any]:
    documents = read_yaml(yarn.SETTINGS, text)
    return documents[0] if documents else {}


def _is_in_the_clear(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return is_in_the_clear(parts.scheme, parts.hostname or "")
    except ValueError:
        return False


def _unencrypted(url: str) -> str:
    return f"npmRegistryServer: {url} has no encryption, and credentials of this machine could be read on the way; write https:// there"
