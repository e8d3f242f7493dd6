"""Python projects as the solver sees them: versions, those that may be chosen, and what each needs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Metadata, Need
from outrider.operators.packages.pypi.pages import PypiFile
from outrider.operators.packages.pypi.records import PypiRecord, Shape, tags_of
from outrider.operators.packages.pypi.targets import Target
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy
from outrider.operators.packages.resolving.searching import bits
from outrider.operators.packages.versions.ecosystems import scheme_of


class PypiProject:
    """A project for a target.

    Args:
        name: Normalised.
        record: What is known of it.
        target: For what.
        policy: What may be chosen.
        amended: Returns needs as they count, where that is not as they are said.

    Attributes:
        table: Its versions, sorted.
        usable: The mask of those that have a wheel for the target.
        explored: The mask of versions whose metadata is known, and all projects that they need.
        broken: The mask of those whose metadata cannot be read.
        left_out: How many versions are not usable or broken, by why.
        prereleases: Whether they count as releases do; set before any mask is asked for.
        out_of_place: Numbers of versions that are not chosen where another one may be, each with that.
    """

    def __init__(
        self,
        name: str,
        record: PypiRecord,
        target: Target,
        policy: Policy = ADMIT_ALL,
        amended: Callable[[Sequence[Need]], list[Need]] = list,
    ) -> None:
        self.name, self.record, self._target, self._policy, self._amended = name, record, target, policy, amended
        self.table, self.out_of_place = record.table(), [*target.out_of_place(record)]
        self.explored = self.broken = 0
        self.prereleases = False
        self.left_out: dict[str, int] = {}
        self._ranks = _ranks(record, target)
        for shape, count in Counter(shape for shape in record.shape_of if self._ranks[shape] is None).items():
            self.leave_out(self._reason(record.shapes[shape]), count)
        self.usable = sum(1 << bit for bit, shape in enumerate(record.shape_of) if self._ranks[shape] is not None)
        self._yanked = sum(1 << bit for bit in record.yanked)
        if taken_back := (self.usable & self._yanked).bit_count():
            self.left_out["have been taken back"] = taken_back
        for refusal in policy.refusals(name, self.table, record.published):
            if refused := self.usable & refusal.versions:
                self.usable &= ~refused
                self.left_out[refusal.why] = refused.bit_count()
        self._wheels: dict[int, tuple[PypiFile, Metadata] | None] = {}
        self._needs: dict[tuple[int, str], list[Need]] = {}
        self._masks: dict[str, int] = {}

    def leave_out(self, why: str, count: int = 1) -> None:
        """Count versions that are left out."""
        self.left_out[why] = self.left_out.get(why, 0) + count

    def _reason(self, shape: Shape) -> str:
        """Return why versions of a shape, none of whose wheels fits, are not usable."""
        if any(self._target.rank(self.record.wheels[kind][1]) is not None for kind in shape.wheels):
            return f"have no wheel for Python {self._target.python}"
        return f"have no wheel {'for this machine' if shape.wheels else 'at all'}"

    def mask(self, text: str) -> int:
        """Return the usable versions that a specifier allows; prereleases where it names one, or where nothing else is allowed.

        A version that was taken back is allowed where it is named exactly (PEP 592). What cannot be read allows nothing.
        """
        found = self._masks.get(text)
        if found is None:
            try:
                found = self._masks[text] = self._mask(text)
            except InvalidConfigError:
                found = self._masks[text] = 0
        return found

    def _mask(self, text: str) -> int:
        allowed = self.table.mask(text) & self.usable
        named = _named(text)
        if not (text.startswith("==") and len(named) == 1 and not text.endswith(".*")):
            allowed &= ~self._yanked
        for version, other in self.out_of_place:
            if allowed >> other & 1:
                allowed &= ~(1 << version)
        if self.prereleases or names_prerelease(text):
            return allowed
        return allowed & self.table.releases or allowed

    def wheel(self, bit: int) -> tuple[PypiFile, Metadata] | None:
        """Return the wheel of a version that fits the target best with its metadata, where that is known."""
        found = self._wheels.get(bit)
        if found is None:
            known = self.record.explored.get(self.table.versions[bit], ())
            best = self._ranks[self.record.shape_of[bit]]
            found = next(((one.file, one.metadata) for one in known if fit(one.file, self._target) == best), None)
            self._wheels[bit] = found
        return found

    def forget(self, bit: int) -> None:
        """Look at a version anew: its metadata has come."""
        self._wheels.pop(bit, None)

    def runs(self, bit: int) -> bool:
        """Return whether the metadata of a version allows this Python, of which not every index tells."""
        wheel = self.wheel(bit)
        return wheel is not None and (not wheel[1].python or self._target.allows(wheel[1].python))

    def ruled_out(self, bit: int, allowed: int) -> Iterator[str]:
        """Yield what releases newer than one say of Python, the newest first, where only that rules them out.

        Args:
            bit: The version that they are newer than; -1 for any.
            allowed: The mask of the versions that are looked at.
        """
        newer = allowed & self.table.releases & ~self.usable & ~self._yanked & -1 << bit + 1
        for one in reversed([*bits(newer)]):
            wheels = self.record.wheels_of(one)
            ranked = sorted((rank, python) for python, tags in wheels if (rank := self._target.rank(tags)) is not None)
            if ranked and ranked[0][1] and not self._target.allows(ranked[0][1]):
                yield ranked[0][1]

    def choices(self, bit: int, extra: str) -> Iterable[Sequence[Need]]:
        """Return what a version needs, as `Target.choices` has it."""
        return self._target.choices(self.needs(bit, extra))

    def refused_licence(self, bit: int) -> str:
        """Return why policy does not want the licence of a version, whose metadata must be known; empty where it does."""
        wheel = self.wheel(bit)
        return (
            "" if wheel is None else self._policy.refuses_licence(self.name, self.table.versions[bit], wheel[1].licence)
        )

    def needs(self, bit: int, extra: str) -> list[Need]:
        """Return what a version needs with an extra, or without any where it is empty; its metadata must be known."""
        found = self._needs.get((bit, extra))
        if found is None:
            found = self._needs[bit, extra] = [need for need in self.all_needs(bit) if self._counts(need, extra)]
        return found

    def all_needs(self, bit: int) -> list[Need]:
        """Return what a version needs on any machine and with any extra; nothing where its metadata is not known."""
        wheel = self.wheel(bit)
        return self._amended(wheel[1].needs) if wheel is not None else []

    def _counts(self, need: Need, extra: str) -> bool:
        """Return whether a requirement counts here; those of an extra come on top of those that count without it."""
        if need.only:
            return need.only == extra
        if not need.marker:
            return not extra
        return self._target.holds(need.marker, extra) and not (extra and self._target.holds(need.marker, ""))


def fit(file: PypiFile, target: Target) -> int | None:
    """Return how well a wheel fits a target, 0 is best; None where its tags or what it says of Python rule it out."""
    return _rank(file.python, tags_of(file.name), target)


def _ranks(record: PypiRecord, target: Target) -> list[int | None]:
    """Return of each shape how well the best of its wheels fits."""
    fitting = {kind: rank for kind, wheel in enumerate(record.wheels) if (rank := _rank(*wheel, target)) is not None}
    return [min((fitting[kind] for kind in shape.wheels if kind in fitting), default=None) for shape in record.shapes]


def _rank(python: str, tags: str, target: Target) -> int | None:
    rank = target.rank(tags)
    return rank if rank is not None and (not python or target.allows(python)) else None


def names_prerelease(text: str) -> bool:
    """Return whether a specifier names a prerelease as one that would do.

    Raises:
        InvalidConfigError: It names what is no version.
    """
    clauses = ",".join(clause for clause in text.split(",") if not clause.strip().startswith("!="))
    return any(scheme_of("pypi").parse(one).prerelease for one in _named(clauses))


def asks_for_prerelease(need: Need) -> bool:
    """Return whether a need names a prerelease as one that would do; one that cannot be read allows nothing."""
    try:
        return names_prerelease(need.range)
    except InvalidConfigError:
        return False


@lru_cache(maxsize=10_000)
def _named(text: str) -> tuple[str, ...]:
    """Return the versions that a specifier names."""
    words = (clause.strip().lstrip("=!<>~ ").removesuffix(".*") for clause in text.split(","))
    return tuple(word for word in words if word)
