"""Makes poetry.lock from the pyproject.toml beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import poetry
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.manifests.poetry_settings import refuse_poetry_settings
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.poetry.project import PoetryManifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question


async def poetry_lock_made(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    project = PoetryManifest(read_toml(FORM, manifest_beside(path, FORM, question)))
    folder = folder_of(path)
    refuse_poetry_settings(folder, question.environment)
    before = read_toml(path.name, text_or_none(path) or "") if question.locked else {}
    answer = await resolved("pypi", asked_of_poetry(project, question, folder, before))
    return Made(poetry_lock_text(project, answer), answer.notes)


def asked_of_poetry(project: PoetryManifest, question: Question, folder: Path, before: Mapping[str, Any]) -> Question:
    """Return the question for what a project of Poetry needs on all machines, with all files.

    Args:
        project: Which.
        question: What may be used for an answer.
        folder: Of the project, whose settings count.
        before: The lock whose versions are tried first; an empty one where there is none.
    """
    return msgspec.structs.replace(
        question, client="poetry", packages=[one.text for one in project.asked], folder=folder, files=True,
        details=PypiDetails(project=project.document, lock=before),
    )  # fmt: skip


def poetry_lock_text(project: PoetryManifest, answer: Resolved) -> str:
    """Return the lock of a project."""
    return poetry.written(
        answer.packages,
        extras=project.extras,
        pythons=project.package.python_versions,
        content_hash=project.content_hash,
    )
