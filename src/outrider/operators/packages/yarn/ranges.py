"""Whether a range has a version, prereleases too: `satisfiesWithPrereleases` in `semverUtils.ts` of Yarn 4.18."""

from outrider.operators.packages.versions.npm import NpmScheme
from outrider.operators.packages.versions.ranges import Cut, Key, Span
from outrider.operators.packages.versions.semver import key_of

_SCHEME = NpmScheme()


def has_version(text: str, version: str) -> bool:
    """Return whether a range has a version, or the release that a prerelease is of.

    Raises:
        InvalidConfigError: The range or the version cannot be read.
    """
    key = _SCHEME.parse(version).key
    keys = (key, key_of(key[:3]))
    return any(all(_has(span, one) for span in spans) for spans in _SCHEME.alternatives(text) for one in keys)


def _has(span: Span, key: Key) -> bool:
    at = Cut(key, after=False)
    return (span.low is None or span.low <= at) and (span.high is None or at < span.high)
