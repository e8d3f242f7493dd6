"""Fixes a pom.xml: in the place where a user of Maven would, and its lock where it has one."""

from pathlib import Path

import msgspec

from outrider.operators.packages.fixing.calls import Call, Fix, LockFile, refuse_new
from outrider.operators.packages.fixing.pom_mending import PomMended, PomMender, Stuck
from outrider.operators.packages.fixing.pom_writing import (
    PomEdits,
    PomFile,
    Written,
    opened_pom,
    parents_within,
    written,
)
from outrider.operators.packages.fixing.results import FixedFile, RangeChange, Vulnerable, explained, fixed_of
from outrider.operators.packages.fixing.wishes import Unit
from outrider.operators.packages.locks.making.manifests import folder_of
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.files import digest_of, read_text
from outrider.operators.packages.manifests.pom import has_lock
from outrider.operators.packages.sessions import question_of


async def fix_pom(found: Fix, file: LockFile, call: Call) -> None:
    """Take in what is found for a pom.xml, once it is proven; errors are those of `find_fix`."""
    if has_lock(file.text) and not call.auditor.units(file.lock):
        found.told.append(file.clean)
        return
    found.digests |= {str(one): digest_of(read_text(one)) for one in parents_within(file, call.folder)}
    with question_of(call.context, "maven", [], call.terms, folder=call.folder) as asked:
        question = msgspec.structs.replace(asked, folder=folder_of(file.path))
        pom = await opened_pom(file, question)
        units = call.auditor.units(pom.lock)
        mended = await PomMender(pom, units, question, call.auditor).mend(widen=call.manifest)
        made = Written({}, {}, pom.chosen, pom.lock, [])
        if mended.edits is not None:
            made = await written(pom, mended.edits, question)
    _take(found, (pom, units), (mended, made), call)


def _take(found: Fix, before: tuple[PomFile, list[Unit]], after: tuple[PomMended, Written], call: Call) -> None:
    (pom, units), (mended, made) = before, after
    left = call.auditor.units(made.lock)
    known = {(one.name, each) for one in units for each in one.ids}
    new = [one for one in left if not known.issuperset((one.name, each) for each in one.ids)]
    refuse_new(pom.path, [f"{one.name} {one.version}" for one in new])
    still = {one.name for one in left}
    edits = mended.edits or PomEdits(versions={}, text=pom.text, chosen=pom.chosen)
    found.told.append(
        FixedFile(
            file=str(pom.path),
            changes=explained(changes_between(pom.lock, made.lock), units, made.chosen.direct, made.chosen.needers),
            manifest=edits.told(pom.path),
            fixed=[fixed_of(one) for one in units if one.name not in still],
            unfixed=[_unfixed(pom.path, one, mended.stuck.get(one.name)) for one in left],
            warnings=[*edits.shared(), *made.warnings],
        )
    )
    found.digests |= {str(place): digest_of(text) for place, text in made.before.items()}
    found.texts |= made.texts


def _unfixed(path: Path, unit: Unit, stuck: Stuck | None) -> Vulnerable:
    if stuck is None:
        return Vulnerable(
            name=unit.name, version=unit.version, vulnerabilities=unit.ids, reasons=["It comes from no repository."]
        )
    remedies = []
    if stuck.range is not None:
        remedies = [RangeChange(file=str(path), name=stuck.range.shown, before=stuck.range.before, after=stuck.version)]
    return Vulnerable(
        name=unit.name, version=unit.version, vulnerabilities=unit.ids, reasons=stuck.reasons, remedies=remedies
    )
