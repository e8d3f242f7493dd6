"""Where packages of a Pipfile come from: https://pipenv.pypa.io/en/latest/indexes.html."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.texts import flattened

FORM = "Pipfile"
_VARIABLE = re.compile(r"'?\$\{([^}]+)\}'?|\$([A-Za-z_][A-Za-z0-9_]*)")
_ITSELF = ["use Pipenv itself: pipenv lock"]


class PipfileSource(msgspec.Struct, frozen=True):
    """An index.

    Attributes:
        name: By which packages ask for it.
        url: Its address, with variables as they are written.
        verify_ssl: As the lock has it.
    """

    name: str
    url: str
    verify_ssl: bool


def sources_of(document: Mapping[str, Any]) -> list[PipfileSource]:
    """Return the sources of a Pipfile, of which there is at least one.

    Raises:
        InvalidConfigError: One of them is none.
        UnsupportedError: There are none, or certificates are not to be looked at.
    """
    listed = document.get("source", [])
    if not isinstance(listed, list):
        raise malformed(("source",), listed, "tables [[source]]")
    if not listed:
        raise unsupported(
            ("source",),
            "is not there, and Pipenv would take one from pip's settings",
            "[[source]] with a name and a url",
        )
    sources = [*_read(listed)]
    if len({one.name for one in sources}) < len(sources):
        raise malformed(("source",), ", ".join(one.name for one in sources), "a name for each source")
    return sources


def _read(listed: list[Any]) -> Iterator[PipfileSource]:
    for at, one in enumerate(listed):
        where = ("source", at)
        if not isinstance(one, dict):
            raise malformed(where, one, "a table")
        for key in ("name", "url"):
            if not isinstance(one.get(key), str) or not one[key]:
                raise malformed((*where, key), one.get(key, "none"), "a text")
        checks = one.get("verify_ssl", "https://" in one["url"])
        if not isinstance(checks, bool):
            raise malformed((*where, "verify_ssl"), checks, "true or false")
        if not checks and one["url"].startswith("https:"):
            raise unsupported(
                (*where, "verify_ssl"),
                "asks not to look at certificates",
                "true, and PIP_CERT for an authority of your own",
            )
        yield PipfileSource(one["name"], one["url"], checks)


def variables_in(document: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables that would be put into addresses; none where these cannot be read."""
    listed = document.get("source")
    tables = (one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict))
    return [match[1] or match[2] for one in tables for match in _VARIABLE.finditer(str(one.get("url", "")))]


def expanded(url: str, environment: Mapping[str, str]) -> str:
    """Return an address with variables put in, as Pipenv does: what is not set stays, and credentials are quoted.

    Args:
        url: As it is written.
        environment: Variables.
    """

    def value(match: re.Match[str]) -> str:
        return environment.get(match[1] or match[2], match[0])

    scheme, separator, rest = url.partition("://")
    login = rest.partition("/")[0].rpartition("@")[0]
    whole = _VARIABLE.sub(value, login)
    if whole == login:
        return _VARIABLE.sub(value, url)
    user, colon, password = whole.partition(":")
    behind = _VARIABLE.sub(value, rest[len(login) :])
    return f"{scheme}{separator}{quote(user, safe='')}{colon}{quote(password, safe='')}{behind}"


def unsupported(where: tuple[str | int, ...], what: str, expected: str) -> UnsupportedError:
    """Return the error for what is not read here.

    Args:
        where: Keys that lead to it.
        what: Is wrong with it.
        expected: In its place.
    """
    shown = flattened(".".join(map(str, where)))
    return UnsupportedError(f"{FORM}: {shown} {what}", path=shown, found=shown, expected=expected, suggestions=_ITSELF)


def malformed(where: tuple[str | int, ...], found: Any, expected: str) -> InvalidConfigError:
    """Return the error for what cannot be read; arguments as for `unsupported`."""
    shown = flattened(".".join(map(str, where)))
    return InvalidConfigError(
        f"{FORM}: {shown} cannot be read", path=shown, found=flattened(str(found).rpartition("@")[2][:80]), expected=expected, suggestions=["correct it"]
    )  # fmt: skip
