"""Of which ecosystems an import has all that there is.

A record may be about several ecosystems, and what OSV publishes for one of them has the whole record: a file of npm tells of some gems,
and for all that is no collection of the advisories of RubyGems.
"""

from collections import Counter
from collections.abc import Container, Mapping

from outrider.operators.packages.advisories.exploits import EPSS, KEV


def covered(ids: Mapping[str, set[str]], known: Container[str]) -> set[str]:
    """Return the ecosystems whose records an import has; to those of others it only adds.

    It has those of an ecosystem where a record is about that one alone. Without such a record they may be anybody's, and nothing goes that
    is known already; where nothing is, it has them, but for those of which every record is about one ecosystem that has more records.

    Args:
        ids: Of the records of the import, by ecosystem.
        known: Ecosystems of which advisories are imported already.
    """
    families: dict[str, set[str]] = {}
    for ecosystem, found in ids.items():
        families.setdefault(_family(ecosystem), set()).update(found)
    named = Counter(one for found in families.values() for one in found)
    alone = {family for family, found in families.items() if any(named[one] == 1 for one in found)}
    strays = {family for family, found in families.items() if any(found < other for other in families.values())}
    return {
        one
        for one in ids
        if one in (EPSS, KEV) or _family(one) in alone or (one not in known and _family(one) not in strays)
    }


def _family(ecosystem: str) -> str:
    """Return the distribution of a release: its releases are published together."""
    return ecosystem.partition(":")[0]
