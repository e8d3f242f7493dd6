"""Fixes the pom.xml of a project or of a build: in the places where a user of Maven would, and the locks where it has them."""

from pathlib import Path

import msgspec

from outrider.operators.packages.fixing.calls import Call, Fix, LockFile, refuse_new
from outrider.operators.packages.fixing.pom_builds import Answer, PomBuild
from outrider.operators.packages.fixing.pom_files import PomFiles
from outrider.operators.packages.fixing.pom_mending import Goal, PomMended, PomMender, Stuck
from outrider.operators.packages.fixing.pom_writing import PomEdits, Written, written
from outrider.operators.packages.fixing.results import FixedFile, RangeChange, Vulnerable, explained, fixed_of
from outrider.operators.packages.fixing.wishes import Unit
from outrider.operators.packages.locks.making.manifests import folder_of
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.files import digest_of
from outrider.operators.packages.sessions import question_of


async def fix_pom(found: Fix, file: LockFile, call: Call) -> None:
    """Take in what is found for a pom.xml and its modules, once it is proven; errors are those of `find_fix`."""
    files = PomFiles(file.path, found.texts)
    files.refuse_outside(call.folder)
    files.leave_out(Path(one.file) for one in found.told)
    found.digests |= files.digests()
    if not files.asked:
        return
    with question_of(call.context, "maven", [], call.terms, folder=call.folder) as asked:
        build = PomBuild(files, msgspec.structs.replace(asked, folder=folder_of(file.path)))
        await build.open()
        mended = await PomMender(build, call.auditor).mend(widen=call.manifest)
        projects = build.projects.items()
        made = Written({}, {}, {}, {path: project.lock for path, project in projects}, [])
        if mended.edits is not None:
            made = await written(build, mended.edits)
    found.unread += [one for one in build.unread if one not in found.unread]
    for path in build.projects:
        _take(found, build, path, (mended, made), call)
    found.digests |= {str(place): digest_of(text) for place, text in made.before.items()}
    found.texts |= made.texts


def _take(found: Fix, build: PomBuild, path: Path, after: tuple[PomMended, Written], call: Call) -> None:
    mended, made = after
    before, called = build.projects[path], build.files.shown(path)
    units, left = call.auditor.units(before.lock), call.auditor.units(made.locks[path])
    known = {(one.name, each) for one in units for each in one.ids}
    new = [one for one in left if not known.issuperset((one.name, each) for each in one.ids)]
    refuse_new(called, [f"{one.name} {one.version}" for one in new])
    still = {one.name for one in left}
    chosen = made.chosen.get(path, before.chosen)
    edits = mended.edits or PomEdits(versions={}, answer=Answer({}, {}))
    found.told.append(
        FixedFile(
            file=str(called),
            changes=explained(changes_between(before.lock, made.locks[path]), units, chosen.direct, chosen.needers),
            manifest=edits.told(build, path),
            fixed=[fixed_of(one) for one in units if one.name not in still],
            unfixed=[_unfixed(build, one, mended.stuck.get(Goal(path, one.name))) for one in left],
            warnings=[*edits.warnings(build, path, made)],
        )
    )


def _unfixed(build: PomBuild, unit: Unit, stuck: Stuck | None) -> Vulnerable:
    if stuck is None:
        return Vulnerable(
            name=unit.name, version=unit.version, vulnerabilities=unit.ids, reasons=["It comes from no repository."]
        )
    remedies = []
    if stuck.range is not None:
        file, range_ = str(build.files.shown(stuck.range.file)), stuck.range
        remedies = [RangeChange(file=file, name=range_.shown, before=range_.before, after=stuck.version)]
    return Vulnerable(
        name=unit.name, version=unit.version, vulnerabilities=unit.ids, reasons=stuck.reasons, remedies=remedies
    )
