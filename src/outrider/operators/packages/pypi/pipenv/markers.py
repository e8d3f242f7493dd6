"""Environment markers as Pipenv writes them: `marker_from_specifier`, `merge_markers` and `translate_markers` of Pipenv 2026.10."""

import re
from collections.abc import Iterable, Iterator, Mapping

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet

# The last minor versions of Python that Pipenv knows: up to these a range ends, or begins, at the next one.
_LAST_MINOR = {1: 7, 2: 7, 3: 11, 4: 0}
_AT_THE_NEXT = {">": ">=", "<=": "<"}
# With more of them, whatever they are of, the first `===` counts as `==`.
_MOST_EQUALS = 3
_ANY = ("any", "<any>", "*")
_OPERATOR = re.compile(r"~=|===?|!=|<=?|>=?")
_MICRO = re.compile(r"\d+\.\d+\.\d+")

Parts = tuple[int | str, ...]


def python_marker(text: str) -> str:
    """Return the marker for what a file says of Python; empty where it says nothing, or nothing that can be read, as with pip."""
    if not _OPERATOR.match(text):
        if not text or text.strip().lower() in _ANY:
            return ""
        text = f"=={text}"
    elif text.startswith("===") and text.count("=") > _MOST_EQUALS:
        text = f"=={text.lstrip('=')}"
    cleaned = (one.strip().removesuffix(".*").rstrip("*") for one in text.split(","))
    try:
        clauses = {_widened(one.operator, one.version) for one in SpecifierSet(",".join(cleaned))}
        grouped = _grouped(clauses)
    except (InvalidSpecifier, ValueError):
        return ""
    told = sorted(grouped, key=lambda one: _order(one[1]))
    return str(Marker(" and ".join(_formatted(operator, version) for operator, version in told)))


def _widened(operator: str, version: str) -> tuple[str, Parts]:
    parts = _parts(version)
    minor = int(parts[1]) + 1 if len(parts) > 1 else 1
    if operator in _AT_THE_NEXT and minor <= _LAST_MINOR.get(int(parts[0]), -1):
        return _AT_THE_NEXT[operator], (parts[0], minor)
    return operator, parts


def _parts(version: str) -> Parts:
    parts = version.split(".")
    return (*map(int, parts[:2]), *parts[2:])


def _grouped(clauses: Iterable[tuple[str, Parts]]) -> Iterator[tuple[str, str]]:
    """Yield operators with versions; of several clauses that say alike one is left."""
    groups: dict[tuple[str, bool], set[Parts]] = {}
    for operator, parts in clauses:
        groups.setdefault((operator, len(parts) > 2), set()).add(parts)
    for (operator, _), several in sorted(groups.items(), key=lambda one: one[0]):
        texts = [_text(one) for one in sorted(several)]
        if operator == "!=":
            yield from ((operator, one) for one in texts)
        elif operator in (">", ">="):
            yield operator, texts[0]
        elif operator in ("<", "<="):
            yield operator, texts[-1]
        else:
            several_equal = operator == "==" and len(texts) > 1
            yield "in" if several_equal else operator, ", ".join(sorted(texts, key=_order))


def _text(parts: Parts) -> str:
    return ".".join(map(str, parts))


def _order(version: str) -> tuple[int, tuple[int, ...], str]:
    try:
        return 0, tuple(int(one) for one in version.partition(",")[0].strip().split(".")), version
    except ValueError:
        return 1, (), version


def _formatted(operator: str, version: str) -> str:
    if operator == "in":
        return f"({' or '.join(_formatted('==', one.strip()) for one in version.split(','))})"
    variable = "python_full_version" if _MICRO.search(version) else "python_version"
    return f"{variable} {operator} '{version}'"


def both(marker: str, other: str) -> str:
    """Return two markers as one; the other one is left out where its text is in the first one."""
    if not marker or not other or other in marker:
        return marker or other
    return f"({marker}) and ({other})"


def translated(marker: str, variables: Mapping[str, str]) -> str:
    """Return a marker together with what single variables are compared with; what is about an extra is left out.

    Args:
        marker: It; may be empty.
        variables: Such as `sys_platform` with `== 'linux'`.
    """
    whole = str(Marker(marker)) if marker.strip() else ""
    found = {str(Marker(f"{name} {text}")) for name, text in variables.items()}
    if whole and "extra" not in whole:
        found.add(whole)
    return str(Marker(" and ".join(sorted(found)))).replace('"', "'") if found else ""
