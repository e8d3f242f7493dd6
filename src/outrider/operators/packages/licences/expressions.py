"""SPDX licence expressions: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/.

The grammar is read by license-expression. What it takes and SPDX does not, such as a licence where an exception belongs, is
refused here; what it does not know and SPDX allows, such as `Apache-2.0+`, is added.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Literal

import msgspec
from license_expression import (
    AND,
    OR,
    ExpressionError,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    ParseError,
)

from outrider.core.errors import InvalidConfigError, near_names
from outrider.operators.packages.licences.identifiers import identifiers, versions_from

LONGEST = 4000
_DEEPEST = 40
_SHOWN = 80
_MOST_OF_FAMILY = 3
_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_WORDS = re.compile(r"[()]|[^\s()]+")
_OPERATORS = ("and", "or", "with")
_LATER = "-or-later"
_ONLY = "-only"
_EXPECTED = "an SPDX expression such as MIT, MIT OR Apache-2.0, or GPL-2.0-only WITH Classpath-exception-2.0"


class Named(msgspec.Struct, frozen=True):
    """One licence.

    Attributes:
        name: Its identifier without `-or-later` or `+`, or a reference such as `LicenseRef-Acme`.
        later: Whether later versions may be taken in its place.
        exception: What it is combined with by WITH; may be empty.
    """

    name: str
    later: bool = False
    exception: str = ""

    def __str__(self) -> str:
        name = self.name
        if self.later:
            name = f"{name.removesuffix(_ONLY)}{_LATER}" if name.endswith(_ONLY) else f"{name}+"
        return f"{name} WITH {self.exception}" if self.exception else name

    def versions(self) -> tuple[str, ...]:
        """Return the licences of which one may be taken."""
        return versions_from(self.name) if self.later else (self.name,)


class Joined(msgspec.Struct, frozen=True):
    """Several licences, of which all count or one may be chosen.

    Attributes:
        operator: Which of both.
        parts: At least two, none of them twice, in the order of the author.
    """

    operator: Literal["AND", "OR"]
    parts: tuple["Expression", ...]

    def __str__(self) -> str:
        texts = (f"({part})" if isinstance(part, Joined) else str(part) for part in self.parts)
        return f" {self.operator} ".join(texts)


Expression = Named | Joined


def joined(operator: Literal["AND", "OR"], parts: Iterable[Expression]) -> Expression:
    """Return expressions as one.

    Args:
        operator: Whether all count (AND) or one may be chosen (OR).
        parts: At least one.
    """
    flat: dict[Expression, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, Joined) and part.operator == operator else (part,)))
    return next(iter(flat)) if len(flat) == 1 else Joined(operator, tuple(flat))


def licences_in(expression: Expression) -> Iterator[Named]:
    """Yield the single licences of an expression, in their order."""
    if isinstance(expression, Named):
        yield expression
    else:
        for part in expression.parts:
            yield from licences_in(part)


def read_expression(text: str) -> Expression:
    """Read an expression; identifiers are compared without case, and deprecated ones become those that count today.

    Raises:
        InvalidConfigError: It is none, or it names what is in no list of SPDX.
    """
    read = _read(text)
    if isinstance(read, _Fault):
        raise _no_expression(text, read)
    return read


def try_expression(text: str) -> Expression | None:
    """Return an expression; None where a text is none."""
    read = _read(text)
    return None if isinstance(read, _Fault) else read


class _Fault(Exception):  # noqa: N818 - it is kept, and becomes an error only where somebody wants one
    """Why a text is no expression.

    Args:
        why: In words.
        name: That is not known, if it is that.
        known: What there is instead.
    """

    def __init__(self, why: str, name: str = "", known: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.why, self.name, self.known = why, name, known or {}


@lru_cache(maxsize=4096)
def _read(text: str) -> Expression | _Fault:
    try:
        return _parsed(text)
    except _Fault as fault:
        # What is kept holds no frames.
        fault.__cause__ = fault.__context__ = None
        return fault.with_traceback(None)


def _parsed(text: str) -> Expression:
    if len(text) > LONGEST:
        raise _Fault("it is too long")
    _check_order(_WORDS.findall(text))
    try:
        parsed = _grammar().parse(text, simple=True)
    except (ExpressionError, ParseError) as error:
        raise _Fault("it does not follow the grammar") from error
    return _converted(parsed)


@cache
def _grammar() -> Licensing:
    return Licensing()


def _check_order(words: Sequence[str]) -> None:
    """Refuse what the library takes in part, or stumbles over: a name behind a name, an operator without one, a lone parenthesis.

    Raises:
        _Fault: They are in no order.
    """
    depth, before = 0, "("
    for word in (one.lower() for one in words):
        after_operator = before == "(" or before in _OPERATORS
        if (word in _OPERATORS or word == ")") == after_operator:
            raise _Fault(f"something is missing before {word[:_SHOWN]}")
        if (before, word) in ((")", "with"), ("with", "(")):
            raise _Fault("WITH stands between a licence and an exception")
        depth += (word == "(") - (word == ")")
        if not 0 <= depth <= _DEEPEST:
            raise _Fault("its parentheses do not match" if depth < 0 else "it is nested too deeply")
        before = word
    if depth or before == "(" or before in _OPERATORS:
        raise _Fault("its parentheses do not match" if depth else "it ends too early")


def _converted(parsed: object) -> Expression:
    if isinstance(parsed, AND | OR):
        return joined("AND" if isinstance(parsed, AND) else "OR", (_converted(part) for part in parsed.args))
    if isinstance(parsed, LicenseWithExceptionSymbol):
        licence, name = _licence(parsed.license_symbol.key), parsed.exception_symbol.key
        exception = identifiers().exceptions.get(name.lower())
        if exception is None or not isinstance(licence, Named) or licence.exception:
            raise _Fault(f"{name[:_SHOWN]} is no exception to a licence", name, identifiers().exceptions)
        return Named(licence.name, licence.later, exception)
    if isinstance(parsed, LicenseSymbol):
        return _licence(parsed.key)
    raise _Fault("it does not follow the grammar")


def _licence(name: str) -> Expression:
    if _REFERENCE.fullmatch(name):
        return Named(name)
    known, lower = identifiers(), name.lower()
    if lower in known.composed:
        return _parsed(known.composed[lower])
    current = known.licences.get(lower, "")
    if current.endswith(_LATER):
        return Named(f"{current.removesuffix(_LATER)}{_ONLY}", later=True)
    if current:
        return Named(current)
    if lower.endswith("+") and lower[:-1] in known.composed:
        return msgspec.structs.replace(_parsed(known.composed[lower[:-1]]), later=True)
    base = known.licences.get(lower[:-1], "") if lower.endswith("+") else ""
    if not base:
        raise _Fault(f"{name[:_SHOWN]} is in no list of SPDX", name, known.licences)
    return Named(f"{base.removesuffix(_LATER)}{_ONLY}" if base.endswith(_LATER) else base, later=True)


def _near(name: str, known: Mapping[str, str]) -> list[str]:
    """Return what is near: of the same family, such as all of GPL, before what looks alike."""
    family = sorted(one for one in known if one.partition("-")[0] == name.partition("-")[0])
    return near_names(name, family) or family[-_MOST_OF_FAMILY:] or near_names(name, known)


def _no_expression(text: str, fault: _Fault) -> InvalidConfigError:
    near = [fault.known[one] for one in _near(fault.name[:_SHOWN].lower(), fault.known)] if fault.name else []
    return InvalidConfigError(
        f"{text[:_SHOWN]!r} is no licence expression: {fault.why}", found=text[:_SHOWN], expected=_EXPECTED,
        suggestions=[f"did you mean {one}?" for one in dict.fromkeys(near)] or ["write LicenseRef-NAME for what SPDX does not list"],
    )  # fmt: skip
