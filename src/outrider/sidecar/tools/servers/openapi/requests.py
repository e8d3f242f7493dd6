"""From the arguments of a call to a request: no value changes anything but its own place in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.http.headers import Headers
from outrider.sidecar.tools.servers.openapi.bodies import write_body
from outrider.sidecar.tools.servers.openapi.operation import Operation, Parameter, Segment
from outrider.sidecar.tools.servers.openapi.styles import (
    Pairs,
    escaped,
    in_cookie,
    in_header,
    in_path,
    in_query,
    is_absent,
)
from outrider.version import __version__

BODY = "body"
ACCEPTED = "application/json, text/*;q=0.8, */*;q=0.5"
_USUAL = {"accept": ACCEPTED, "user-agent": f"outrider/{__version__}"}
# So often is a path decoded, to see whether it climbs: servers and proxies before them may each do it once.
UNQUOTED = 4
_SLASHES = re.compile(r"[/\\]")


class Asked(msgspec.Struct, frozen=True):
    """A request: its target without the path of the service, its headers and its body."""

    target: str
    headers: Headers
    body: bytes


def build(operation: Operation, arguments: Mapping[str, Any], fixed: Mapping[str, str]) -> Asked:
    """Return the request of a call.

    Args:
        operation: What is called.
        arguments: Checked already.
        fixed: Headers of the service, which count before all others.

    Raises:
        InvalidConfigError: A value cannot be sent without changing something else; the argument is named.
    """
    try:
        path = "".join(f"/{_segment(operation, one, arguments)}" for one in operation.segments)
        query = _pairs(operation, arguments, "query")
        cookies = _pairs(operation, arguments, "cookie")
        headers = dict(_headers(operation, arguments))
        content, body = (
            write_body(operation.body, arguments.get(BODY)) if _has_body(operation, arguments) else ("", b"")
        )
    except UnicodeError as error:  # half a character, as JSON can write it
        raise InvalidConfigError("an argument holds text that is no Unicode", suggestions=["leave it out"]) from error
    if cookies:
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
    if content:
        headers["content-type"] = content
    own = {name.lower(): value for name, value in fixed.items()}
    target = path + ("?" + "&".join(f"{name}={value}" for name, value in query) if query else "")
    return Asked(target, Headers({**_USUAL, **headers, **own}), body)


def _has_body(operation: Operation, arguments: Mapping[str, Any]) -> bool:
    return operation.body is not None and BODY in arguments


def _given(operation: Operation, arguments: Mapping[str, Any], place: str) -> Iterator[tuple[Parameter, Any]]:
    for parameter in operation.parameters:
        if parameter.place == place and _is_given(parameter, arguments):
            yield parameter, arguments[parameter.argument]


def _is_given(parameter: Parameter, arguments: Mapping[str, Any]) -> bool:
    """Return whether something is sent for a parameter; as JSON also null is something."""
    if parameter.argument not in arguments:
        return False
    return parameter.is_json or not is_absent(arguments[parameter.argument])


def _segment(operation: Operation, segment: Segment, arguments: Mapping[str, Any]) -> str:
    made = ""
    names = []
    for part in segment.parts:
        if isinstance(part, str):
            made += part
            continue
        names.append(part.argument)
        if not _is_given(part, arguments):
            raise InvalidConfigError(
                f"argument '{part.argument}' is a part of the path and must hold something", path=part.argument, found="nothing",
            )  # fmt: skip
        value = arguments[part.argument]
        if isinstance(value, dict):
            _check_keys(operation, part, [(escaped(key), "") for key in value] if part.explode else [])
        made += in_path(part, value)
    if names and (not made or climbs(made)):
        raise InvalidConfigError(
            f"argument '{names[0]}' would lead to another path", path=names[0], found=unquote(made)[:80] or "nothing",
            expected="a value that is not empty and has no . or .. between slashes",
        )  # fmt: skip
    return made


def climbs(segment: str) -> bool:
    """Return whether whoever decodes a segment may find one in it that stands for the folder or the one above."""
    for _ in range(UNQUOTED):
        if {".", ".."}.intersection(_SLASHES.split(segment)):
            return True
        segment = unquote(segment)
    return False


def _pairs(operation: Operation, arguments: Mapping[str, Any], place: str) -> Pairs:
    found: Pairs = []
    write = in_query if place == "query" else in_cookie
    for parameter, value in _given(operation, arguments, place):
        made = write(parameter, value)
        if isinstance(value, dict):
            _check_keys(operation, parameter, made)
        found += made
    return found


def _check_keys(operation: Operation, parameter: Parameter, made: Pairs) -> None:
    """Refuse an object whose keys, each sent as a parameter, are those of another: what that may be is judged elsewhere."""
    others = {one.name.casefold() for one in operation.parameters if one is not parameter} | operation.unoffered
    for name, _ in made:
        if unquote(name).casefold() in others:
            raise InvalidConfigError(
                f"argument '{parameter.argument}' has the key '{unquote(name)[:80]}', which is a parameter of its own",
                path=parameter.argument, suggestions=["leave it out there"],
            )  # fmt: skip


def _headers(operation: Operation, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter, value in _given(operation, arguments, "header"):
        yield parameter.name.lower(), in_header(parameter, value)
