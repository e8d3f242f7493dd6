"""Makes bun.lock from the package.json beside it, and those of the members of its workspace."""

from pathlib import Path

from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.making.manifests import folder_of
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import bun_lock
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.manifests.bun_project import asked_of_bun, locking_of
from outrider.operators.packages.manifests.bun_workspace import read_workspace
from outrider.operators.packages.npm.bun.locked import locked_needs
from outrider.operators.packages.resolving.questions import Question


async def bun_lock_made(manifest: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    folder = folder_of(path)
    workspace = read_workspace(manifest, folder)
    old = text_or_none(path) if question.locked else None
    before = locked_needs(read_json(path.name, old, lenient=True)) if old is not None else None
    answer = await resolved("npm", asked_of_bun(workspace, question, folder, before))
    text = bun_lock.written(locking_of(workspace, answer.packages), answer.packages)
    return Made(text, answer.notes)
