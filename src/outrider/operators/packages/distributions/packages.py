"""Packages of a distribution as its database has them, put into a lock."""

from collections.abc import Sequence

from outrider.operators.packages.distributions.releases import Release
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import Packed

_LONGEST = 2000


def add_package(
    findings: Findings,
    release: Release,
    named: tuple[str, str],
    *,
    names: Sequence[tuple[str, str]],
    architecture: str = "",
) -> None:
    """Add a package.

    Args:
        findings: To which.
        release: Of the distribution.
        named: Its name and its version.
        names: By which advisories may have it, with the versions that they mean; the source package is the first.
        architecture: Of its files.

    Raises:
        UnusableEntry: Something of it is not what it should be.
    """
    name, version = named
    for one in (*(part for pair in names for part in pair), architecture):
        if len(one) > _LONGEST or not one.isprintable():
            raise UnusableEntry(f"{one[:100]!r} is no name, version or architecture")
    if not name:
        raise UnusableEntry("it has no name")
    packed = Packed(
        release=release.advisories, names=tuple(dict.fromkeys(names)), architecture=architecture, distro=release.distro
    )
    findings.add("/".join(filter(None, (release.namespace, name))), version, packed=packed)
