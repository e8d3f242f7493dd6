"""Makes pnpm-lock.yaml from the package.json beside it, and from those of the members of its workspace."""

from pathlib import Path

from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import pnpm_lock
from outrider.operators.packages.manifests.pnpm_project import read_workspace
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question


async def pnpm_lock_made(folder: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    workspace = read_workspace(folder)
    wanted = workspace.asked(question)
    answer = await resolved("npm", wanted) if wanted.packages else Resolved(target="pnpm", packages=[])
    return Made(pnpm_lock.written(workspace.locking(), answer), answer.notes)
