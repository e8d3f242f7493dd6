"""What was chosen of packages of Composer, as the list of all of them."""

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from outrider.operators.packages.composer.candidates import Candidate
from outrider.operators.packages.composer.pool import Pool, Wish
from outrider.operators.packages.resolving.outcomes import ResolvedPackage


def packages_of(
    pool: Pool, chosen: Iterable[Candidate], wishes: Iterable[Wish], fixed: Collection[Candidate]
) -> dict[Candidate, ResolvedPackage]:
    """Return packages by name, each with who needs it.

    Args:
        pool: From which was chosen.
        chosen: What was.
        wishes: What is asked for; of what is another commit than that whose archive is named, no archive is told.
        fixed: What there is anyway, and is none of them.
    """
    together, there = dict.fromkeys(chosen), set(fixed)
    asked = {wish.name: wish for wish in wishes}
    found = {
        one: _package(one, asked.get(one.name))
        for one in sorted(together, key=lambda one: one.name)
        if one.alias_of is None and one not in there
    }
    for one in together:
        if one.alias_of in found:
            found[one.base].aliases.append(one.version)
        for link in one.links.requires:
            for other in pool.answers(link.target, link.constraint).candidates:
                if other in together and other.base in found and other.name != one.name:
                    found[other.base].needed_by.append(one.name)
    for package in found.values():
        package.needed_by = sorted(set(package.needed_by))
        package.aliases.sort()
    return found


def _package(one: Candidate, wish: Wish | None) -> ResolvedPackage:
    url = "" if wish is not None and wish.reference else one.release.url
    hashes = {"sha1": one.release.sha1} if url and one.release.sha1 else {}
    return ResolvedPackage(
        name=one.name, version=one.version, extras=[], needed_by=[], file=_file_of(url), url=url, hashes=hashes,
        direct=wish is not None,
    )  # fmt: skip


def _file_of(url: str) -> str:
    try:
        return urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return ""
