"""Reads environment markers (PEP 508) into trees, as uv understands them: https://peps.python.org/pep-0508/#environment-markers.

`python_version` becomes `python_full_version`, and `platform_system` becomes `sys_platform` where both say the same. What makes no sense
is passed over, as if it were not there.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.universal.trees import (
    CONTAINS,
    EXTRA,
    IN,
    PYTHON,
    STRING,
    STRINGS,
    VERSION,
    VERSIONS,
    Tree,
    Variable,
    conjunction,
    disjunction,
    equal_to,
    negation,
    truth,
    within,
)

_TOKEN = re.compile(r"\s*(?:(\(|\))|(===|[<>=!~]=|[<>])|([A-Za-z_.]+)|\"([^\"]*)\"|'([^']*)')")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SAME_PLATFORMS = {
    "Windows": "win32", "Darwin": "darwin", "Linux": "linux", "AIX": "aix", "Emscripten": "emscripten", "Android": "android",
}  # fmt: skip
# These are texts that are ordered.
_ORDERED = ("platform_release", "platform_version")
_MOST_KEPT = 10_000
_DEEPEST = 50
_Release = tuple[int, ...]
_Token = tuple[str, str]


@lru_cache(maxsize=_MOST_KEPT)
def marker_tree(text: str) -> Tree:
    """Return the tree of a marker; that which is always true for an empty one.

    Raises:
        InvalidConfigError: It is none.
    """
    tokens = list(_tokens(text))
    found, end = _alternatives(text, tokens, 0, 0) if tokens else (True, 0)
    if end != len(tokens):
        raise _malformed(text)
    return True if found is None else found


def extra_tree(name: str) -> Tree:
    """Return the tree that is true where an extra is asked for."""
    return truth(Variable(EXTRA, 0, name))


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _malformed(text)
        bracket, operator, word, *quoted = match.groups()
        at = match.end()
        if bracket or operator or word:
            yield "bracket" if bracket else "operator" if operator else "word", bracket or operator or word
        else:
            yield "text", next(one for one in quoted if one is not None)


def _alternatives(text: str, tokens: list[_Token], at: int, depth: int) -> tuple[Tree | None, int]:
    parts, at = _joined(text, tokens, at, depth)
    found = [parts]
    while at < len(tokens) and tokens[at] == ("word", "or"):
        parts, at = _joined(text, tokens, at + 1, depth)
        found.append(parts)
    read = [one for one in found if one is not None]
    return disjunction(read) if read else None, at


def _joined(text: str, tokens: list[_Token], at: int, depth: int) -> tuple[Tree | None, int]:
    part, at = _part(text, tokens, at, depth)
    found = part
    while at < len(tokens) and tokens[at] == ("word", "and"):
        part, at = _part(text, tokens, at + 1, depth)
        found = part if found is None else found if part is None else conjunction(found, part)
    return found, at


def _part(text: str, tokens: list[_Token], at: int, depth: int) -> tuple[Tree | None, int]:
    if depth > _DEEPEST:
        raise _malformed(text)
    if tokens[at : at + 1] == [("bracket", "(")]:
        found, at = _alternatives(text, tokens, at + 1, depth + 1)
        if tokens[at : at + 1] != [("bracket", ")")]:
            raise _malformed(text)
        return found, at + 1
    length = 4 if tokens[at + 1 : at + 2] == [("word", "not")] else 3
    parts = tokens[at : at + length]
    if len(parts) < length:
        raise _malformed(text)
    operator = "not in" if length == 4 else parts[1][1]
    return _comparison(parts[0], operator, parts[-1]), at + length


def _comparison(left: _Token, operator: str, right: _Token) -> Tree | None:
    """Return what a comparison is; None where it makes no sense."""
    if left[0] == right[0]:
        return None
    is_mirrored = left[0] == "text"
    key, value = (right[1], left[1]) if is_mirrored else (left[1], right[1])
    if key == "extra":
        return {"==": extra_tree(normalised(value)), "!=": negation(extra_tree(normalised(value)))}.get(operator)
    if key in ("python_version", *VERSIONS):
        return _of_version(key, _MIRRORED.get(operator, operator) if is_mirrored else operator, value)
    if key not in STRINGS:
        return None
    if operator in ("in", "not in"):
        found = truth(Variable(CONTAINS if is_mirrored else IN, STRINGS.index(key), value))
        return found if operator == "in" else negation(found)
    return _of_string(key, _MIRRORED.get(operator, operator) if is_mirrored else operator, value)


def _of_string(key: str, operator: str, value: str) -> Tree | None:
    if key == "platform_system" and value in _SAME_PLATFORMS:
        key, value = "sys_platform", _SAME_PLATFORMS[value]
    variable = Variable(STRING, STRINGS.index(key))
    if key in _ORDERED and operator in ("<", "<=", ">", ">="):
        cut = (value, int(operator in ("<=", ">")))
        return within(variable, None, cut) if operator.startswith("<") else within(variable, cut, None)
    if operator in ("==", "===", "<=", ">="):
        return equal_to(variable, value)
    return {"!=": negation(equal_to(variable, value)), "<": False, ">": False}.get(operator)


def _of_version(key: str, operator: str, value: str) -> Tree | None:
    if operator in ("in", "not in"):
        found = [_of_version(key, "==", one) for one in value.split()]
        if any(one is None for one in found):
            return None
        either = disjunction(one for one in found if one is not None)
        return either if operator == "in" else negation(either)
    is_open = value.endswith(".*")
    try:
        release = Version(value.removesuffix(".*")).release
    except InvalidVersion:
        return None
    if is_open and operator not in ("==", "!="):
        return None
    operator = f"{operator}*" if is_open else operator
    variable = PYTHON if key != VERSIONS[0] else Variable(VERSION, 0)
    if key == "python_version":
        return _of_python_version(operator, release)
    return release_tree(operator, release, variable)


def _of_python_version(operator: str, release: _Release) -> Tree | None:
    """Return what a comparison with the first two numbers of a version says of all of them."""
    first_two = (*release, 0)[:2]
    after = (first_two[0], first_two[1] + 1)
    if any(release[2:]):
        # No version has but two numbers and a third one.
        if operator in ("<", "<=", ">", ">="):
            return release_tree("<" if "<" in operator else ">=", after)
        return operator == "!="
    if operator in ("==*", "!=*", "~=") and len(release) <= 2:
        return release_tree(operator, release)
    whole = {
        "==": "==*", "===": "==*", "~=": "==*", "==*": "==*", "!=": "!=*", "!=*": "!=*", ">": ">=", "<=": "<", "<": "<", ">=": ">=",
    }[operator]  # fmt: skip
    return release_tree(whole, after if operator in (">", "<=") else first_two)


def release_tree(operator: str, release: _Release, variable: Variable = PYTHON) -> Tree | None:
    """Return the tree of a clause of a specifier, of which only the numbers of the release count; None where it makes no sense.

    Args:
        operator: With a star at its end where the version has one.
        release: The numbers, zeros at the end too.
        variable: Of which it is said.
    """
    value = trimmed(release)
    if operator in ("<", "<="):
        found = within(variable, None, (value, int(operator == "<=")))
    elif operator in (">", ">="):
        found = within(variable, (value, int(operator == ">")), None)
    elif operator in ("==*", "!=*"):
        found = within(variable, (value, 0), (_following(release), 0))
    elif operator == "~=" and len(release) > 1:
        found = within(variable, (value, 0), (_following(release[:-1]), 0))
    elif operator in ("==", "===", "!="):
        found = equal_to(variable, value)
    else:
        return None
    return negation(found) if operator.startswith("!=") else found


def _following(release: _Release) -> _Release:
    """Return the first release behind all that begin with these numbers."""
    return trimmed((*release[:-1], release[-1] + 1))


def trimmed(release: _Release) -> _Release:
    """Return the numbers of a release without zeros at its end."""
    end = len(release)
    while end > 1 and not release[end - 1]:
        end -= 1
    return release[:end]


def _malformed(text: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{text[:80]!r} is no environment marker", found=text[:80], expected="a marker such as python_version < '3.12'",
        suggestions=["correct it"],
    )  # fmt: skip
