"""Where packages of an ecosystem come from: an address, and what is shown there."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from outrider.core.errors import InvalidConfigError, MissingRequirementError
from outrider.core.secrets import SecretValue
from outrider.operators.packages.registries.proxies import Proxies, proxies_of

_NETRC = "write machine {host} login USER password PASSWORD into ~/.netrc"


class UnknownRegistryError(MissingRequirementError):
    """The registry of an ecosystem is named nowhere."""


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """One registry.

    Attributes:
        url: Its address, without credentials and without a slash at the end.
        source: Where that was read.
        authorization: The value of the header that is sent to it, and to nobody else.
        headers: Further ones of which the same is true, by their names in small letters.
        authorities: A file of authorities that are trusted in place of the machine's.
        login: How its client is told of credentials.
        proxies: On the way there, and to wherever it sends us.
    """

    url: str
    source: str
    authorization: SecretValue | None = None
    headers: tuple[tuple[str, SecretValue], ...] = ()
    authorities: Path | None = None
    login: str = "log in with its own client"
    proxies: Proxies = Proxies()

    @property
    def proxy(self) -> str:
        """`http://host:port` of the proxy on the way, without a login; empty for none."""
        parts = urlsplit(self.url)
        found = self.proxies.on_the_way(parts.scheme, parts.hostname or "")
        return found.url if found is not None else ""


def registry_at(
    url: str, source: str, *, authorities: str = "", login: str = _NETRC, environment: Mapping[str, str]
) -> Registry:
    """Return a registry by its address as people write it; credentials within are taken out of it.

    Args:
        url: The address.
        source: Where it was read.
        authorities: A file of authorities; empty for the machine's own.
        login: How its client is told of credentials, with `{host}` and `{path}` in place of those.
        environment: Variables that may name a proxy.

    Raises:
        InvalidConfigError: It is no address.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    # Ends of lines and tabs would be passed over in silence.
    if parts.scheme not in ("http", "https") or not host or any(one.isspace() for one in url.strip()):
        raise InvalidConfigError(
            f"{source}: the address of the registry cannot be used", found=url.rpartition("@")[2],
            expected="http://host/path or https://host/path", suggestions=[f"correct it in {source}"],
        )  # fmt: skip
    authority = f"[{host}]" if ":" in host else host
    where = f"{authority}:{port}" if port else authority
    authorization = None
    if parts.username is not None:
        authorization = basic(unquote(parts.username), unquote(parts.password or ""))
    return Registry(
        url=urlunsplit((parts.scheme, where, parts.path.rstrip("/"), "", "")), source=source, authorization=authorization,
        authorities=Path(authorities).expanduser() if authorities else None, proxies=proxies_of(environment), login=login.replace("{host}", where).replace("{path}", parts.path.rstrip("/")),
    )  # fmt: skip


def address_alone(url: str, path: str = "registry") -> str:
    """Return an address that somebody has given.

    Args:
        url: The address, perhaps with `sparse+` before it, as Cargo writes it.
        path: The field that has it, for errors.

    Raises:
        InvalidConfigError: It is none, has credentials, or more than a path.
    """
    try:
        registry_at(url.strip().removeprefix("sparse+"), path, environment={})
    except InvalidConfigError as error:
        error.path, error.suggestions = path, ["give it as the client of that ecosystem takes it"]
        raise
    parts = urlsplit(url.strip())
    if parts.query or parts.fragment:
        raise InvalidConfigError(
            f"{path}: nothing behind its path would be sent", path=path, found="a query or a fragment", expected="https://HOST/PATH",
            suggestions=[f"leave out what follows {urlunsplit((*parts[:3], '', '')).rpartition('@')[2]}"],
        )  # fmt: skip
    if "@" in parts.netloc:
        raise InvalidConfigError(
            f"{path}: it has credentials, which would be kept in plain text", path=path, found="a user or a password", expected="an address alone",
            suggestions=["write them into ~/.netrc: machine HOST login USER password PASSWORD"],
        )  # fmt: skip
    return url.strip()


def basic(user: str, password: str) -> SecretValue:
    """Return the header for a user and a password (RFC 7617)."""
    return SecretValue(f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")


def unknown_registry(ecosystem: str, looked: str, *remedies: str) -> UnknownRegistryError:
    """Return the error for an ecosystem whose registry is named nowhere.

    Args:
        ecosystem: Which.
        looked: Where it was looked for.
        remedies: How its own client is told.
    """
    return UnknownRegistryError(
        f"no registry of {ecosystem} is known here", found=f"none in {looked}", expected="its address",
        suggestions=[*remedies, f"outrider packages setup {ecosystem} https://HOST/PATH"],
    )  # fmt: skip
