"""Makes Pipfile.lock from the Pipfile beside it."""

from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.making.manifests import folder_of, lock_at, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.pipfile import FORM as LOCK
from outrider.operators.packages.locks.writing import pipfile as writing
from outrider.operators.packages.manifests.pipfile import Pipfile
from outrider.operators.packages.manifests.pipfile_sources import FORM
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.resolving.questions import Question


async def pipfile_lock_made(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    pipfile, before = Pipfile.read(manifest_beside(path, FORM, question)), lock_at(path, question) or ""
    answer = await resolved("pypi", asked_of_pipenv(pipfile, question, folder_of(path), before))
    return Made(writing.written(pipfile, answer.packages, before), answer.notes)


def asked_of_pipenv(pipfile: Pipfile, question: Question, folder: Path, before: str) -> Question:
    """Return the question for what a project of Pipenv needs on this machine, with all files.

    Args:
        pipfile: Of the project.
        question: What may be used for an answer.
        folder: Of the project.
        before: The lock until now; empty for none.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    return msgspec.structs.replace(
        question, client="pipenv", packages=[one.text for one in pipfile.asked], folder=folder, files=True,
        details=PypiDetails(project=pipfile.document, categories=categories_of(before) if before else {}),
    )  # fmt: skip


def categories_of(lock: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the entries of a lock by their categories and names.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    found = {category: entries for category, entries in read_json(LOCK, lock).items() if category != "_meta"}
    for category, entries in found.items():
        tables = entries.items() if isinstance(entries, dict) else [("", entries)]
        for name, entry in tables:
            if not isinstance(entry, dict) or not name:
                shown = f"{category}.{name}".rstrip(".")
                raise InvalidConfigError(
                    f"{LOCK}: {shown} cannot be read", path=shown, found=str(entry)[:80], expected="a table",
                    suggestions=["delete the file, and lock anew"],
                )  # fmt: skip
    return found
