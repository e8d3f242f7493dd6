"""Hosts and ports that a program may connect to, as objects name them."""

import re

import msgspec

from outrider.core.errors import InvalidConfigError

# A name, a name with `*.` before it, or an address; and a port, if it is not that of HTTPS.
PATTERN = r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$"
HTTPS = 443
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

# What may be asked for: names with underscores are there, too.
_ASKED = re.compile(r"[a-z0-9_-]{1,63}")


class Destination(msgspec.Struct, frozen=True):
    """Where a connection may go.

    Attributes:
        host: A name in lower case, or an address; beginning with `*.` for all names below one.
        port: TCP.
    """

    host: str
    port: int

    def covers(self, host: str, port: int) -> bool:
        """Return whether a connection to a host, in lower case and without a dot at its end, goes there."""
        if port != self.port:
            return False
        return host.endswith(self.host[1:]) if self.host.startswith("*.") else host == self.host


def read_destination(text: str) -> Destination:
    """Read `host`, `host:port`, `*.host:port` or `[address]:port`; without a port it is that of HTTPS.

    Raises:
        InvalidConfigError: It is none.
    """
    host, port = split_host(text, HTTPS)
    labels = host.removeprefix("*.").split(".")
    if host.startswith("*.") and len(labels) < 2:
        raise _wrong(text)
    if ":" not in host and not all(_LABEL.fullmatch(label) for label in labels):
        raise _wrong(text)
    return Destination(host, port)


def split_host(text: str, default: int | None = None) -> tuple[str, int]:
    """Return the host, in lower case, and the port of a text.

    Args:
        text: `host:port`, or `[address]:port`.
        default: The port where none is named; None where one must be.

    Raises:
        InvalidConfigError: It is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, str(default) if default is not None else ""
    host = host.lower().removesuffix(".")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or not all(_ASKED.fullmatch(label) for label in host.removeprefix("*.").split(".")):
        raise _wrong(text)
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise _wrong(text)
    return host, int(port)


def _wrong(text: str) -> InvalidConfigError:
    return InvalidConfigError(
        "not a host with a port", found=text[:200], expected="such as api.example.org, api.example.org:8443 or *.example.org",
        suggestions=["leave out the scheme and the path"],
    )  # fmt: skip
