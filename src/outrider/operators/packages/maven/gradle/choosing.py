"""Which version of a module Gradle takes where several are asked for.

https://docs.gradle.org/current/userguide/dependency_resolution.html#sec:version-conflict; of Gradle 8.11: ModuleSelectors,
SelectorStateResolver, SelectorStateResolverResults and LatestModuleConflictResolver.
"""

from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import Any, NamedTuple

from outrider.operators.packages.manifests.gradle.builds import RichVersion
from outrider.operators.packages.maven.gradle.order import parts_key, read_version, version_key
from outrider.operators.packages.maven.gradle.selectors import Selector, read_selector


class Wanted(NamedTuple):
    """A version that is asked for.

    Attributes:
        version: Which.
        is_forced: Whether nothing else counts.
        is_constraint: Whether it counts only where something else asks for the module.
    """

    version: RichVersion
    is_forced: bool = False
    is_constraint: bool = False

    @property
    def selector(self) -> Selector:
        """What it selects."""
        return read_selector(self.version.strictly or self.version.required)

    def rejects(self, version: str) -> bool:
        """Return whether a version will not do, whoever else asks for it."""
        if self.version.strictly and not read_selector(self.version.strictly).accepts(version):
            return True
        return any(read_selector(one).accepts(version) for one in self.version.rejected)


class NoVersionError(Exception):
    """No version of a module is selected by what is asked for.

    Attributes:
        selector: What selects none.
    """

    def __init__(self, selector: Selector) -> None:
        super().__init__(selector.text)
        self.selector = selector


# Returns the versions of a module that a selector looks at, the newest first.
Listing = Callable[[Selector], Sequence[str]]


class _Result(NamedTuple):
    wanted: Wanted
    version: str


def chosen(wanted: Sequence[Wanted], listing: Listing) -> str:
    """Return the version that is taken; it may be one that is rejected, which is an error in the end.

    Args:
        wanted: What is asked for, at least once, in the order in which it is met.
        listing: Has the versions of the module.

    Raises:
        NoVersionError: There is none that is selected.
    """
    ordered = _forced_first(wanted) if any(one.is_forced for one in wanted) else sorted(wanted, key=_ORDER)
    results: list[_Result] = []
    preferred: list[str] = []
    failed: Selector | None = None
    for one in ordered:
        try:
            _add(results, one, ordered, listing)
        except NoVersionError as error:
            failed = failed or error.selector
        if one.version.preferred:
            preferred += _resolved(read_selector(one.version.preferred), ordered, listing)[:1]
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
    """Return whether a version that is there already will do."""
    return bool(version) and not selector.status and selector.accepts(version)


def _replace(results: list[_Result], version: str) -> bool:
    """Put a version in the place of those that it is better than; return whether there were any."""
    replaced = False
    for place, (wanted, other) in enumerate(results):
        lower = bool(other) and version_key(version) < version_key(other) and _accepts(wanted.selector, version)
        if not other or other == version or lower:
            results[place] = _Result(wanted, version)
            replaced = True
    return replaced


def _refine(results: list[_Result], preferred: list[str]) -> None:
    """Take the newest version that somebody prefers, where it goes with what is asked for."""
    for version in sorted(preferred, key=version_key, reverse=True):
        if _replace(results, version):
            return


def _resolved(selector: Selector, everyone: Sequence[Wanted], listing: Listing) -> list[str]:
    """Return the versions that are selected and not rejected, the newest first; of a single one that one."""
    if not selector.is_dynamic:
        return [selector.bounds[0].version if selector.bounds is not None else selector.text]
    return [
        version
        for version in listing(selector)
        if selector.accepts(version) and not any(one.rejects(version) for one in everyone)
    ]


def _newest(versions: list[str]) -> str:
    """Return the newest of several versions: of the same release the one that is qualified by nothing, or the newest."""
    newest = max((read_version(version) for version in versions), key=lambda one: parts_key(one.base_parts))
    same = [version for version in versions if read_version(version).base_parts == newest.base_parts]
    return max(same or [newest.text], key=version_key)


def _forced_first(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Return what is asked for where some of it is forced: of that, what Gradle meets first is taken.

    Constraints are met once something else asks for the module. What is forced once is so for all that ask for the same.
    """
    first = next((one for one in wanted if not one.is_constraint), None)
    constraints = [one for one in wanted if one.is_constraint]
    met = [*([] if first is None else [first]), *constraints, *wanted]
    forced = {one.version for one in wanted if one.is_forced}
    return [Wanted(version, version in forced) for version in dict.fromkeys(one.version for one in met)]


def _order(this: Wanted, that: Wanted) -> int:
    ours, theirs = this.selector, that.selector
    for of_us, of_them in ((bool(theirs.status), bool(ours.status)), (ours.is_dynamic, theirs.is_dynamic)):
        if of_us != of_them:
            return 1 if of_us else -1
    for mine, yours in ((ours, theirs), (read_selector(this.version.preferred), read_selector(that.version.preferred))):
        left, right = _exact(mine), _exact(yours)
        if left != right:
            return -1 if left > right else 1
    return 0


def _exact(selector: Selector) -> Any:
    return version_key("" if selector.is_dynamic or selector.bounds is not None else selector.text)


_ORDER = cmp_to_key(_order)
