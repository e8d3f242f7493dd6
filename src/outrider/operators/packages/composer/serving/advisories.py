"""What composer audit asks: the vulnerabilities of packages, each with a constraint that the affected versions meet.

https://getcomposer.org/doc/05-repositories.md#security-advisories and the class `PartialSecurityAdvisory` of Composer 2.5.5.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.advisories.affected_spans import affected_versions
from outrider.operators.packages.advisories.matching import Concern
from outrider.operators.packages.advisories.osv import Affected
from outrider.operators.packages.composer.roots import is_name
from outrider.operators.packages.serving.advisories import opened_matcher
from outrider.operators.packages.versions.composer import normal_form
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Cut, Key, Span
from outrider.operators.packages.versions.reading import read_version

_BRANCH = "dev-"


def advisories_of(names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the vulnerabilities of packages, by their names; a package that has none is there too.

    Raises:
        MissingRequirementError: No advisories are imported: nothing would read as safe.
        UnavailableError: There are none of Composer.
    """
    with opened_matcher("composer") as matcher:
        return {
            name: [one for concern in matcher.concerns("composer", name.lower()) if (one := _shown(name, concern))]
            for name in names
            if is_name(name.lower())
        }


def _shown(name: str, concern: Concern) -> dict[str, Any]:
    """Return a vulnerability as Composer reads it; nothing where no constraint says what is affected."""
    one, constraint = concern.vulnerability, constraint_of(concern.said)
    if not constraint:
        return {}
    return {
        "advisoryId": one.id, "packageName": name, "title": one.summary or one.id, "link": f"https://osv.dev/vulnerability/{one.id}",
        "cve": one.id if one.id.startswith("CVE-") else None, "affectedVersions": constraint, "reportedAt": concern.modified or "1970-01-01",
        "severity": one.severity if one.severity not in ("unknown", "none") else None,
        "sources": [{"name": "OSV", "remoteId": identity} for identity in (one.id, *one.aliases)],
    }  # fmt: skip


def constraint_of(said: Sequence[Affected]) -> str:
    """Return the constraint that affected versions meet, and no others; empty where nothing can be read.

    What a record spares of its ranges counts as affected: a constraint cannot say that, and no source has it of Composer.
    """
    return " || ".join(dict.fromkeys(_alternatives(said)))


def _alternatives(said: Sequence[Affected]) -> Iterator[str]:
    scheme = scheme_of("composer")
    for one in said:
        if one.all:
            yield "*"
        yield from filter(_is_readable, one.within)
        for events in one.ranges:
            texts = {
                read.key: event.version
                for event in events
                if (read := read_version("composer", event.version)) is not None
            }
            of_range = Affected(ecosystem=one.ecosystem, name=one.name, ranges=(events,))
            yield from filter(None, (_written(span, texts) for span in affected_versions(scheme, [of_range]).spans))
    # Most of those that are listed are within the ranges, and a list of all may be long.
    ranges = affected_versions(scheme, said)._replace(listed=frozenset())
    for version in sorted({version for one in said for version in one.versions}):
        read = read_version("composer", version)
        if read is not None and not ranges.holds(version, read):
            yield normal_form(version)


def _is_readable(constraint: str) -> bool:
    try:
        scheme_of("composer").range(constraint)
    except InvalidConfigError:
        return False
    return True


def _written(span: Span, texts: dict[Key, str]) -> str:
    """Return the constraint for a span between versions; empty where it does not stand between numbered ones."""
    bounds = [*_bound(span.low, texts, ">", ">="), *_bound(span.high, texts, "<=", "<")]
    if any(bound.lstrip("<>=").startswith(_BRANCH) for bound in bounds):
        return ""
    return ",".join(bounds) or "*"


def _bound(cut: Cut | None, texts: dict[Key, str], after: str, before: str) -> Iterator[str]:
    if cut is None:
        return
    normal = normal_form(texts[cut.key])
    # Without a word behind the numbers Composer begins before the unstable versions of them.
    yield f"{after if cut.after else before}{normal}{'' if '-' in normal else '-stable'}"
