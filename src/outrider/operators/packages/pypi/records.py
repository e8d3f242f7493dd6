"""What is known of a Python project, in the form in which it is kept: versions sorted, and wheels by what they are for."""

from collections.abc import Iterable

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Metadata
from outrider.operators.packages.pypi.pages import Page, PypiFile, normalised
from outrider.operators.packages.registries.published import all_or_none, seconds_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Another form of the records: what was kept in an older one is fetched anew.
FORM = 5
# No file system takes longer names.
_LONGEST_FILE = 255
_SOURCES = (".tar.gz", ".zip", ".tar.bz2", ".tgz")


class Shape(msgspec.Struct, array_like=True, frozen=True):
    """What the files of a version are for; most versions of a project have that of others.

    Attributes:
        wheels: Of which kinds they are, by their number.
        source: Whether there is a source distribution.
    """

    wheels: tuple[int, ...]
    source: bool


class Explored(msgspec.Struct, array_like=True):
    """A wheel whose metadata is known."""

    file: PypiFile
    metadata: Metadata


class PypiRecord(msgspec.Struct, array_like=True, kw_only=True):
    """What is known of a project.

    Attributes:
        fetched: When its page was fetched or found unchanged, seconds since the epoch.
        etag: Of the page.
        modified: Likewise.
        status: Of the project (PEP 792).
        versions: Oldest first.
        prereleases: The mask of those that are, little-endian.
        unsorted: Versions that PEP 440 does not know.
        wheels: The kinds of wheels, each once: what one says of Python, and its tags as its name has them.
        shapes: Of files of versions.
        shape_of: For each version which of them.
        yanked: The versions that were taken back, by their number, and why.
        explored: By version, the wheels whose metadata is known.
        index: The address of the index that has it.
        published: When the last file of each version came, seconds since the epoch, 0 where the index does not say; empty where it
            says it of none.
    """

    form: int = FORM
    fetched: float = 0.0
    etag: str = ""
    modified: str = ""
    status: str = "active"
    versions: list[str] = []
    prereleases: bytes = b""
    unsorted: list[str] = []
    wheels: list[tuple[str, str]] = []
    shapes: list[Shape] = []
    shape_of: list[int] = []
    yanked: dict[int, str] = {}
    explored: dict[str, list[Explored]] = {}
    index: str = ""
    published: list[float] = []

    @property
    def has_wheels(self) -> bool:
        """Whether any version has a wheel, for whatever machine."""
        return bool(self.wheels)

    def shape(self, version: int) -> Shape:
        """Return what the files of a version are for, by its number."""
        return self.shapes[self.shape_of[version]]

    def wheels_of(self, version: int) -> list[tuple[str, str]]:
        """Return of which kinds the wheels of a version are, by its number."""
        return [self.wheels[kind] for kind in self.shape(version).wheels]

    def table(self) -> VersionTable:
        """Return its versions as a table."""
        return VersionTable.of_sorted(scheme_of("pypi"), self.versions, int.from_bytes(self.prereleases, "little"))


Files = dict[str, list[PypiFile]]


def compiled(name: str, page: Page, explored: dict[str, list[Explored]]) -> tuple[PypiRecord, Files]:
    """Return what a page says in the form in which it is kept, and the files by version.

    Args:
        name: Of the project, normalised.
        page: What an index has.
        explored: What was known of its wheels; of those that are still there it is kept.
    """
    files: Files = {}
    for file in page.files:
        version = version_of(file.name, name)
        if version is not None:
            files.setdefault(version, []).append(file)
    table = VersionTable(scheme_of("pypi"), files)
    kinds: dict[tuple[str, str], int] = {}
    shapes: dict[Shape, int] = {}
    shape_of, yanked = [], {}
    for bit, version in enumerate(table.versions):
        shape_of.append(shapes.setdefault(_shape(files[version], kinds), len(shapes)))
        if all(file.yanked is not None for file in files[version]):
            yanked[bit] = files[version][0].yanked or ""
    prereleases = table.everything & ~table.releases
    names = {file.name for file in page.files}
    record = PypiRecord(
        status=page.status, versions=table.versions, prereleases=prereleases.to_bytes(len(table.versions) // 8 + 1, "little"),
        published=all_or_none([published_at(files[version]) for version in table.versions]), unsorted=table.unsorted, wheels=list(kinds), shapes=list(shapes), shape_of=shape_of, yanked=yanked,
        explored={version: kept for version, known in explored.items() if (kept := [one for one in known if one.file.name in names])},
    )  # fmt: skip
    return record, files


def published_at(files: Iterable[PypiFile]) -> float:
    """Return when a version was complete, in seconds since the epoch, 0 where the index does not say.

    A file that came later is as new as any other one.

    Args:
        files: Of the version.
    """
    times = [seconds_of(file.uploaded) for file in files]
    return max(times) if all(times) else 0.0


def _shape(files: Iterable[PypiFile], kinds: dict[tuple[str, str], int]) -> Shape:
    """Return what files are for, and number the kinds of wheels that are new."""
    wheels = {(file.python, tags_of(file.name)): None for file in files if file.name.endswith(".whl")}
    numbers = tuple(kinds.setdefault(wheel, len(kinds)) for wheel in wheels)
    return Shape(numbers, any(not file.name.endswith(".whl") for file in files))


def tags_of(wheel: str) -> str:
    """Return the tags of a wheel as its name has them, such as `py3-none-any`."""
    return "-".join(wheel.removesuffix(".whl").split("-")[-3:])


def version_of(file: str, project: str) -> str | None:
    """Return the version that a file is of, by its name; None where it is no wheel and no source distribution of the project."""
    if len(file) > _LONGEST_FILE:
        return None
    if file.endswith(".whl"):
        parts = file.removesuffix(".whl").split("-")
        if len(parts) not in (5, 6) or (parts[0].lower() != project and normalised(parts[0]) != project):
            return None
        return _written(parts[1].replace("_", "-"))
    ending = next((one for one in _SOURCES if file.endswith(one)), None)
    if ending is None:
        return None
    stem = file.removesuffix(ending)
    ends = (at for at in range(len(stem) - 1, 0, -1) if stem[at] == "-")
    return next((_written(stem[at + 1 :]) for at in ends if normalised(stem[:at]) == project), None)


def _written(version: str) -> str:
    """Return a version as its wheels write it, where a source distribution writes it in another way."""
    try:
        scheme_of("pypi").parse(version)
    except InvalidConfigError:
        return version
    return version.lower().removeprefix("v")
