"""Compares two lock files or bills of materials."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.versions.ordering import sorted_versions
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class DiffParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which.

    Attributes:
        before: A lock file, an SBOM, a list of package URLs, a folder whose lock files count, a root, or an image of a container.
        after: Another one.
    """

    before: str
    after: str


class ChangedPackage(msgspec.Struct, kw_only=True):
    """A package whose versions are other ones.

    Attributes:
        before: Its versions, oldest first; none where it was not there.
        after: Likewise; none where it is gone.
    """

    ecosystem: str
    name: str
    before: list[str]
    after: list[str]


class DiffResult(msgspec.Struct, kw_only=True):
    """What is different.

    Attributes:
        changed: By ecosystem and name.
        same: How many versions of packages are in both.
    """

    changed: list[ChangedPackage]
    same: int


async def run(params: DiffParams, context: Context) -> DiffResult:
    """Compare.

    Raises:
        NotFoundError: There is no lock file.
        UnsupportedError: One is of no known format.
        InvalidConfigError: One is not of its format.
        LimitedError: A root has too much in it.
        MissingRequirementError: An image is packed with zstd, and the library that unpacks it is not installed.
    """
    del context
    return await asyncio.to_thread(_compared, Path(params.before), Path(params.after))


def _compared(one: Path, two: Path) -> DiffResult:
    before, after = _versions(one), _versions(two)
    changed = [
        ChangedPackage(
            ecosystem=ecosystem, name=name, before=sorted_versions(ecosystem, before.get((ecosystem, name), ())),
            after=sorted_versions(ecosystem, after.get((ecosystem, name), ())),
        )
        for ecosystem, name in sorted(before.keys() | after.keys())
        if before.get((ecosystem, name)) != after.get((ecosystem, name))
    ]  # fmt: skip
    return DiffResult(changed=changed, same=sum(len(before[key] & after[key]) for key in before.keys() & after.keys()))


def _versions(path: Path) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for _, lock in read_locks(path, roots=True):
        for one in lock.packages:
            found.setdefault((one.ecosystem, one.name), set()).add(one.version)
    return found


def _text(result: DiffResult) -> Iterable[str]:
    for one in result.changed:
        before, after = ", ".join(one.before), ", ".join(one.after)
        sign = "~" if before and after else "-" if before else "+"
        yield f"{sign} {one.name}  {' -> '.join(filter(None, (before, after)))}"
    yield f"{len(result.changed)} changed, {result.same} the same"


OPERATION = Implementation(
    params=DiffParams,
    result=DiffResult,
    run=run,
    target=lambda params: (f"file/{params.before}", f"file/{params.after}"),
    text=_text,
)
