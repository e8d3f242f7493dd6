"""Makes the lock files of Python's packages."""

from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.making.manifests import beside, folder_of
from outrider.operators.packages.locks.making.pipfile import pipfile_lock_made
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import pylock, requirements, uv
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.uv_asking import asked_by
from outrider.operators.packages.manifests.uv_fetching import read_whole
from outrider.operators.packages.manifests.uv_settings import refuse_around
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.discovery import import_module

FORMS = (
    (r"uv\.lock", "uv.lock"),
    (r"poetry\.lock", "poetry.lock"),
    (r"Pipfile\.lock", "Pipfile.lock"),
    (r"pylock(\.[^.]+)?\.toml", "pylock.toml"),
    (r".*\.txt", "requirements.txt"),
)
USUAL_NAME = "requirements.txt"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    if form == "uv.lock":
        return await _uv_lock(path, question)
    if form == "poetry.lock":
        return await _poetry_lock(path, question)
    if form == "Pipfile.lock":
        return await pipfile_lock_made(path, question)
    if not question.packages:
        raise InvalidConfigError(
            "packages: nothing is asked for", path="packages", found="none", expected="packages", suggestions=["name packages"]
        )  # fmt: skip
    if form == "requirements.txt":
        requirements.refuse_handwritten(path, text_or_none(path) or "")
    answer = await resolved("pypi", msgspec.structs.replace(question, files=True))
    return Made(pylock.written(answer) if form == "pylock.toml" else requirements.written(answer))


async def _uv_lock(path: Path, question: Question) -> Made:
    manifest, folder = beside(path, FORM, question), folder_of(path)
    refuse_around(folder, question.environment)
    before = read_toml(path.name, text_or_none(path) or "") if question.locked else {}
    workspace, _ = await read_whole(manifest, question, before)
    answer = await resolved("pypi", asked_by(workspace, question, folder, before))
    return Made(uv.written(workspace, answer), answer.notes)


async def _poetry_lock(path: Path, question: Question) -> Made:
    # Poetry's own library is imported where it is asked for alone.
    making = import_module("outrider.operators.packages.locks.making.poetry", extra="packages")
    made: Made = await making.poetry_lock_made(path, question)
    return made
