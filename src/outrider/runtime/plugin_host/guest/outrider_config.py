"""For plugins that check in `setup` what the schema of their configuration does not see. Standard library only."""

from __future__ import annotations

import re

from outrider_plugin import PluginError, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any
    from urllib.parse import SplitResult

LONGEST_SECONDS = 366 * 86400.0


def config_error(field: str, found: object, expected: str) -> PluginError:
    """Return the error that refuses a configuration."""
    return PluginError(f"config.{field} is {found}, expected {expected}", code="INVALID_CONFIG")


def host_and_port(field: str, text: str) -> tuple[str, int]:
    """Return both parts of `host:port`; an IPv6 address stands in brackets.

    Raises:
        PluginError: It is none.
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})", text)
    if found is None or not 0 < int(found[3]) < 65536:
        raise config_error(field, text, "host:port")
    return found[1] or found[2], int(found[3])


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file, or those of the machine.

    Raises:
        PluginError: The file has none.
    """
    import ssl  # noqa: PLC0415 - 4 MB that a plain connection does not need

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise config_error("ca_file", ca_file, f"certificates in PEM ({error.strerror or error})") from error


def length(config: dict[str, Any], field: str) -> float:
    """Return the seconds of a field that is a length of time.

    Raises:
        PluginError: It is nothing, or years.
    """
    found = seconds(config[field])
    if not 0 < found <= LONGEST_SECONDS:
        raise config_error(field, config[field], "more than 0 and at most 366 days")
    return found


def url_server(url: str) -> tuple[SplitResult, str, int]:
    """Return the parts of `config.url`, and the host and port of its server.

    Raises:
        PluginError: It has no host, or no such port.
    """
    from urllib.parse import urlsplit  # noqa: PLC0415 - as above

    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host:
        raise config_error("url", url, "a URL with a host and a port up to 65535")
    return parts, host, port or (443 if parts.scheme == "https" else 80)
