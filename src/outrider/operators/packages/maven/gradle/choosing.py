"""Which version of a module Gradle takes where several are asked for.

https://docs.gradle.org/current/userguide/dependency_resolution.html#sec:version-conflict; of Gradle 8.11: ModuleSelectors,
SelectorStateResolver, SelectorStateResolverResults and LatestModuleConflictResolver.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from outrider.operators.packages.manifests.gradle.builds import RichVersion
from outrider.operators.packages.maven.gradle.order import base_of, key, newest_first
from outrider.operators.packages.maven.gradle.selectors import LATEST, Selector, accepts, selector_of


class Wanted(NamedTuple):
    """A version that is asked for.

    Attributes:
        version: Which.
        is_forced: Whether nothing else counts.
    """

    version: RichVersion
    is_forced: bool = False

    @property
    def selector(self) -> Selector:
        """What it selects."""
        return selector_of(self.version.text)

    def rejects(self, version: str) -> bool:
        """Return whether a version will not do, whoever else asks for it."""
        if self.version.strictly and not accepts(selector_of(self.version.strictly), version):
            return True
        return any(accepts(selector_of(one), version) for one in self.version.rejected)


class NoVersionError(Exception):
    """No version of a module is selected by what is asked for.

    Attributes:
        selector: What selects none.
    """

    def __init__(self, selector: Selector) -> None:
        super().__init__(selector.text)
        self.selector = selector


# Returns the versions of a module, the newest first.
Listing = Callable[[], Sequence[str]]


class _Result(NamedTuple):
    wanted: Wanted
    version: str


def chosen(wanted: Sequence[Wanted], listing: Listing) -> str:
    """Return the version that is taken; it may be one that is rejected, which is an error in the end.

    Args:
        wanted: What is asked for, at least once, in the order that `position` gives it.
        listing: Has the versions of the module.

    Raises:
        NoVersionError: There is none that is selected.
    """
    results: list[_Result] = []
    preferred: list[str] = []
    failed: Selector | None = None
    for one in wanted:
        try:
            _add(results, one, wanted, listing)
        except NoVersionError as error:
            failed = failed or error.selector
        if one.version.preferred:
            preferred += _resolved(selector_of(one.version.preferred), wanted, listing)[:1]
    _refine(results, preferred)
    if not results:
        assert failed is not None
        raise NoVersionError(failed)
    forced = next((one.version for one in results if one.wanted.is_forced), None)
    return forced if forced is not None else _newest([*dict.fromkeys(one.version for one in results)])


def _add(results: list[_Result], one: Wanted, everyone: Sequence[Wanted], listing: Listing) -> None:
    selector = one.selector
    known = next((other.version for other in results if _accepts(selector, other.version)), None)
    if known is not None:
        results.append(_Result(one, known))
        return
    versions = _resolved(selector, everyone, listing)
    if not versions:
        raise NoVersionError(selector)
    _replace(results, versions[0])
    results.append(_Result(one, versions[0]))


def _accepts(selector: Selector, version: str) -> bool:
    """Return whether a version that is there already will do, so that no newer one is looked for."""
    return bool(version) and selector.kind in ("exact", "range") and accepts(selector, version)


def _replace(results: list[_Result], version: str) -> bool:
    """Put a version in the place of those that it is better than; return whether there were any."""
    replaced = False
    for place, (wanted, other) in enumerate(results):
        lower = bool(other) and key(version) < key(other) and _accepts(wanted.selector, version)
        if not other or other == version or lower:
            results[place] = _Result(wanted, version)
            replaced = True
    return replaced


def _refine(results: list[_Result], preferred: list[str]) -> None:
    """Take the newest version that somebody prefers, where it goes with what is asked for."""
    for version in newest_first(preferred):
        if _replace(results, version):
            return


def _resolved(selector: Selector, everyone: Sequence[Wanted], listing: Listing) -> list[str]:
    """Return the versions that are selected and not rejected, the newest first; of a single one that one."""
    if not selector.is_dynamic:
        return [selector.text]
    return [
        version
        for version in listing()
        if accepts(selector, version) and not any(one.rejects(version) for one in everyone)
    ]


def _newest(versions: list[str]) -> str:
    """Return the newest version: of those with the newest base, and not just the one that is sorted last."""
    base = max((base_of(version) for version in versions), key=key)
    return max((version for version in versions if base_of(version) == base), key=key)


def position(wanted: Sequence[Wanted], one: Wanted) -> int:
    """Return the place of something that is asked for among what was asked for before.

    The newest comes first and ranges come last; where something is forced, of which the first is taken, what follows it is not sorted.
    """
    if any(other.is_forced for other in wanted):
        return len(wanted)
    return next((place for place, other in enumerate(wanted) if _order(one, other) < 0), len(wanted))


def _order(this: Wanted, that: Wanted) -> int:
    ours, theirs = this.selector, that.selector
    for of_us, of_them in ((theirs.kind == LATEST, ours.kind == LATEST), (ours.is_dynamic, theirs.is_dynamic)):
        if of_us != of_them:
            return 1 if of_us else -1
    for mine, yours in ((ours, theirs), (selector_of(this.version.preferred), selector_of(that.version.preferred))):
        left, right = _exact(mine), _exact(yours)
        if left != right:
            return -1 if left > right else 1
    return 0


def _exact(selector: Selector) -> Any:
    return key("" if selector.is_dynamic else selector.text)
