"""Takes in advisories, so that packages are looked at without asking anybody."""

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.advisories.exploits import EPSS, KEV, ExploitScore, Known, KnownExploit
from outrider.operators.packages.advisories.osv import Advisory
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.store import AdvisoryStore, Source, damaged_path, write_store
from outrider.operators.packages.texts import number_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ImportAdvisoriesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which advisories.

    Attributes:
        source: A zip file as OSV publishes them for each ecosystem, a folder of records such as those of pypa, RustSec, rubysec and
            FriendsOfPHP, or one file, of NuGet too. Or scores of EPSS (`.csv`, `.csv.gz`), or CISA's catalogue of exploited vulnerabilities.
        add: Leave what is there of the same ecosystems, from other sources; without it, that goes.
    """

    source: str
    add: bool = False


class ImportAdvisoriesResult(msgspec.Struct, kw_only=True):
    """What was taken in.

    Attributes:
        imported: By ecosystem.
        gone: By ecosystem, how many records that were there are not any more.
        damaged: Where the file of advisories is now that was damaged; empty where there was none such.
    """

    imported: list[Source]
    gone: dict[str, int]
    damaged: str


async def plan(params: ImportAdvisoriesParams, context: Context) -> Change:
    """Say how many records would be there.

    Raises:
        OutriderError: The source cannot be read.
    """
    del context
    found = await asyncio.to_thread(_ids, Path(params.source))
    before, is_damaged = await asyncio.to_thread(_present, found)
    warnings = [] if found else ["none of the records is about an ecosystem that is known here"]
    if is_damaged:
        warnings.append(_damage(f"would be kept as {damaged_path(store_path())}"))
    difference = []
    for ecosystem, ids in sorted(found.items()):
        old = before.get(ecosystem, set())
        difference.append(Difference(f"{ecosystem} records", len(old) or None, len(old | ids if params.add else ids)))
        if old - ids and not params.add and ecosystem not in (EPSS, KEV):
            warnings.append(_going(ecosystem, len(old - ids)))
    return Change(
        target="advisories/all", difference=difference, preconditions={"store": _fingerprint(store_path())}, warnings=warnings
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
    written = await asyncio.to_thread(write_store, path, known, params.source, context.clock.now(), add=params.add)
    return ImportAdvisoriesResult(imported=written.sources, gone=written.gone, damaged=str(written.damaged or ""))


def _ids(source: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for known in read_source(source):
        for ecosystem in _ecosystems(known):
            found.setdefault(ecosystem, set()).add(known.id if isinstance(known, Advisory) else known.cve)
    return found


def _ecosystems(known: Known) -> set[str]:
    if isinstance(known, ExploitScore):
        return {EPSS}
    return {KEV} if isinstance(known, KnownExploit) else {one.ecosystem for one in known.affected}


def _present(ecosystems: Iterable[str]) -> tuple[dict[str, set[str]], bool]:
    """Return the records that are there, by ecosystem, and whether the file is damaged."""
    try:
        with closing(AdvisoryStore(store_path())) as store:
            return {one: store.ids(one) for one in ecosystems}, False
    except MissingRequirementError:  # there is none, or it is of an older form, which the import makes anew
        return {}, False
    except ExecutionFailedError:
        return {}, True


def _going(ecosystem: str, count: int) -> str:
    return f"{number_of(count, 'record')} of {ecosystem} from before would go; with --add all of them stay"


def _damage(where: str) -> str:
    return f"{store_path()} is damaged: it {where}, and all that was in it has to be imported again"


def _fingerprint(path: Path) -> str:
    """Return what tells one store from another; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(result: ImportAdvisoriesResult) -> Iterable[str]:
    if result.damaged:
        yield f"warning: {_damage(f'is kept as {result.damaged}')}"
    for one in result.imported:
        gone = result.gone.get(one.ecosystem, 0)
        parts = [
            f"{one.ecosystem}: {number_of(one.records, 'record')} from {one.source}",
            f"the newest of {one.newest}" if one.newest else "",
            f"{number_of(gone, 'record')} from before gone (with --add all of them stay)" if gone else "",
        ]
        yield ", ".join(filter(None, parts))


OPERATION = Implementation(
    params=ImportAdvisoriesParams, result=ImportAdvisoriesResult, run=run, plan=plan, target=lambda _: "advisories/all", text=_text
)  # fmt: skip
