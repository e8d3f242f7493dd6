"""Credentials from the file .netrc, which pip, uv, curl and others read."""

import netrc
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.registries.registry import Registry, basic


def login_for(registry: Registry, environment: Mapping[str, str]) -> Registry:
    """Return a registry with the credentials of its host, where it has none yet.

    Raises:
        InvalidConfigError: The file cannot be read.
    """
    path = Path(environment.get("NETRC") or Path(environment.get("HOME") or "/") / ".netrc")
    if registry.authorization is not None or not path.is_file():
        return registry
    try:
        found = netrc.netrc(str(path)).hosts.get(urlsplit(registry.url).hostname or "")
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(
            f"{path}: it cannot be read", found=type(error).__name__, expected="machine HOST login USER password PASSWORD",
            suggestions=[f"correct {path}"],
        ) from error  # fmt: skip
    if found is None:
        return registry
    return msgspec.structs.replace(registry, authorization=basic(found[0], found[2] or ""))
