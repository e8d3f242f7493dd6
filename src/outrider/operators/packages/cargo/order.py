"""Chooses versions in the order of Cargo itself, so that what is found is what Cargo.lock would have.

What has the fewest versions to choose from comes first, the newest version first, and where that fails the last choice is changed that it
hangs on: https://github.com/rust-lang/cargo/blob/master/src/cargo/core/resolver/mod.rs. Where it finds nothing, it does not show why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from outrider.operators.packages.cargo.chosen import Chosen, Pick
from outrider.operators.packages.cargo.crates import Crate, Together, Want, bucket_of

# Who needs more steps than this has a hard question, for which there is a better way to search.
_MOST_STEPS = 50_000
_CHECK_EVERY = 512
_MOST_REMEMBERED = 64
_Bucket = tuple[str, str]
# A change by its position, and whether it is its features too that something hangs on, or its version alone.
_Blame = tuple[int, bool]
# A bucket, its version, and features that are on.
_Fact = tuple[_Bucket, int, frozenset[str]]


class _Frame(NamedTuple):
    """What a version needs, as far as it is not decided.

    Attributes:
        width: How many versions the next wish leaves.
        time: When it came.
        change: The change that brought it; -1 for what was asked for.
        wishes: Each with the mask of the versions that it leaves; those that leave fewest come first.
        position: Of the next wish.
    """

    width: int
    time: int
    change: int
    wishes: tuple[tuple[Want, int], ...]
    position: int = 0


class _Choice(NamedTuple):
    """A wish that is being decided.

    Attributes:
        want: The wish.
        left: The mask of the versions that were not tried.
        change: The change that brought it; -1 for what was asked for.
        blamed: What has kept the other versions out.
    """

    want: Want
    left: int
    change: int
    blamed: frozenset[_Blame] = frozenset()


class _Change(NamedTuple):
    """A choice that was made, and how things were before it.

    Attributes:
        bucket: What was chosen, or has more features now.
        choice: What could have been chosen instead.
        frames: What was to be decided.
        time: Of the next frame.
        picks: How many wishes had been decided.
    """

    bucket: _Bucket
    choice: _Choice
    frames: list[_Frame]
    time: int
    picks: int


class CargoOrder:
    """Chooses versions.

    Args:
        crates: By name; more may come while this has to wait for them.
        asked: What is asked for, in the order in which it is decided; the crates of it are there.
        is_coarse: Whether what a feature of a version needs is held against the version, as Cargo has it (`is_conflicting` in
            context.rs knows no features). So it may choose something else instead of the version, or find nothing where there is
            something.

    Attributes:
        chosen: The version of each bucket, by its bit.
    """

    def __init__(self, crates: Mapping[str, Crate], asked: Sequence[Want], *, is_coarse: bool = False) -> None:
        self._crates, self._is_coarse = crates, is_coarse
        self.chosen: dict[_Bucket, int] = {}
        # The changes of each bucket, with the features that are on since, and who links a native library.
        self._history: dict[_Bucket, list[tuple[int, frozenset[str]]]] = {}
        self._links: dict[str, _Bucket] = {}
        # What patches stand in for, and the other way round: the versions that are there would be compatible with what is chosen.
        self._covered: dict[_Bucket, _Bucket] = {}
        self._covers: dict[_Bucket, _Bucket] = {}
        # With what each wish cannot be met.
        self._failures: dict[Want, list[list[_Fact]]] = {}
        self._changes: list[_Change] = []
        self._frames: list[_Frame] = []
        self._picks: list[Pick] = []
        self._time = self._steps = 0
        self._choice: _Choice | None = None
        self._add_frame(asked, -1)

    def answer(self) -> Chosen:
        """Return what was chosen, once a solution was found."""
        features = {(bucket[0], self.chosen[bucket]): history[-1][1] for bucket, history in self._history.items()}
        return Chosen(features, self._picks)

    @property
    def gave_up(self) -> bool:
        """Whether it ended because the question is hard, and not because there is nothing."""
        return self._steps > _MOST_STEPS

    def run(self, check: Callable[[], None]) -> bool | tuple[Want, ...]:
        """Return whether a solution was found; or, where crates are missing for going on, the wishes for them.

        Args:
            check: Called now and then; it may raise to end the search.
        """
        while self._choice is not None or self._frames:
            self._steps += 1
            if not self._steps % _CHECK_EVERY:
                check()
            if self.gave_up:
                return False
            choice = self._choice or self._next()
            self._choice = choice if choice.left else self._back(choice)
            if self._choice is None:
                return False
            if missing := self._try(self._choice):
                return missing
        return True

    def _next(self) -> _Choice:
        frame = heappop(self._frames)
        want, mask = frame.wishes[frame.position]
        following = frame.position + 1
        if following < len(frame.wishes):
            width = frame.wishes[following][1].bit_count()
            heappush(self._frames, frame._replace(width=width, position=following))
        return _Choice(want, mask, frame.change)

    def _try(self, choice: _Choice) -> tuple[Want, ...]:
        """Try the newest version that was not tried; return the wishes for what is missing."""
        tried = self._crates[choice.want.name].tried_first(choice.left)
        name, bit = self._crates[choice.want.name].meant(tried)
        crate = self._crates[name]
        bucket = crate.name, bucket_of(crate.table.versions[bit])
        blamed = self._conflict(bucket, bit, choice.want.name)
        needed = crate.together(bit, choice.want.features) if blamed is None else None
        if needed is not None:
            missing = tuple(want for want in needed.wants if want.name not in self._crates)
            if missing:
                return missing
            blamed = self._known_failure(bucket, bit, needed)
        self._choice = choice._replace(left=choice.left ^ 1 << tried, blamed=choice.blamed | (blamed or frozenset()))
        if needed is not None and blamed is None:
            self._take(self._choice, bucket, bit, needed)
            self._choice = None
        return ()

    def _conflict(self, bucket: _Bucket, bit: int, name: str) -> frozenset[_Blame] | None:
        """Return what keeps a version from being chosen; None where nothing does.

        Args:
            bucket: That the version is in.
            bit: Of the version.
            name: What was asked for; another crate where a patch stands in for it.
        """
        if bucket in self.chosen:
            return None if self.chosen[bucket] == bit else frozenset([(self._history[bucket][0][0], False)])
        # `flag_activated` in src/cargo/core/resolver/context.rs: as long as a patch is chosen for what was asked for there, it has that place too.
        asked = name, bucket[1]
        other = (
            self._links.get(self._crates[bucket[0]].release(bit).links)
            or self._covered.get(asked)
            or (asked if asked != bucket and asked in self.chosen else None)
        )
        return None if other is None else frozenset([(self._history[other][0][0], False)])

    def _known_failure(self, bucket: _Bucket, bit: int, needed: Together) -> frozenset[_Blame] | None:
        """Return with what a version has a wish that cannot be met, as was found out before; None where nothing such is known."""
        on = needed.features | self._features(bucket)
        for want in needed.wants:
            for facts in self._failures.get(want, ()):
                others = [fact for fact in facts if not (fact[0] == bucket and fact[1] == bit and fact[2] <= on)]
                if all(
                    self.chosen.get(where) == chosen and features <= self._features(where)
                    for where, chosen, features in others
                ):
                    return frozenset(self._blame(where, features) for where, _, features in others)
        return None

    def _features(self, bucket: _Bucket) -> frozenset[str]:
        history = self._history.get(bucket)
        return history[-1][1] if history else frozenset()

    def _blame(self, bucket: _Bucket, features: frozenset[str]) -> _Blame:
        """Return the first change since which some features are on."""
        return next((change, bool(features)) for change, on in self._history[bucket] if features <= on)

    def _take(self, choice: _Choice, bucket: _Bucket, bit: int, needed: Together) -> None:
        features = self._features(bucket)
        picks = len(self._picks)
        by = self._changes[choice.change].bucket if choice.change >= 0 else None
        self._picks.append(Pick(None if by is None else (by[0], self.chosen[by]), choice.want, (bucket[0], bit)))
        if bucket in self.chosen and needed.features <= features:
            return
        position = len(self._changes)
        self._changes.append(_Change(bucket, choice, self._frames.copy() if choice.left else [], self._time, picks))
        if bucket not in self.chosen:
            self.chosen[bucket] = bit
            if choice.want.name != bucket[0]:
                asked = choice.want.name, bucket[1]
                self._covered[asked], self._covers[bucket] = bucket, asked
            if library := self._crates[bucket[0]].release(bit).links:
                self._links[library] = bucket
        self._history.setdefault(bucket, []).append((position, needed.features | features))
        self._add_frame(needed.wants, position)

    def _add_frame(self, wants: Sequence[Want], change: int) -> None:
        wishes = [(want, self._crates[want.name].mask(want.range)) for want in wants]
        wishes.sort(key=lambda one: one[1].bit_count())
        if wishes:
            heappush(self._frames, _Frame(wishes[0][1].bit_count(), self._time, change, tuple(wishes)))
            self._time += 1

    def _back(self, failed: _Choice) -> _Choice | None:
        """Return to the last choice that is to blame and can be another one; None where there is none.

        Whatever was chosen after that is not to blame, and would be chosen again before the same failure.
        """
        while True:
            self._remember(failed.want, failed.blamed)
            blamed = failed.blamed | {(self._origin(failed.change), True)}
            latest = max(blamed)[0]
            if latest < 0:
                return None
            while len(self._changes) > latest:
                change = self._changes.pop()
                self._undo(change.bucket)
            rest = {one for one in blamed if one[0] != latest}
            failed = change.choice._replace(blamed=change.choice.blamed | rest)
            if failed.left:
                self._frames, self._time = change.frames, change.time
                del self._picks[change.picks :]
                return failed

    def _origin(self, change: int) -> int:
        """Return the change that what a change brought is held against."""
        if not self._is_coarse or change < 0:
            return change
        return self._history[self._changes[change].bucket][0][0]

    def _remember(self, want: Want, blamed: Iterable[_Blame]) -> None:
        """Remember with what a wish cannot be met; what was asked for is always there."""
        facts: list[_Fact] = []
        for position, whole in sorted(blamed):
            if position >= 0:
                bucket = self._changes[position].bucket
                on = next(features for change, features in self._history[bucket] if change == position)
                facts.append((bucket, self.chosen[bucket], on if whole else frozenset()))
        known = self._failures.setdefault(want, [])
        known.append(facts)
        del known[:-_MOST_REMEMBERED]

    def _undo(self, bucket: _Bucket) -> None:
        history = self._history[bucket]
        history.pop()
        if not history:
            library = self._crates[bucket[0]].release(self.chosen[bucket]).links
            if library:
                del self._links[library]
            if bucket in self._covers:
                del self._covered[self._covers.pop(bucket)]
            del self._history[bucket], self.chosen[bucket]
