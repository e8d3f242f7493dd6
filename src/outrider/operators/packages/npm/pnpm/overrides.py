"""What a project puts in place of what manifests ask for: `parseOverrides` and `createVersionsOverrider` of pnpm 10.34.

https://pnpm.io/10.x/settings#overrides.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.npm.pnpm.manifests import texts
from outrider.operators.packages.npm.pnpm.ranges import met
from outrider.operators.packages.npm.pnpm.specs import kind_of
from outrider.operators.packages.npm.specs import is_name
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Takes away what is asked for.
REMOVED = "-"
_KINDS = ("dependencies", "optionalDependencies", "devDependencies")
_PEERS = "peerDependencies"
_BELOW = re.compile(r"[^ |@]>")


class Selected(NamedTuple):
    """What a selector names.

    Attributes:
        name: Of a package.
        range: Of its versions, or what is asked of it; empty for any.
    """

    name: str
    range: str


class Override(NamedTuple):
    """One of them.

    Attributes:
        parent: The package whose needs it is about; None for those of all.
        target: What is asked for.
        text: What is asked for in its place.
    """

    parent: Selected | None
    target: Selected
    text: str


class Overrides:
    """All that a project has.

    Args:
        said: By their selectors.

    Raises:
        InvalidConfigError: A selector cannot be read.
    """

    def __init__(self, said: Mapping[str, str]) -> None:
        self._rules = [_read(selector, text) for selector, text in said.items()]

    def applied(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Return a manifest with what is asked for in the end."""
        found = dict(manifest)
        if not self._rules:
            return found
        own, general = self._for(manifest)
        for kind in _KINDS:
            if needs := texts(found, kind):
                found[kind] = _replaced(needs, own, general)
        if peers := texts(found, _PEERS):
            found["dependencies"], found[_PEERS] = _of_peers(texts(found, "dependencies"), peers, own, general)
        return found

    def concerned(self, manifest: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of what a manifest asks for that is said here."""
        own, general = self._for(manifest)
        asked = [one for kind in (*_KINDS, _PEERS) for one in texts(manifest, kind).items()]
        return frozenset(name for name, text in asked if _rule(name, text, own, general) is not None)

    def _for(self, manifest: Mapping[str, Any]) -> tuple[list[Override], list[Override]]:
        own = [one for one in self._rules if one.parent is not None and _is_of(one.parent, manifest)]
        return own, [one for one in self._rules if one.parent is None]


def target_of(selector: str) -> str:
    """Return the name of what is asked for.

    Raises:
        InvalidConfigError: The selector cannot be read.
    """
    return _read(selector, "").target.name


def _read(selector: str, text: str) -> Override:
    match = _BELOW.search(selector)
    if match is None:
        return Override(None, _selected(selector, selector), text)
    at = match.end() - 1
    return Override(_selected(selector[:at], selector), _selected(selector[at + 1 :], selector), text)


def _selected(text: str, selector: str) -> Selected:
    at = text.find("@", 1)
    name, wanted = (text, "") if at < 0 else (text[:at], text[at + 1 :])
    if not is_name(name):
        raise InvalidConfigError(
            f"overrides: {selector[:80]!r} selects nothing", path="overrides", found=selector[:80],
            expected="NAME, NAME@RANGE, or one of them behind the one that needs it, as in web>core@1", suggestions=["correct it"],
        )  # fmt: skip
    return Selected(name, wanted)


def _is_of(parent: Selected, manifest: Mapping[str, Any]) -> bool:
    if parent.name != manifest.get("name"):
        return False
    return not parent.range or _satisfies(str(manifest.get("version")), parent.range)


def _satisfies(version: str, wanted: str) -> bool:
    try:
        return bool(VersionTable(scheme_of("npm"), [version]).mask(wanted))
    except InvalidConfigError:
        return False


def _replaced(needs: Mapping[str, str], own: Sequence[Override], general: Sequence[Override]) -> dict[str, str]:
    found = dict(needs)
    for name, text in needs.items():
        rule = _rule(name, text, own, general)
        if rule is not None and rule.text == REMOVED:
            del found[name]
        elif rule is not None:
            found[name] = rule.text
    return found


def _of_peers(
    needs: dict[str, str], peers: Mapping[str, str], own: Sequence[Override], general: Sequence[Override]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what is needed and what has to stand beside; what no peer can be asked for is needed."""
    left = dict(peers)
    for name, text in peers.items():
        rule = _rule(name, text, own, general)
        if rule is None:
            continue
        if rule.text == REMOVED:
            del left[name]
        elif is_peer_range(rule.text):
            left[name] = rule.text
        else:
            needs[name] = rule.text
    return needs, left


def is_peer_range(text: str) -> bool:
    """Return whether a text may be asked of a peer."""
    return kind_of(text) in ("version", "range") or "workspace:" in text or "catalog:" in text


def _rule(name: str, text: str, own: Iterable[Override], general: Iterable[Override]) -> Override | None:
    for rules in (own, general):
        fitting = [one for one in rules if one.target.name == name and _intersects(one.target.range, text)]
        if fitting:
            return _first(fitting, lambda one, other: _intersects(other.target.range, one.target.range))
    return None


def _intersects(one: str, other: str) -> bool:
    return not one or one == other or met((one, other)) is not None


def _first(rules: list[Override], is_before: Callable[[Override, Override], bool]) -> Override:
    """Return the first of sorted rules. What is compared here makes no order, so it hangs on how V8 sorts: by insertion, after a first run."""
    if len(rules) == 1:
        return rules[0]
    falls = is_before(rules[1], rules[0])
    end = 2
    while end < len(rules) and is_before(rules[end], rules[end - 1]) == falls:
        end += 1
    found = rules[:end][::-1] if falls else rules[:end]
    for one in rules[end:]:
        low, high = 0, len(found)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if is_before(one, found[middle]) else (middle + 1, high)
        found.insert(low, one)
    return found[0]
