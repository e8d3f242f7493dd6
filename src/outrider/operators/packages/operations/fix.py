"""Replaces vulnerable versions in lock files, with as little change as will do."""

from collections.abc import Iterable

import msgspec

from outrider.core.operation import Change
from outrider.operators.packages.fixing.fixes import FixParams, find_fix
from outrider.operators.packages.fixing.results import FixedFile
from outrider.operators.packages.locks.writing.files import refuse_changed, write_text
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class FixResult(msgspec.Struct, kw_only=True):
    """What was fixed.

    Attributes:
        files: Each lock file that was looked at.
        fixed: How many versions were vulnerable, and are not any more.
        unfixed: How many still are.
        unread: Why lock files could not be read: nobody knows whether something in them is vulnerable.
        malformed: Whether one of them is none of its format: the command ends with 2 then.
        written: The files that were written.
    """

    files: list[FixedFile]
    fixed: int
    unfixed: int
    unread: list[str]
    malformed: bool
    written: list[str]


async def plan(params: FixParams, context: Context) -> Change:
    """Say what would change; the errors are those of `run`."""
    found = await find_fix(params, context)
    warnings = [f"{one.file}: {warning}" for one in found.told for warning in one.warnings]
    unfixed = [line for one in found.told for line in _unfixed(one)]
    return Change(
        target=f"file/{params.path}", difference=[each for one in found.told for each in one.differences()],
        preconditions=dict(found.digests), warnings=[*map(_unread, found.unread), *warnings, *unfixed],
    )  # fmt: skip


async def run(params: FixParams, context: Context) -> FixResult:
    """Resolve again without what is vulnerable, look at the answer again, and write it.

    Raises:
        NotFoundError: There is no lock file, or no manifest of the only one.
        InvalidConfigError: The only one cannot be read.
        UnsupportedError: It is of a format that is not changed, or leads to what is not read.
        MissingRequirementError: No advisories are imported, or no registry is known here.
        PreconditionFailedError: Advisories are too old, or a file is another one than when the plan was made.
        ExecutionFailedError: A file cannot be written.
        OutriderError: What a registry says.
    """
    found = await find_fix(params, context)
    refuse_changed(context.preconditions, found.digests)
    locks = {one.file for one in found.told}
    # Manifests first: where the next file is never written, the lock is still vulnerable, and the next run sees that.
    texts = dict(sorted(found.texts.items(), key=lambda item: str(item[0]) in locks))
    for path, text in texts.items():
        write_text(path, text)
    return FixResult(
        files=found.told, fixed=sum(len(one.fixed) for one in found.told), unfixed=sum(len(one.unfixed) for one in found.told),
        unread=found.unread, malformed=found.malformed, written=[str(path) for path in texts],
    )  # fmt: skip


def _text(result: FixResult) -> Iterable[str]:
    yield f"{result.fixed} fixed, {result.unfixed} not fixed"
    yield from (f"warning: {_unread(one)}" for one in result.unread)
    for file in result.files:
        yield from (f"warning: {file.file}: {warning}" for warning in file.warnings)
        for one in file.changes:
            yield f"  {file.file}: {one.name} {one.before or '(new)'} -> {one.after or '(gone)'}  # {one.why}"
        for change in file.manifest:
            yield f"  {change.file}: {change.name} {change.before or '(new)'} -> {change.after}"
        yield from (f"  {line}" for line in _unfixed(file))


def _unread(why: str) -> str:
    return f"not looked at: {why}"


def _unfixed(file: FixedFile) -> Iterable[str]:
    for one in file.unfixed:
        yield one.stays(file.file)
        for remedy in one.remedies:
            yield f"with --manifest: {remedy.name} {remedy.before} -> {remedy.after} in {remedy.file}"
        if one.together:
            said = [f"{each.name} {each.before} -> {each.after} in {each.file}" for each in one.together]
            yield f"with --manifest, all at once: {', '.join(said)}"


OPERATION = Implementation(
    params=FixParams,
    result=FixResult,
    run=run,
    plan=plan,
    target=lambda params: f"file/{params.path}",
    text=_text,
    findings=lambda result: result.unfixed > 0 or bool(result.unread),
    malformed=lambda result: result.malformed,
)
