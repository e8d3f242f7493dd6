"""Makes Cargo.lock from the Cargo.toml beside it."""

from pathlib import Path

import msgspec

from outrider.operators.packages.cargo.lock_source import lock_source
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import cargo
from outrider.operators.packages.manifests.cargo import FORM, read_manifest
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"Cargo\.lock", "Cargo.lock"),)
USUAL_NAME = "Cargo.lock"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    manifest = read_manifest(manifest_beside(path, FORM, question))
    asked = msgspec.structs.replace(question, packages=[one.text() for one in manifest.wishes], folder=folder_of(path))
    answer = await resolved("cargo", asked) if manifest.wishes else Resolved(target="cargo", packages=[])
    source = await lock_source(question.environment, question.cache) if manifest.wishes else ""
    warnings = ["Cargo prefers versions for the version of Rust here (resolver 3), and that was not looked at"]
    text = cargo.written(manifest.name, manifest.version, answer, source, manifest.form)
    return Made(text, warnings if manifest.heeds_rust else [])
