"""Which index alone is asked for a package, and on which machines.

`Indexes` of `crates/uv-resolver/src/resolver/indexes.rs` and `ForkIndexes` of uv 0.13.
"""

from collections.abc import Iterable, Mapping, Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.details import PackageIndex
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import Tree, disjoint


class Indexes:
    """Indexes that alone are asked for single packages on one kind of machines.

    Args:
        listed: All of them.
        pythons: That are meant.
        settled: By name, the address of the index that was settled before this kind was told apart: it stays so.
    """

    def __init__(self, listed: Sequence[PackageIndex], pythons: Tree, settled: Mapping[str, str] | None = None) -> None:
        self._listed, self._pythons, self._settled = listed, pythons, dict(settled or {})

    def copy(self) -> "Indexes":
        """Return what holds for a part of these machines."""
        return Indexes(self._listed, self._pythons, self._settled)

    def of(self, where: Tree) -> dict[str, str]:
        """Return the addresses that count on these machines, by name, of several the first one; or where it lies, which counts before these."""
        found = dict(self._settled)
        here = [one for one in self._listed if not disjoint(marker_tree(one.marker), where)]
        for one in (each for each in here if each.url):
            found.setdefault(one.name, one.url)
        # What lies here counts where it is needed; an index counts for whatever needs the package.
        placed = (one for one in here if one.place and not disjoint(marker_tree(one.marker), self._pythons))
        return found | {one.name: one.place for one in placed}

    def settle(self, names: Iterable[str], where: Tree) -> None:
        """Have packages come from the indexes that count now.

        Raises:
            InvalidConfigError: There are several for one of them.
        """
        for name in names:
            for one in self._listed:
                if one.name == name and one.url and not disjoint(marker_tree(one.marker), where):
                    url = self._settled.setdefault(name, one.url)
                    if url != one.url:
                        raise _several(name, (url, one.url), where)


def _several(name: str, urls: Sequence[str], where: Tree) -> InvalidConfigError:
    return InvalidConfigError(
        f"tool.uv.sources has {name} from several indexes at once, {f'where {marker_text(where)}' if marker_text(where) else 'on all machines'}",
        path=f"tool.uv.sources.{name}", found=" and ".join(one.rpartition("@")[2] for one in urls), expected="one index on each machine",
        suggestions=["narrow their markers", "name one index in all members"],
    )  # fmt: skip
