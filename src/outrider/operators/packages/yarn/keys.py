"""What each key of a lock file stands for, while versions are chosen."""

from collections.abc import Iterator

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.yarn.asks import Ask
from outrider.operators.packages.yarn.fields import is_range


class Keys:
    """What each key stands for, as `PackageResolver` of Yarn 1.22 has it: what is taken in place of something else may change that later.

    Args:
        by_version: Whether packages that go by one name are told from each other by their versions alone.
    """

    def __init__(self, *, by_version: bool) -> None:
        self._by_version = by_version
        self._of: dict[str, ResolvedPackage] = {}
        self._users: dict[tuple[str, object], dict[str, None]] = {}
        self._replaced: set[str] = set()
        # What there was already by another key, and what was not there yet in place of something else.
        self._again: dict[str, ResolvedPackage] = {}
        self._late: list[Ask] = []
        self._by_itself: dict[str, ResolvedPackage] = {}
        self._instead: dict[str, ResolvedPackage] = {}

    def known(self, key: str) -> ResolvedPackage | None:
        """Return what a key stands for by itself; None where that is not known."""
        return self._again.get(key) or (None if key in self._replaced else self._of.get(key))

    def take(self, key: str, one: ResolvedPackage) -> bool:
        """Have a key stand for a package; return whether nothing of that name did until now."""
        text = split_name(key)[1] or "*"
        # Yarn 1 looks for none that is there already but by a range.
        is_joined = not self._by_version or is_range(text) or self.known(key) is not None
        if is_joined and (users := self._users.get(self._user(key, one))):
            self._again[key] = self._by_itself[key] = self._of[next(iter(users))]
            return False
        self._by_itself[key] = one
        self._set(key, one)
        self._replaced.discard(key)
        return True

    def replaced(self, ask: Ask) -> bool:
        """Have a key stand for what is taken in its place; return whether something is."""
        if not ask.instead:
            return False
        if ask.instead in self._of:
            self._replace(ask)
            self._replaced.add(ask.key)
        else:
            self._late.append(ask)
        return True

    def settled(self) -> dict[str, ResolvedPackage]:
        """Return what each key stands for in the end.

        Raises:
            UnsupportedError: Yarn 1 itself ends with an error.
        """
        for key, one in self._again.items():
            users = self._users.get(self._user(key, one))
            if not users:
                raise UnsupportedError(
                    f"package.json: of what resolutions replace, {one.name} {one.version} is asked for as {key} too, and Yarn 1 itself fails",
                    path="resolutions", found=key, expected="resolutions for all that needs it", suggestions=[f"write **/{one.name} in them"],
                )  # fmt: skip
            self._set(key, self._of[next(iter(users))])
        for ask in self._late:
            self._replace(ask)
        return self._of

    def by_chance(self) -> Iterator[str]:
        """Yield the keys of which it hangs on the speed of downloads what they stand for with Yarn 1."""
        for key, one in self._instead.items():
            own = self._by_itself.get(key, one)
            if self._user(key, own) != self._user(key, one) and self._users.get(self._user(key, own)):
                yield key

    def _replace(self, ask: Ask) -> None:
        one = self._instead[ask.key] = self._of[ask.instead]
        self._set(ask.key, one)

    def _set(self, key: str, one: ResolvedPackage) -> None:
        before = self._of.get(key)
        if before is not None:
            self._users[self._user(key, before)].pop(key, None)
        self._of[key] = one
        self._users.setdefault(self._user(key, one), {})[key] = None

    def _user(self, key: str, one: ResolvedPackage) -> tuple[str, object]:
        return split_name(key)[0], one.version if self._by_version else id(one)
