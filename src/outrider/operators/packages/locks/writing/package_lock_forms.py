"""What npm is told of package-lock.json: its version, what it leaves out, and what is not heeded here.

https://docs.npmjs.com/cli/v11/using-npm/config.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.writing.package_lock import FORMS, NEWEST_FORM
from outrider.operators.packages.npm.choices import refuse_choices, refuse_others
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_SETTING = "lockfile-version"
_LOCK = "package-lock.json"
_WITHOUT_ADDRESSES = "omit-lockfile-registry-resolved"
# What is heeded alone, by the settings that change what a lock has beside what is chosen, or whether npm writes one.
_HEEDED = {
    "format-package-lock": ("true",), "package-lock": ("true",), "save": ("true",), "shrinkwrap": ("true",), "workspaces": ("true", "null"),
}  # fmt: skip


class PackageLockSettings(NamedTuple):
    """What counts for a lock.

    Attributes:
        form: Its version.
        addresses: Whether it has those of packages of registries.
    """

    form: int
    addresses: bool

    def told(self, packages: Iterable[ResolvedPackage]) -> list[ResolvedPackage]:
        """Return packages with what a lock is to have of them."""
        return [one if self.addresses or one.entry.get("link") else _without_address(one) for one in packages]


def package_lock_settings(before: str | None, question: Question, folder: Path) -> PackageLockSettings:
    """Return what counts: the version that settings name, else that of the file that is there; of the first version npm makes the newest.

    Args:
        before: The file that is there; None where there is none.
        question: Has the variables that may name it.
        folder: Of the project.

    Raises:
        InvalidConfigError: The file cannot be read.
        UnsupportedError: It is a version that is not written, or a setting that is not heeded.
    """
    settings = NpmSettings(question.environment, folder, NpmProgram())
    refuse_choices(settings)
    refuse_others(
        settings, _HEEDED, "changes the lock that npm would write", "use npm itself: npm install --package-lock-only"
    )
    addresses = settings.value(_WITHOUT_ADDRESSES) in ("", "false")
    return PackageLockSettings(_form(before, settings.value(_SETTING)), addresses)


def _without_address(one: ResolvedPackage) -> ResolvedPackage:
    entry = {key: value for key, value in one.entry.items() if key != "resolved"}
    return msgspec.structs.replace(one, entry=entry)


def _form(before: str | None, named: str) -> int:
    if named:
        return _checked(_SETTING, named)
    try:
        said = read_json(_LOCK, before).get("lockfileVersion") if before and before.strip() else None
    except InvalidConfigError:
        return NEWEST_FORM  # it is written anew
    return NEWEST_FORM if said in (None, 1) else _checked("lockfileVersion", str(said))


def _checked(path: str, text: str) -> int:
    if text not in map(str, FORMS):
        raise UnsupportedError(
            f"{_LOCK}: its version {text[:20]} is not written", path=path, found=text[:20], expected=" or ".join(map(str, FORMS)),
            suggestions=[f"npm install --package-lock-only --lockfile-version {NEWEST_FORM}"],
        )  # fmt: skip
    return int(text)
