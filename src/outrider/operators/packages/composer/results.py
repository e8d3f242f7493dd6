"""What was chosen of packages of Composer, as the list of all of them."""

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.platforms import is_platform
from outrider.operators.packages.composer.pool import Pool
from outrider.operators.packages.resolving.outcomes import ResolvedPackage


def packages_of(pool: Pool, chosen: Iterable[Candidate], pinned: Collection[str]) -> list[ResolvedPackage]:
    """Return packages by name, each with who needs it; what there is on this machine is none of them.

    Args:
        pool: From which was chosen.
        chosen: What was.
        pinned: The names of those that are another commit than the one whose archive is named.
    """
    together = dict.fromkeys(chosen)
    found = {
        one: _package(one, is_pinned=one.name in pinned)
        for one in sorted(together, key=lambda one: one.name)
        if one.alias_of is None and not is_platform(one.name)
    }
    for one in together:
        for link in one.links.requires:
            for other in pool.answers(link.target, link.constraint).candidates:
                if other in together and other.base in found and other.name != one.name:
                    found[other.base].needed_by.append(one.name)
    for package in found.values():
        package.needed_by = sorted(set(package.needed_by))
    return list(found.values())


def _package(one: Candidate, *, is_pinned: bool) -> ResolvedPackage:
    url = "" if is_pinned else one.release.url
    hashes = {"sha1": one.release.sha1} if url and one.release.sha1 else {}
    return ResolvedPackage(
        name=one.name, version=one.version, extras=[], needed_by=[], file=_file_of(url), url=url, hashes=hashes
    )


def _file_of(url: str) -> str:
    try:
        return urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return ""
