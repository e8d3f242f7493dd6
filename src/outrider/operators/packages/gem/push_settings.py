"""Where gems are published from here, and the keys that are shown there.

`gemcutter_utilities.rb`, `commands/push_command.rb` and `config_file.rb` of RubyGems 3.3.15.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.locks.documents import read_yaml
from outrider.operators.packages.registries.own_settings import own_address
from outrider.operators.packages.registries.registry import Registry, unknown_registry

_MODE = 0o600
_USUAL = ":rubygems_api_key"


class Host(NamedTuple):
    """A server.

    Attributes:
        url: As it is written.
        source: Where.
        usual: Whether it is the one that RubyGems comes with.
    """

    url: str
    source: str
    usual: bool = False


def push_host(
    environment: Mapping[str, str], metadata: Mapping[str, str], built_in: Sequence[str], registry: str
) -> Host:
    """Return where a gem goes.

    Args:
        environment: Variables.
        metadata: Of its specification, which may name a server.
        built_in: The addresses that RubyGems comes with.
        registry: An address that counts more than all of these; empty for none.

    Raises:
        InvalidConfigError: The specification lets it go to another server alone.
        MissingRequirementError: No server is known.
    """
    host = _host(environment, metadata, built_in, registry)
    allowed = metadata.get("allowed_push_host", "")
    if allowed and _place(allowed) != _place(host.url):
        shown = host.url.rpartition("@")[2]
        raise InvalidConfigError(
            f"the gem may not be published at {shown}: its specification allows {allowed} alone", path="metadata.allowed_push_host",
            found=f"{shown}, of {host.source}", expected=allowed, suggestions=["correct allowed_push_host in the gemspec, and build it anew"],
        )  # fmt: skip
    return host


def _host(environment: Mapping[str, str], metadata: Mapping[str, str], built_in: Sequence[str], registry: str) -> Host:
    said = (
        (registry, "registry"),
        (metadata.get("default_gem_server", ""), "metadata.default_gem_server of the gem"),
        (metadata.get("allowed_push_host", ""), "metadata.allowed_push_host of the gem"),
        (environment.get("RUBYGEMS_HOST", ""), "RUBYGEMS_HOST"),
    )
    for url, source in said:
        if url:
            return Host(url, source, any(url.rstrip("/") == one.rstrip("/") for one in built_in))
    if own := own_address("gem", environment):
        return Host(own.url, own.source)
    for url in built_in[:1]:
        return Host(url, "RubyGems' own default", usual=True)
    raise unknown_registry(
        "gem", "RUBYGEMS_HOST, and Ruby is not installed or does not name its own", "set RUBYGEMS_HOST"
    )


def registry_of(settings: GemSettings, environment: Mapping[str, str], host: Host) -> Registry:
    """Return a server with the key that is shown there.

    RubyGems shows the key of its own server to any that has none of its own; here that server alone is shown it.

    Raises:
        InvalidConfigError: The address or the file with the keys cannot be used.
    """
    found = settings.registry(host.url, host.source)
    key = environment.get("GEM_HOST_API_KEY") or _key(environment, host)
    return msgspec.structs.replace(found, authorization=SecretValue(key)) if key else found


def _key(environment: Mapping[str, str], host: Host) -> str:
    keys = _keys(environment)
    own = next((key for url, key in keys.items() if url.rstrip("/") == host.url.rstrip("/")), "")
    return own or (keys.get(_USUAL, "") if host.usual else "")


def _keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return keys by the addresses of servers, as gem signin writes them."""
    home = Path(environment.get("HOME") or "/")
    path = home / ".gem" / "credentials"
    if not path.is_file():
        path = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share") / "gem" / "credentials"
    if not path.is_file():
        return {}
    mode = path.stat().st_mode & 0o777
    if mode != _MODE:
        raise InvalidConfigError(
            f"{path}: others may read it, so that RubyGems does not use it", path="credentials", found=f"{mode:04o}", expected="0600",
            suggestions=[f"chmod 0600 {path}"],
        )  # fmt: skip
    try:
        documents = read_yaml(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, InvalidConfigError) as error:
        # What a reader says has lines of the file in it, and in these are keys.
        raise InvalidConfigError(
            f"{path}: the keys of RubyGems cannot be read", found=type(error).__name__, expected="YAML", suggestions=[f"correct {path}"]
        ) from None  # fmt: skip
    found = documents[0] if documents else {}
    return {str(url): key for url, key in found.items() if isinstance(key, str)}


def _place(url: str) -> tuple[str, str]:
    """Return what RubyGems compares of addresses."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.scheme, parts.hostname or ""
