"""Which version of package-lock.json npm would write: https://docs.npmjs.com/cli/v11/using-npm/config#lockfile-version."""

from pathlib import Path

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.writing.package_lock import FORMS, NEWEST_FORM
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.resolving.questions import Question

_SETTING = "lockfile-version"
_LOCK = "package-lock.json"


def package_lock_form(before: str | None, question: Question, folder: Path) -> int:
    """Return the version that settings name, else that of the file that is there; of the first version npm makes the newest.

    Args:
        before: The file that is there; None where there is none.
        question: Has the variables that may name it.
        folder: Of the project.

    Raises:
        InvalidConfigError: The file cannot be read.
        UnsupportedError: It is a version that is not written.
    """
    named = NpmSettings(question.environment, folder, NpmProgram()).value(_SETTING)
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
