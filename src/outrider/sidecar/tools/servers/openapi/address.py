"""Where the operations of a document are."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.http import urls
from outrider.ports.http.addresses import parse_address

_VARIABLE = re.compile(r"\{([^{}]+)\}")
LONGEST_SHOWN = 200


class Base(msgspec.Struct, frozen=True):
    """Where paths begin.

    Attributes:
        origin: Scheme, host and port, as the HTTP client takes them.
        path: What stands before every path; percent-encoded, without a slash at its end.
    """

    origin: str
    path: str


def is_address(text: str) -> bool:
    """Return whether a text is an address and no file."""
    return "://" in text


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address (RFC 6454 section 4).

    Raises:
        InvalidConfigError: It is none of HTTP.
    """
    try:
        parts = urlsplit(url)
        parse_address(f"{parts.scheme}://{parts.netloc}")  # it takes no user, and no port that is none
    except (ValueError, InvalidConfigError) as error:
        raise _no_address(url) from error
    found = urls.origin(url)
    if found[0] not in urls.PORTS or not found[1]:
        raise _no_address(url)
    return found


def base(url: str) -> Base:
    """Return the base that an address is.

    Raises:
        InvalidConfigError: It is no address of HTTP, or has a query.
    """
    origin(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment or not url.isprintable():
        raise _no_address(url)
    return Base(f"{parts.scheme}://{parts.netloc}", quote(parts.path, safe="/%:@!$&'()*+,;=~-._").rstrip("/"))


def base_of(data: Mapping[str, Any], *, url: str, document: str) -> Base:
    """Return where the operations of a document are: at `url`, or else at its first server.

    A document that was fetched decides of a server of its own origin only: it would decide else who gets the credentials.

    Args:
        data: The document.
        url: Of the settings; empty where they have none.
        document: Its address; empty where it is a file.

    Raises:
        InvalidConfigError: Neither is there, or the server is another one's.
    """
    if url:
        return base(url)
    named = _first_server(data)
    found = urljoin(document, named) if document else named
    if not is_address(found):
        raise InvalidConfigError(f"its document says no address: its server is {found[:LONGEST_SHOWN]!r}; name `url`")
    if document and origin(found) != origin(document):
        raise InvalidConfigError(
            f"its document, which was fetched, names a server of another origin, {found[:LONGEST_SHOWN]}; name it as `url` to trust it"
        )
    return base(found)


def _first_server(data: Mapping[str, Any]) -> str:
    servers = data.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    if not isinstance(first, dict):
        return "/"
    variables, found = first.get("variables"), first.get("url")

    def default(match: re.Match[str]) -> str:
        variable = variables.get(match[1]) if isinstance(variables, dict) else None
        value = variable.get("default") if isinstance(variable, dict) else None
        return str(value) if isinstance(value, str | int) else match[0]

    made = _VARIABLE.sub(default, found) if isinstance(found, str) else "/"
    if "{" in made:
        raise InvalidConfigError(
            f"its document's server has variables without a default: {made[:LONGEST_SHOWN]}; name `url`"
        )
    return made


def _no_address(url: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"no address of a service: {url.rpartition('@')[2][:LONGEST_SHOWN]!r}, expected http:// or https://"
    )
