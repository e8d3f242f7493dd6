"""Which version bun 1.4 picks for a range or a tag: `npm.rs`."""

import re

from outrider.operators.packages.npm.bun.needs import Wanted
from outrider.operators.packages.npm.packages import NpmPackage

_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+)(-[\w.-]+)?)?")


def picked(package: NpmPackage, wanted: Wanted) -> int | None:
    """Return the number of the version for a range or a tag; None where there is none.

    Args:
        package: The package.
        wanted: What is asked of it.
    """
    if wanted.is_tag:
        return package.tagged(wanted.text)
    mask = package.table.mask(wanted.text) & package.admitted
    if tried := mask & package.preferred:
        return tried.bit_length() - 1
    # What nobody should use comes last, even where it is under the tag `latest`.
    fine = package.admitted & ~package.deprecated
    latest = package.tagged("latest")
    if latest is not None and fine >> latest & 1 and _takes_latest(package, wanted.text, latest):
        return latest
    releases = package.table.releases
    for some in (mask & fine & releases, mask & fine, mask & releases, mask):
        if some:
            return some.bit_length() - 1
    return None


def _takes_latest(package: NpmPackage, text: str, latest: int) -> bool:
    """Return whether a range has the version under the tag `latest`; one that names a prerelease only where it names that very one."""
    if text == "*":
        return True
    named = [".".join(number or "0" for number in one[:3]) + one[3] for one in _VERSION.findall(text)]
    names_prerelease = any("-" in one for one in named)
    is_same = named[:1] == [package.table.versions[latest]]
    return bool(package.table.mask(text) >> latest & 1) and (is_same or not names_prerelease)
