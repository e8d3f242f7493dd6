"""Makes the lock files of npm's packages from the package.json beside them."""

from pathlib import Path

import msgspec

from outrider.operators.packages.locks.making import yarn
from outrider.operators.packages.locks.making.bun_lock import bun_lock_made
from outrider.operators.packages.locks.making.manifests import folder_of, lock_at, manifest_beside
from outrider.operators.packages.locks.making.pnpm_lock import pnpm_lock_made
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import package_lock
from outrider.operators.packages.locks.writing.package_lock_forms import package_lock_settings
from outrider.operators.packages.manifests.package_json import FORM, TAKEN_BY_NPM, asked, read_manifest
from outrider.operators.packages.manifests.workspaces import read_members
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

FORMS = (
    (r"package-lock\.json", "package-lock.json"),
    (r"yarn\.lock", "yarn.lock"),
    (r"pnpm-lock\.yaml", "pnpm-lock.yaml"),
    (r"bun\.lock", "bun.lock"),
)
USUAL_NAME = "package-lock.json"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    if form == "yarn.lock":
        return await yarn.make(path, question)
    text, folder = manifest_beside(path, FORM, question), folder_of(path)
    if form == "pnpm-lock.yaml":
        return await pnpm_lock_made(folder, question)
    if form == "bun.lock":
        return await bun_lock_made(text, path, question)
    manifest = read_manifest(text, takes=TAKEN_BY_NPM)
    members = read_members(manifest, folder)
    wanted = asked(manifest, question, folder, members)
    settings = package_lock_settings(lock_at(path, question), question, folder)
    answer = await resolved("npm", wanted) if wanted.packages or members else Resolved(target="npm", packages=[])
    documents = {one.place: one.manifest.document for one in members}
    answer = msgspec.structs.replace(answer, packages=settings.told(answer.packages))
    return Made(package_lock.written(manifest.document, answer, folder, members=documents, form=settings.form))
