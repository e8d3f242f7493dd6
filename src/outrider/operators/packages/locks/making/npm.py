"""Makes the lock files of npm's packages from the package.json beside them."""

from pathlib import Path

from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import package_lock
from outrider.operators.packages.manifests.package_json import FORM, asked, read_manifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"package-lock\.json", "package-lock.json"),)
USUAL_NAME = "package-lock.json"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    manifest = read_manifest(manifest_beside(path, FORM, question), package_lock.TAKES)
    folder = folder_of(path)
    wanted = asked(manifest, question, folder)
    answer = await resolved("npm", wanted) if manifest.wishes else Resolved(target="npm", packages=[])
    return Made(package_lock.written(manifest.document, answer, folder))
