"""Fixes a lock file that stands beside a manifest, or says itself what is asked for."""

from outrider.core.errors import NotFoundError
from outrider.operators.packages.fixing.calls import Call, Fix, LockFile, refuse_new
from outrider.operators.packages.fixing.mending import Mended, Mender
from outrider.operators.packages.fixing.projects import PROJECTS, refuse_outside
from outrider.operators.packages.fixing.results import FixedFile, changes_of, fixed_of, range_changes, unfixed_of
from outrider.operators.packages.fixing.units import Auditor
from outrider.operators.packages.fixing.wishes import Unit
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.locks.writing.differences import changes_between
from outrider.operators.packages.locks.writing.files import digest_of
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import question_of, session_of


async def fix_lock(found: Fix, file: LockFile, call: Call) -> None:
    """Take in what is found for a file of one of the forms of `PROJECTS`, once it is proven; errors are those of `find_fix`."""
    path, text, lock = file
    ecosystem, opened = PROJECTS[lock.form]
    units, stays = call.auditor.units(lock), call.auditor.left(lock)
    if not units:
        found.told.append(file.clean)
        found.told[-1].warnings += stays
        return
    project = opened(path, text, call.python)
    if call.folder is not None:
        refuse_outside(project.paths, call.folder)
        project.is_bounded = True
    found.digests |= {str(one): digest_of(content) for one, content in project.texts.items()}
    with question_of(call.context, ecosystem, [], call.terms, target=call.python, folder=call.folder) as question:
        await project.complete(question)
        ours = [one for one in units if one.version in project.locked.get(one.name, ())]
        asked = project.asked(question)
        real = [await with_real_fix(one, ecosystem, asked, call.auditor) for one in ours]
        mender = Mender(session_of(ecosystem), asked, call.vulnerable, project, real)
        mended = await mender.mend(widen=call.manifest) if ours else Mended()
    texts = {} if mended.answer is None else project.mended(mended.answer, mended.before, mended.widenings)
    after = read_lock(path.as_posix(), texts[path]) if path in texts else lock
    left = {(one.name, one.version): one for one in call.auditor.units(after)}
    known = {one[:2] for one in units}
    refuse_new(path, [f"{one.name} {one.version}" for one in left.values() if one[:2] not in known])
    blocked = {(one.unit.name, one.unit.version): one for one in mended.blocked}
    found.told.append(
        FixedFile(
            file=str(path), changes=changes_of(changes_between(lock, after), mended, project), manifest=range_changes(mended, project),
            fixed=[fixed_of(one) for one in units if one[:2] not in left],
            unfixed=[unfixed_of(one, blocked.get(one[:2]), project) for one in units if one[:2] in left],
            warnings=[*project.warnings, *stays],
        )
    )  # fmt: skip
    found.texts |= {place: content for place, content in texts.items() if content != project.texts[place]}


async def with_real_fix(unit: Unit, ecosystem: str, question: Question, auditor: Auditor) -> Unit:
    """Return what is vulnerable with the lowest fix that its registry has."""
    try:
        facts = await session_of(ecosystem).facts(question, unit.name)
    except NotFoundError:
        return unit
    return auditor.with_real_fix(ecosystem, unit, facts)
