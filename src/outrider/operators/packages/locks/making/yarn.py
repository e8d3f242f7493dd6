"""Makes yarn.lock from the package.json beside it."""

from pathlib import Path

import msgspec

from outrider.operators.packages.locks import yarn
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import yarn_classic
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.manifests.package_json import FORM, asked, read_manifest
from outrider.operators.packages.resolving.questions import Question


async def make(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    manifest = read_manifest(manifest_beside(path, FORM, question), "yarn1")
    before = text_or_none(path) if question.locked else None
    wanted = msgspec.structs.replace(
        asked(manifest, question, folder_of(path)), client="yarn1", packages=[f"{one.name}@{one.range}" for one in manifest.wishes],
        pinned=yarn.entries_of(before) if before else {},
    )  # fmt: skip
    return Made(yarn_classic.written((await resolved("npm", wanted)).packages))
