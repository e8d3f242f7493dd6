"""Which variants go with what a configuration wants: https://docs.gradle.org/current/userguide/variant_attributes.html.

The rules are those of the Java ecosystem in Gradle 8.11 (JavaEcosystemSupport), the way through them that of its MultipleCandidateMatcher.
"""

from collections.abc import Callable, Mapping, Sequence

from outrider.operators.packages.maven.gradle.components import (
    CATEGORY,
    JAVA_API,
    JAVA_RUNTIME,
    JAVA_VERSION,
    LIBRARY,
    PLATFORM,
    USAGE,
    Attribute,
)

Attributes = Mapping[str, Attribute]
ENVIRONMENT = "org.gradle.jvm.environment"
ELEMENTS = "org.gradle.libraryelements"
BUNDLING = "org.gradle.dependency.bundling"
# What is looked at first where several go with it.
_PRECEDENCE = (CATEGORY, USAGE, JAVA_VERSION, ELEMENTS, BUNDLING, ENVIRONMENT)
_API_JARS, _RUNTIME_JARS = "java-api-jars", "java-runtime-jars"
_COMPATIBLE: Mapping[tuple[str, Attribute], frozenset[Attribute]] = {
    (USAGE, JAVA_API): frozenset({_API_JARS, _RUNTIME_JARS, JAVA_RUNTIME}),
    (USAGE, JAVA_RUNTIME): frozenset({_RUNTIME_JARS}),
    (BUNDLING, "external"): frozenset({"embedded", "shadowed"}),
    (BUNDLING, "embedded"): frozenset({"shadowed"}),
    (ELEMENTS, "classes"): frozenset({"jar"}),
    (ELEMENTS, "resources"): frozenset({"jar"}),
    (ELEMENTS, "classes+resources"): frozenset({"jar"}),
}


def best_matches(wanted: Attributes, candidates: Sequence[Attributes]) -> list[int]:
    """Return which candidates go best with what is wanted: none, one, or several that nothing tells apart."""
    compatible = [place for place, one in enumerate(candidates) if _goes(wanted, one)]
    if len(compatible) <= 1:
        return compatible
    matched = {place: frozenset(name for name in wanted if name in candidates[place]) for place in compatible}
    longest = max(compatible, key=lambda place: len(matched[place]))
    if all(matched[place] < matched[longest] for place in compatible if place != longest):
        return [longest]
    return _told_apart(wanted, candidates, compatible) or compatible


def _goes(wanted: Attributes, offered: Attributes) -> bool:
    return all(name not in offered or _is_compatible(name, value, offered[name]) for name, value in wanted.items())


def _is_compatible(name: str, wanted: Attribute, offered: Attribute) -> bool:
    if wanted == offered or name == ENVIRONMENT:
        return True
    if name == JAVA_VERSION:
        return isinstance(wanted, int) and isinstance(offered, int) and offered <= wanted
    return offered in _COMPATIBLE.get((name, wanted), ())


def _told_apart(wanted: Attributes, candidates: Sequence[Attributes], compatible: list[int]) -> list[int]:
    """Return those that are preferred; none where what is preferred of each attribute is together in none."""
    remaining = compatible
    first = [name for name in _PRECEDENCE if name in wanted]
    for name in [*first, *(name for name in wanted if name not in _PRECEDENCE)]:
        remaining = _preferred(name, wanted[name], candidates, compatible, remaining)
        if not remaining or (len(remaining) == 1 and name in _PRECEDENCE):
            return remaining
    if len(remaining) <= 1:
        return remaining
    extra = sorted({name for place in compatible for name in candidates[place] if name not in wanted}, key=_precedence)
    for name in extra:
        remaining = _preferred(name, None, candidates, remaining, remaining)
        if len(remaining) <= 1:
            return remaining
    for name in extra:
        having = {place for place, one in enumerate(candidates) if name in one}
        if 0 < len(having) < len(candidates):
            remaining = [place for place in remaining if place not in having]
            if not remaining:
                break
    return remaining


def _precedence(name: str) -> tuple[int, str]:
    return (_PRECEDENCE.index(name) if name in _PRECEDENCE else len(_PRECEDENCE), name)


def _preferred(
    name: str, wanted: Attribute | None, candidates: Sequence[Attributes], among: list[int], remaining: list[int]
) -> list[int]:
    """Return those that remain once one attribute is looked at.

    Args:
        name: Of the attribute.
        wanted: None where nothing is wanted of it.
        candidates: What all of them are.
        among: Whose values are compared.
        remaining: Of which some may go.
    """
    values = {candidates[place][name] for place in among if name in candidates[place]}
    if not values or (wanted is not None and len(values) == 1):
        return remaining
    rule = _RULES.get(name)
    best = rule(wanted, values) if rule is not None else None
    if best is None and wanted is not None and wanted in values:
        best = wanted
    if best is None:
        return remaining
    return [place for place in remaining if candidates[place].get(name) == best]


def _category(wanted: Attribute | None, values: set[Attribute]) -> Attribute | None:
    """Return a library, or else a platform, where nothing is said of it."""
    if wanted is not None:
        return wanted if wanted in values else None
    return next((one for one in (LIBRARY, PLATFORM) if one in values), None)


def _usage(wanted: Attribute | None, values: set[Attribute]) -> Attribute | None:
    if wanted is None or wanted == JAVA_RUNTIME:
        order: tuple[Attribute, ...] = (_RUNTIME_JARS, JAVA_RUNTIME)
    elif wanted in values:
        return wanted
    else:
        order = (_API_JARS, _RUNTIME_JARS, JAVA_RUNTIME) if wanted == JAVA_API else ()
    return next((one for one in order if one in values), None)


def _newest_java(wanted: Attribute | None, values: set[Attribute]) -> Attribute | None:
    del wanted
    return max((one for one in values if isinstance(one, int)), default=None)


def _environment(wanted: Attribute | None, values: set[Attribute]) -> Attribute | None:
    if wanted is not None and wanted in values:
        return wanted
    return "standard-jvm" if "standard-jvm" in values else None


def _elements(wanted: Attribute | None, values: set[Attribute]) -> Attribute | None:
    best = "jar" if wanted is None else wanted
    return best if best in values else None


def _bundling(wanted: Attribute | None, values: set[Attribute]) -> Attribute | None:
    if wanted is not None and wanted in values:
        return wanted
    order = ("external", "embedded") if wanted is None else ("embedded",) if wanted == "external" else ()
    return next((one for one in order if one in values), None)


_RULES: Mapping[str, Callable[[Attribute | None, set[Attribute]], Attribute | None]] = {
    CATEGORY: _category, USAGE: _usage, JAVA_VERSION: _newest_java, ENVIRONMENT: _environment, ELEMENTS: _elements, BUNDLING: _bundling,
}  # fmt: skip
