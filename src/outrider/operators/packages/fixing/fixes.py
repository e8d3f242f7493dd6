"""Fixes the lock files of a path: what would be written is made whole first, and looked at again for what is vulnerable."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError, UnsupportedError
from outrider.core.package_policies import AdvisoryRule, PackagePolicySpec, Severity
from outrider.core.quantities import Duration
from outrider.operators.packages.advisories.matching import Matcher
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.distributions.images import is_image
from outrider.operators.packages.distributions.roots import is_root
from outrider.operators.packages.fixing.calls import Call, Fix, LockFile
from outrider.operators.packages.fixing.lock_fixing import fix_lock
from outrider.operators.packages.fixing.projects import PROJECTS
from outrider.operators.packages.fixing.results import FixedFile, Vulnerable
from outrider.operators.packages.fixing.units import Auditor
from outrider.operators.packages.locks.form_versions import refuse_unknown_version
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.reading import lock_files, read_lock
from outrider.operators.packages.locks.writing.files import digest_of, read_text
from outrider.operators.packages.manifests.pom import FORM as POM
from outrider.operators.packages.policies.opening import opened_policies
from outrider.operators.packages.registries.failures import UNREACHED, told
from outrider.operators.packages.sessions import Terms
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context
from outrider.runtime.discovery import import_module


class FixParams(Terms, kw_only=True, forbid_unknown_fields=True):
    """What is to be fixed, and how.

    Attributes:
        path: A lock file, or a folder whose lock files are looked at.
        least: From which severity on vulnerabilities are fixed; those that nobody has rated always are.
        manifest: Change ranges of the manifest too, where nothing else will do.
        max_age: How old advisories may be; older ones are an error.
        python: For which version of Python, such as `3.12`; that which runs Outrider if none is given.
    """

    path: str = "."
    least: Severity = "high"
    manifest: bool = False
    max_age: Duration = msgspec.field(default_factory=lambda: Duration(7 * 86_400))
    python: str = ""


async def _fix_pom(found: Fix, file: LockFile, call: Call) -> None:
    # Few folders have a pom.xml, and all that knows of Maven comes with it.
    fixing = import_module("outrider.operators.packages.fixing.pom_fixing", extra="packages")
    await fixing.fix_pom(found, file, call)


# Of all other formats their own tools know how to change them.
_WAYS: Mapping[str, tuple[Ecosystem, Callable[[Fix, LockFile, Call], Awaitable[None]]]] = {
    **{form: (ecosystem, fix_lock) for form, (ecosystem, _) in PROJECTS.items()},
    POM: ("maven", _fix_pom),
}
_CHANGED = " or ".join(sorted(_WAYS, key=str.lower))


async def find_fix(wanted: FixParams, context: Context, folder: Path | None = None, *, lenient: bool = False) -> Fix:
    """Find what would be written.

    Args:
        wanted: What is to be fixed.
        context: Of the call.
        folder: Whose policies count, and outside of which nothing does; the working folder, and no bound, if none is given.
        lenient: Whether the only lock file is told of as one among others is, where it cannot be fixed.

    Raises:
        NotFoundError: There is no lock file, or no manifest of the only one.
        InvalidConfigError: The only one cannot be read.
        UnsupportedError: It is of a format that is not changed, or leads to what is not read.
        MissingRequirementError: No advisories are imported.
        PreconditionFailedError: They are too old, or there are none of an ecosystem.
        OutriderError: What a registry says, of the only one.
    """
    found = Fix(told=[], texts={}, digests={}, unread=[])
    with closing(AdvisoryStore(store_path())) as store:
        auditor = Auditor(Matcher(store), wanted.least)
        files = _files(wanted.path)
        for path in files:
            lock = None
            try:
                text = read_text(path)
                lock = read_lock(path.as_posix(), text)
                refuse_unknown_version(lock.form, text, "have its own tool update it")
                await _fix_one(found, LockFile(path, text, lock), auditor, (wanted, context, folder))
            except (ConflictError, InvalidConfigError, NotFoundError, UnsupportedError) as error:
                # One file that cannot be fixed must not keep the others from it, nor hide that it is there.
                if len(files) == 1 and not lenient:
                    raise
                if lock is None:
                    found.unread.append(error.message)
                    found.malformed = True
                else:
                    _leave(found, path, lock, auditor, f"{error.message}; have its own tool update it.")
            except UNREACHED as error:
                context.remaining()  # what took all of its time ends the call
                if lock is None or (len(files) == 1 and not lenient):
                    raise
                _leave(found, path, lock, auditor, told(error))
    return found


def outermost_first(folder: Path) -> list[Path]:
    """Return the lock files of a folder, as `lock_files` does, but first what others may be the modules of: these are changed with it."""
    return sorted(lock_files(folder), key=lambda one: len(one.parts))


def _files(path: str) -> list[Path]:
    folder = Path(path)
    if is_root(folder) or is_image(folder):
        raise UnsupportedError(
            f"{path}: what is installed in a root or an image is not changed here", path="path", found="a root, or an image of a container",
            expected=_CHANGED,
            suggestions=["see with audit what is vulnerable, and where; what a distribution has packed is updated with the command that it names",
                "build the image anew"],
        )  # fmt: skip
    files = outermost_first(folder) if folder.is_dir() else [folder]
    if not files:
        raise NotFoundError(
            f"{path}: there is no lock file", path="path", found="none", expected=_CHANGED, suggestions=["name the file"]
        )  # fmt: skip
    return files


async def _fix_one(found: Fix, file: LockFile, auditor: Auditor, asked: tuple[FixParams, Context, Path | None]) -> None:
    path, text, lock = file
    wanted, context, folder = asked
    found.digests[str(path)] = digest_of(text)
    if lock.form not in _WAYS:
        raise UnsupportedError(
            f"{path}: a {lock.form} is not changed", path="path", found=lock.form, expected=_CHANGED,
            suggestions=["have its own tool update what is vulnerable: outrider packages audit PATH"],
        )  # fmt: skip
    ecosystem, fixed = _WAYS[lock.form]
    said = {"this fix": PackagePolicySpec(advisories=AdvisoryRule(least=wanted.least, max_age=wanted.max_age))}
    # Opened even where nothing is vulnerable: advisories that are too old know of nothing.
    with opened_policies(ecosystem, said, context.clock.now()) as vulnerable:
        call = Call(context, wanted, folder, wanted.python, wanted.manifest, auditor, vulnerable)
        await fixed(found, file, call)


def _leave(found: Fix, path: Path, lock: Lock, auditor: Auditor, reason: str) -> None:
    """Tell of a file that is not changed what of it is vulnerable, and why it stays."""
    unfixed = [
        Vulnerable(name=one.name, version=one.version, vulnerabilities=one.ids, reasons=[reason])
        for one in auditor.units(lock)
    ]
    if lock.form == POM and not unfixed:
        # What a pom.xml comes to is known once it is resolved, and not before.
        found.unread.append(reason)
    if unfixed:
        found.told.append(FixedFile(file=str(path), changes=[], manifest=[], fixed=[], unfixed=unfixed, warnings=[]))
