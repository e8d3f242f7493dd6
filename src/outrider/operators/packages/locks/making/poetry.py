"""Makes poetry.lock from the pyproject.toml beside it."""

from pathlib import Path

import msgspec

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import poetry
from outrider.operators.packages.manifests.poetry_settings import refuse_poetry_settings
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.pypi.details import PackageIndex, PypiDetails
from outrider.operators.packages.pypi.poetry.project import PoetryManifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question


async def poetry_lock_made(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    project = PoetryManifest(read_toml(FORM, manifest_beside(path, FORM, question)))
    folder = folder_of(path)
    refuse_poetry_settings(folder, question.environment)
    answer = await resolved("pypi", asked_of_poetry(project, question, folder))
    return Made(poetry_lock_text(project, answer), answer.notes)


def asked_of_poetry(project: PoetryManifest, question: Question, folder: Path) -> Question:
    """Return the question for what a project of Poetry needs on all machines, with all files."""
    return msgspec.structs.replace(
        question, client="poetry", packages=[one.text for one in project.asked], folder=folder, files=True,
        details=PypiDetails(
            project=project.document, index=project.sources.usual.url,
            indexes=[PackageIndex(name=name, url=one.url) for name, one in project.sources.named.items()],
        ),
    )  # fmt: skip


def poetry_lock_text(project: PoetryManifest, answer: Resolved) -> str:
    """Return the lock of a project."""
    return poetry.written(
        answer.packages,
        extras=project.extras,
        pythons=project.package.python_versions,
        content_hash=project.content_hash,
        sources=project.sources,
    )
