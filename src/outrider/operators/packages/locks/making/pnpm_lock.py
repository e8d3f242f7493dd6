"""Makes pnpm-lock.yaml from the package.json beside it."""

from pathlib import Path

from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import pnpm_lock
from outrider.operators.packages.manifests.package_json import NpmManifest
from outrider.operators.packages.manifests.pnpm_project import asked_of_pnpm
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question


async def pnpm_lock_made(manifest: NpmManifest, folder: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    wanted = asked_of_pnpm(manifest, question, folder)
    answer = await resolved("npm", wanted) if manifest.wishes else Resolved(target="pnpm", packages=[])
    return Made(pnpm_lock.written(manifest.document, answer), answer.notes)
