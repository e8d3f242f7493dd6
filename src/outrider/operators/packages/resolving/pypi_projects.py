"""Python projects as the solver sees them: versions, those that may be chosen, and what each needs."""

from functools import lru_cache

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.index.pypi_records import PypiRecord, Shape, tags_of
from outrider.operators.packages.registries.core_metadata import Metadata, Need
from outrider.operators.packages.registries.pypi_pages import PypiFile
from outrider.operators.packages.resolving.pypi_targets import PypiTarget
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable


class PypiProject:
    """A project for a target.

    Args:
        name: Normalised.
        record: What is known of it.
        target: For what.

    Attributes:
        table: Its versions, sorted.
        usable: The mask of those that have a wheel for the target.
        explored: The mask of versions whose metadata is known, and all projects that they need.
        broken: The mask of those whose metadata cannot be read.
        left_out: How many versions are not usable, by why.
    """

    def __init__(self, name: str, record: PypiRecord, target: PypiTarget) -> None:
        self.name, self.record, self._target = name, record, target
        self.table = record.table()
        self.explored = self.broken = self.usable = 0
        self.left_out: dict[str, int] = {}
        reasons = [_reason(shape, target) for shape in record.shapes]
        for bit, shape in enumerate(record.shape_of):
            if reasons[shape]:
                self.left_out[reasons[shape]] = self.left_out.get(reasons[shape], 0) + 1
            else:
                self.usable |= 1 << bit
        self._yanked = sum(1 << bit for bit in record.yanked)
        self._wheels: dict[int, tuple[PypiFile, Metadata] | None] = {}
        self._needs: dict[tuple[int, str], list[Need]] = {}
        self._masks: dict[str, int] = {}

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
        if any(scheme_of("pypi").parse(one).prerelease for one in named):
            return allowed
        return allowed & self.table.releases or allowed

    def wheel(self, bit: int) -> tuple[PypiFile, Metadata] | None:
        """Return a wheel of a version for the target with its metadata, where that is known."""
        found = self._wheels.get(bit)
        if found is None:
            known = self.record.explored.get(self.table.versions[bit], ())
            found = next(((one.file, one.metadata) for one in known if takes(one.file, self._target)), None)
            self._wheels[bit] = found
        return found

    def forget(self, bit: int) -> None:
        """Look at a version anew: its metadata has come."""
        self._wheels.pop(bit, None)

    def needs(self, bit: int, extra: str) -> list[Need]:
        """Return what a version needs with an extra, or without any where it is empty; its metadata must be known."""
        found = self._needs.get((bit, extra))
        if found is None:
            wheel = self.wheel(bit)
            said = wheel[1].needs if wheel is not None else []
            found = self._needs[bit, extra] = [need for need in said if self._counts(need, extra)]
        return found

    def _counts(self, need: Need, extra: str) -> bool:
        """Return whether a requirement counts here; those of an extra come on top of those that count without it."""
        if need.only:
            return need.only == extra
        if not need.marker:
            return not extra
        return self._target.holds(need.marker, extra) and not (extra and self._target.holds(need.marker, ""))


def takes(file: PypiFile, target: PypiTarget) -> bool:
    """Return whether a target takes a wheel, by its tags and what it says of Python."""
    return target.takes(tags_of(file.name)) and (not file.python or _python_allowed(file.python, target.full_version))


def _reason(shape: Shape, target: PypiTarget) -> str:
    """Return why versions of a shape are not usable; empty where they are."""
    fitting = [python for python, tags in shape.wheels if target.takes(tags)]
    if any(not python or _python_allowed(python, target.full_version) for python in fitting):
        return ""
    if fitting:
        return f"no wheel for Python {target.python}"
    return "no wheel for this machine" if shape.wheels else "no wheel at all"


@lru_cache(maxsize=10_000)
def _named(text: str) -> tuple[str, ...]:
    """Return the versions that a specifier names."""
    words = (clause.strip().lstrip("=!<>~ ").removesuffix(".*") for clause in text.split(","))
    return tuple(word for word in words if word)


@lru_cache(maxsize=10_000)
def _python_allowed(text: str, version: str) -> bool:
    try:
        return bool(VersionTable(scheme_of("pypi"), [version]).mask(text))
    except InvalidConfigError:
        return True  # what cannot be read forbids nothing, as with pip
