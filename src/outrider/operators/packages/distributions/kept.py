"""What is kept of the layers of an image, by path: a folder goes with all that is in it, and nothing else is looked at for that."""

from collections.abc import Collection, Iterator, Sequence
from typing import Generic, TypeVar

_Kind = TypeVar("_Kind")


class Kept(Generic[_Kind]):
    """Values by paths without links; the top is the empty path."""

    def __init__(self) -> None:
        self._values: dict[str, _Kind] = {}
        # Of each folder, what is kept below: of folders themselves nothing is kept.
        self._names: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, path: str) -> _Kind | None:
        """Return what is kept at a path; None where nothing is."""
        return self._values.get(path)

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in a folder at or below which something is kept."""
        return list(self._names.get(folder, ()))

    def items(self) -> Iterator[tuple[str, _Kind]]:
        """Yield all paths, sorted, with what is kept there."""
        yield from sorted(self._values.items(), key=lambda one: one[0])

    def put(self, path: str, value: _Kind) -> None:
        """Keep a value."""
        self._values[path] = value
        while path:
            folder, _, name = path.rpartition("/")
            names = self._names.setdefault(folder, set())
            if name in names:
                return
            names.add(name)
            path = folder

    def remove(self, path: str, *, itself: bool = True, spared: Collection[str] = ()) -> None:
        """Take away what is kept at a path, and all below it.

        Args:
            path: It.
            itself: Whether what is at the path goes too, and not only what is below.
            spared: Paths of which nothing is taken away.
        """
        seen = [path]
        for one in seen:
            if one not in spared and (itself or one != path):
                self._values.pop(one, None)
            seen += (f"{one}/{name}".lstrip("/") for name in self._names.get(one, ()))
        for one in reversed(seen):
            self._forget(one)
        while path:
            path = path.rpartition("/")[0]
            self._forget(path)

    def _forget(self, path: str) -> None:
        """Take a path out of its folder where nothing is left at it or below."""
        if path and path not in self._values and not self._names.get(path):
            self._names.pop(path, None)
            folder, _, name = path.rpartition("/")
            self._names.get(folder, set()).discard(name)
