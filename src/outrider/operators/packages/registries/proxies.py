"""Proxies on the way to registries, by the variables that curl and others read."""

from collections.abc import Mapping

import msgspec

from outrider.core.secrets import SecretValue
from outrider.ports.http.proxies import Proxy, parse_proxy


class Proxies(msgspec.Struct, frozen=True):
    """What is said of them.

    Attributes:
        http: The proxy for addresses of that kind, as it is written, which may be with a login.
        https: Likewise.
        direct: Hosts that are reached without one, and `*` for all.
    """

    http: SecretValue | None = None
    https: SecretValue | None = None
    direct: tuple[str, ...] = ()

    def on_the_way(self, scheme: str, host: str) -> Proxy | None:
        """Return the proxy for a host; None for none.

        Raises:
            InvalidConfigError: It is no proxy of HTTP.
        """
        if any(name in ("*", host) or host.endswith(f".{name}") for name in self.direct):
            return None
        said = self.https if scheme == "https" else self.http
        return parse_proxy(said.reveal()) if said is not None else None


def proxies_of(environment: Mapping[str, str]) -> Proxies:
    """Return what variables say of proxies."""

    def first(*names: str) -> SecretValue | None:
        return next((SecretValue(environment[name]) for name in names if environment.get(name)), None)

    bypassed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    # Of upper case ones HTTP_PROXY is left out: within CGI it would be a header of whoever asks.
    return Proxies(
        first("http_proxy"), first("https_proxy", "HTTPS_PROXY"),
        tuple(filter(None, (one.strip().lstrip(".") for one in bypassed.split(",")))),
    )  # fmt: skip


def through(proxy: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return variables with the proxy that a client is told of for all addresses; as they are where it is told of none."""
    return {**environment, "http_proxy": proxy, "https_proxy": proxy} if proxy else environment
