"""Takes in advisories, so that packages are looked at without asking anybody."""

import asyncio
import hashlib
from contextlib import closing
from pathlib import Path

import msgspec

from outrider.core.errors import MissingRequirementError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.advisories.exploits import EPSS, KEV, ExploitScore, Known, KnownExploit
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.store import AdvisoryStore, Source, write_store
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ImportAdvisoriesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which advisories.

    Attributes:
        source: A zip file as OSV publishes them for each ecosystem, a folder of records such as those of pypa, RustSec, rubysec and
            FriendsOfPHP, or one file, of NuGet too. Or scores of EPSS (`.csv`, `.csv.gz`), or CISA's catalogue of exploited vulnerabilities.
        add: Leave what is there of the same ecosystems; without it, that goes.
    """

    source: str
    add: bool = False


class ImportAdvisoriesResult(msgspec.Struct, kw_only=True):
    """What was taken in, by ecosystem."""

    imported: list[Source]


async def plan(params: ImportAdvisoriesParams, context: Context) -> Change:
    """Say how many records would be there.

    Raises:
        OutriderError: The source cannot be read.
    """
    del context
    counts = await asyncio.to_thread(_counts, Path(params.source))
    before = _present()
    difference = [
        Difference(f"{ecosystem} records", before[ecosystem].records if ecosystem in before else None, count)
        for ecosystem, count in sorted(counts.items())
    ]
    return Change(
        target="advisories/all", difference=difference, preconditions={"store": _fingerprint(store_path())},
        warnings=[] if counts else ["none of the records is about an ecosystem that is known here"],
    )  # fmt: skip


async def run(params: ImportAdvisoriesParams, context: Context) -> ImportAdvisoriesResult:
    """Take them in.

    Raises:
        PreconditionFailedError: Others have imported since the plan was made.
        OutriderError: The source cannot be read, or the store cannot be written.
    """
    path, expected = store_path(), context.preconditions.get("store")
    if expected is not None and expected != _fingerprint(path):
        raise PreconditionFailedError(
            "the advisories are other ones than when the plan was made", found=_fingerprint(path) or "none", expected=expected or "none",
            suggestions=["make the plan again"],
        )  # fmt: skip
    known = read_source(Path(params.source))
    found = await asyncio.to_thread(write_store, path, known, params.source, context.clock.now(), add=params.add)
    return ImportAdvisoriesResult(imported=found)


def _counts(source: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for known in read_source(source):
        for ecosystem in _ecosystems(known):
            counts[ecosystem] = counts.get(ecosystem, 0) + 1
    return counts


def _ecosystems(known: Known) -> set[str]:
    if isinstance(known, ExploitScore):
        return {EPSS}
    return {KEV} if isinstance(known, KnownExploit) else {one.ecosystem for one in known.affected}


def _present() -> dict[str, Source]:
    try:
        store = AdvisoryStore(store_path())
    except MissingRequirementError:  # there is none, or it is of an older form, which the import makes anew
        return {}
    with closing(store):
        return store.sources()


def _fingerprint(path: Path) -> str:
    """Return what tells one store from another; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


OPERATION = Implementation(
    params=ImportAdvisoriesParams, result=ImportAdvisoriesResult, run=run, plan=plan, target=lambda _: "advisories/all"
)
