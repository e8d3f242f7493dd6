"""Names of packages as the registry has them."""

from collections.abc import Iterable

from outrider.operators.packages.advisories.osv import compared_name
from outrider.operators.packages.policies.patterns import read_names


def served_name(ecosystem: str, name: str) -> str:
    """Return the name by which a package is found."""
    name = compared_name(ecosystem, name)
    return name.lower() if ecosystem == "cargo" else name


def served_patterns(texts: Iterable[str], path: str) -> list[str]:
    """Return patterns of packages as their names are compared with them.

    Args:
        texts: Each `ECOSYSTEM:NAME` with `*` for any letters.
        path: Where they stand.

    Raises:
        InvalidConfigError: One is something else.
    """
    found = read_names(texts, path)
    return [f"{one.ecosystem}:{served_name(one.ecosystem, one.name)}" for one in found]
