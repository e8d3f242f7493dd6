"""Takes in advisories, so that packages are looked at without asking anybody."""

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError, PreconditionFailedError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.advisories.coverage import covered
from outrider.operators.packages.advisories.exploits import EPSS, KEV, ExploitScore, KnownExploit
from outrider.operators.packages.advisories.osv import Withdrawn
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.advisories.store import AdvisoryStore, Source
from outrider.operators.packages.advisories.writing import damaged_path, write_store
from outrider.operators.packages.texts import number_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_NONE = {False: "is about an ecosystem that is known here", True: "counts any more: they were withdrawn"}
_WITHDRAWN = "withdrawn, or about nothing of it any more"


class ImportAdvisoriesParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which advisories.

    Attributes:
        source: A zip file as OSV publishes them for each ecosystem, a folder of records such as those of pypa, RustSec, rubysec and
            FriendsOfPHP, or one file, of NuGet too. Or scores of EPSS (`.csv`, `.csv.gz`), or CISA's catalogue of exploited vulnerabilities.
        add: Leave what is there of the same ecosystems, from other sources; without it, that goes. The advisories of an ecosystem become no
            younger by what is added.
    """

    source: str
    add: bool = False


class ImportAdvisoriesResult(msgspec.Struct, kw_only=True):
    """What was taken in.

    Attributes:
        imported: By ecosystem. What records say of another ecosystem than that of the source is added there, and told where such are known.
        gone: By ecosystem that was replaced, how many records that were there are not any more.
        withdrawn: By other ecosystem, how many are not, as the source says: they are withdrawn, or about nothing of it any more.
        damaged: Where the file of advisories is now that was damaged; empty where there was none such.
    """

    imported: list[Source]
    gone: dict[str, int]
    withdrawn: dict[str, int]
    damaged: str


async def plan(params: ImportAdvisoriesParams, context: Context) -> Change:
    """Say how many records would be there.

    Raises:
        OutriderError: The source cannot be read.
    """
    del context
    said = await asyncio.to_thread(_said, Path(params.source))
    before, is_damaged = await asyncio.to_thread(_present, said)
    warnings = []
    if not said.ids:
        warnings.append(f"none of the records {_NONE[said.is_withdrawn]}")
    if is_damaged:
        warnings.append(_damage(f"would be kept as {damaged_path(store_path())}"))
    whole = covered(said.ids, before)
    difference = []
    for ecosystem in sorted({*said.ids, *before}):
        old, new = before.get(ecosystem, set()), said.ids.get(ecosystem, set())
        is_replaced = ecosystem in whole and not params.add
        after = new if is_replaced else new | (old - said.seen)
        if ecosystem in whole or (ecosystem in before and (new or after != old)):
            difference.append(Difference(f"{ecosystem} records", len(old) or None, len(after)))
        if old - after and ecosystem not in (EPSS, KEV):
            warnings.append(_going(ecosystem, len(old - after), is_replaced=is_replaced))
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
    return ImportAdvisoriesResult(
        imported=written.sources, gone=written.gone, withdrawn=written.withdrawn, damaged=str(written.damaged or "")
    )


class _Said(NamedTuple):
    """The ids of what a source says, by ecosystem, those of all its records, and whether all of these were withdrawn."""

    ids: dict[str, set[str]]
    seen: set[str]
    is_withdrawn: bool


def _said(source: Path) -> _Said:
    ids: dict[str, set[str]] = {}
    seen, is_withdrawn = set(), True
    for known in read_source(source):
        if isinstance(known, ExploitScore | KnownExploit):
            ids.setdefault(EPSS if isinstance(known, ExploitScore) else KEV, set()).add(known.cve)
            continue
        seen.add(known.id)
        is_withdrawn &= isinstance(known, Withdrawn)
        for one in () if isinstance(known, Withdrawn) else known.affected:
            ids.setdefault(one.ecosystem, set()).add(known.id)
    return _Said(ids, seen, is_withdrawn)


def _present(said: _Said) -> tuple[dict[str, set[str]], bool]:
    """Return the records that are there of the ecosystems that an import has to do with, and whether the file is damaged."""
    try:
        with closing(AdvisoryStore(store_path())) as store:
            asked = {*said.ids, *(store.touched(said.seen) if said.seen else ())}
            return {one: store.ids(one) for one in asked.intersection(store.sources())}, False
    except MissingRequirementError:  # there is none, or it is of an older form, which the import makes anew
        return {}, False
    except ExecutionFailedError:
        return {}, True


def _going(ecosystem: str, count: int, *, is_replaced: bool) -> str:
    why = "; with --add all of them stay" if is_replaced else f": {_WITHDRAWN}"
    return f"{number_of(count, 'record')} of {ecosystem} from before would go{why}"


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
    if not (result.imported or result.gone or result.withdrawn):
        yield "nothing was taken in, and nothing is gone"
    for one in result.imported:
        gone = result.gone.get(one.ecosystem, 0)
        parts = [
            f"{one.ecosystem}: {number_of(one.records, 'record')} from {one.source}",
            f"the newest of {one.newest}" if one.newest else "",
            f"{number_of(gone, 'record')} from before gone (with --add all of them stay)" if gone else "",
        ]
        yield ", ".join(filter(None, parts))
    for ecosystem, gone in sorted(result.withdrawn.items()):
        yield f"{ecosystem}: {number_of(gone, 'record')} from before gone: {_WITHDRAWN}"


OPERATION = Implementation(
    params=ImportAdvisoriesParams, result=ImportAdvisoriesResult, run=run, plan=plan, target=lambda _: "advisories/all", text=_text
)  # fmt: skip
