"""Proxies on the way to a server: https goes through a tunnel, http is asked of the proxy itself (RFC 9112 section 3.2.2)."""

import re
from base64 import b64encode
from urllib.parse import unquote, urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.http.urls import PORTS
from outrider.core.secrets import SecretValue

_HOST = re.compile(r"[0-9A-Za-z][0-9A-Za-z\-._]*|[0-9A-Fa-f:.]+")


class ProxyError(ConnectionError):
    """A proxy cannot be reached, or makes no tunnel."""


class Proxy(msgspec.Struct, frozen=True):
    """A proxy.

    Attributes:
        url: `http://host:port`, as errors name it.
        host: Name or IP address.
        authorization: What is shown to it, and to nobody behind it.
    """

    url: str
    host: str
    port: int
    authorization: SecretValue | None = None


def parse_proxy(said: str) -> Proxy:
    """Read `http://host:port`, which may have `user:password@` before the host, or lack `http://`.

    Raises:
        InvalidConfigError: It is no proxy of HTTP.
    """
    try:
        parts = urlsplit(said if "://" in said else f"http://{said}")
        host, port = parts.hostname or "", parts.port or PORTS["http"]
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    if parts.scheme != "http" or not _HOST.fullmatch(host) or parts.path.strip("/") or parts.query:
        raise InvalidConfigError(
            "the address of the proxy is not one that can be used", found=said.rpartition("@")[2], expected="http://HOST:PORT",
            suggestions=["correct it where the proxy is named: a setting of the client, or https_proxy, HTTPS_PROXY or http_proxy"],
        )  # fmt: skip
    login = None
    if parts.username is not None:
        both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = SecretValue(f"Basic {b64encode(both.encode()).decode()}")
    return Proxy(f"http://{f'[{host}]' if ':' in host else host}:{port}", host, port, login)
