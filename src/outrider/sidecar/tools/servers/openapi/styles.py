"""Values of parameters as text (OpenAPI 3.1, "Style Examples"; RFC 6570): what is a value can be nothing else.

A value that is null counts as absent, also in a list or an object. What the styles do not say, a list or an object within
another, is JSON; within a `deepObject` it is nested further.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError
from outrider.sidecar.tools.servers.openapi.operation import Parameter, Style

# What `allowReserved` leaves: reserved characters, but none that ends a value of a query (3.1.1, "Percent-encoding").
_RESERVED = ":/?@!$'()*,;="
_HEX = frozenset("0123456789abcdefABCDEF")
# Above it a float is not surely the integer that was meant.
_EXACT = 2.0**53
_JOINTS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}
Pairs = list[tuple[str, str]]


def text_of(value: Any) -> str:
    """Return one value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return encode(value).decode()


def escaped(text: str, *, reserved: bool = False) -> str:
    """Return a text percent-encoded.

    Args:
        text: It.
        reserved: Leave reserved characters, and what is encoded already, as they are.
    """
    if not reserved:
        return quote(text, safe="")
    pieces = text.split("%")
    made = [quote(pieces[0], safe=_RESERVED)]
    for piece in pieces[1:]:
        is_encoded = len(piece) >= 2 and _HEX.issuperset(piece[:2])
        made.append(("%" if is_encoded else "%25") + quote(piece, safe=_RESERVED))
    return "".join(made)


def is_absent(value: Any) -> bool:
    """Return whether nothing is sent for a value (RFC 6570, "undefined")."""
    if isinstance(value, list):
        return all(one is None for one in value)
    return value is None or (isinstance(value, dict) and all(one is None for one in value.values()))


def in_path(parameter: Parameter, value: Any) -> str:
    """Return what stands for a parameter in a path."""
    if parameter.is_json:
        return escaped(encode(value).decode())
    write = _writer(reserved=parameter.reserved)
    name, style = escaped(parameter.name), parameter.style
    if not isinstance(value, list | dict):
        text = write(text_of(value))
        return {"label": f".{text}", "matrix": f";{name}={text}" if text else f";{name}"}.get(style, text)
    if not parameter.explode:
        joined = ",".join(write(one) for one in _flat(value))
        return {"label": f".{joined}", "matrix": f";{name}={joined}"}.get(style, joined)
    members = [f"{write(key)}={write(one)}" if isinstance(value, dict) else write(one) for key, one in _members(value)]
    if style == "matrix":
        return "".join(f";{one}" if isinstance(value, dict) else f";{name}={one}" for one in members)
    return "".join(f".{one}" for one in members) if style == "label" else ",".join(members)


def in_query(parameter: Parameter, value: Any) -> Pairs:
    """Return the pairs of a query that stand for a parameter, percent-encoded."""
    if parameter.is_json:
        return [(escaped(parameter.name), escaped(encode(value).decode()))]
    return pairs(parameter.name, value, parameter.style, explode=parameter.explode, reserved=parameter.reserved)


def pairs(name: str, value: Any, style: Style | None, *, explode: bool, reserved: bool = False) -> Pairs:
    """Return what stands for a value, percent-encoded.

    Args:
        name: Of it.
        value: It.
        style: One of a query.
        explode: As that of Parameter.
        reserved: As that of Parameter.
    """
    write = _writer(reserved=reserved)
    if not isinstance(value, list | dict):
        return [(escaped(name), write(text_of(value)))]
    if style == "deepObject" and isinstance(value, dict):
        return [(escaped(key), write(text)) for key, text in _deep(name, value)]
    if explode:
        return [(escaped(key if isinstance(value, dict) else name), write(one)) for key, one in _members(value)]
    return [(escaped(name), _JOINTS.get(style or "", ",").join(write(one) for one in _flat(value)))]


def in_header(parameter: Parameter, value: Any) -> str:
    """Return the value of a header.

    Raises:
        InvalidConfigError: It holds what no header can.
    """
    if parameter.is_json:
        text = encode(value).decode()
    elif isinstance(value, dict) and parameter.explode:
        text = ",".join(f"{key}={one}" for key, one in _members(value))
    else:
        text = ",".join(_flat(value)) if isinstance(value, list | dict) else text_of(value)
    return _checked(parameter, text, lambda one: one == "\t" or " " <= one <= "~" or "\x80" <= one <= "\xff")


def in_cookie(parameter: Parameter, value: Any) -> Pairs:
    """Return the cookies that stand for a parameter.

    Raises:
        InvalidConfigError: Its style encodes nothing, and it holds what no cookie can.
    """
    if parameter.style != "cookie" or parameter.is_json:
        return in_query(parameter, value)
    listed = _members(value) if isinstance(value, list | dict) else [("", text_of(value))]
    if isinstance(value, list | dict) and not parameter.explode:
        listed = [("", ",".join(_flat(value)))]
    is_object = isinstance(value, dict) and parameter.explode
    return [
        (_checked(parameter, key, _is_cookie) if is_object else parameter.name, _checked(parameter, text, _is_cookie))
        for key, text in listed
    ]


def _is_cookie(character: str) -> bool:
    return "!" <= character <= "~" and character not in ';"\\'


def _checked(parameter: Parameter, text: str, allowed: Callable[[str], bool]) -> str:
    bad = next((one for one in text if not allowed(one)), None)
    if bad is not None:
        raise InvalidConfigError(
            f"argument '{parameter.argument}' holds a character that a {parameter.place} cannot carry", path=parameter.argument,
            found=repr(bad), suggestions=["leave it out"],
        )  # fmt: skip
    return text


def _writer(*, reserved: bool) -> Callable[[str], str]:
    return lambda text: escaped(text, reserved=reserved)


def _members(value: Any) -> list[tuple[str, str]]:
    """Return the members of a list or an object; those of a list have no key."""
    listed = value.items() if isinstance(value, dict) else (("", one) for one in value)
    return [(key, text_of(one)) for key, one in listed if one is not None]


def _flat(value: Any) -> list[str]:
    """Return the members of a list, or keys and values of an object in turn."""
    return [text for pair in _members(value) for text in (pair if isinstance(value, dict) else pair[1:])]


def _deep(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _deep(f"{name}[{key}]", one)
    elif isinstance(value, list):
        for one in value:
            yield from _deep(f"{name}[]" if isinstance(one, list | dict) else name, one)
    elif value is not None:
        yield name, text_of(value)
