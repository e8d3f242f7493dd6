"""Makes Cargo.lock from the Cargo.toml beside it, and from those that this leads to."""

from pathlib import Path

import msgspec

from outrider.operators.packages.cargo.lock_source import lock_source
from outrider.operators.packages.locks.making.manifests import beside, folder_of
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import cargo
from outrider.operators.packages.manifests.cargo import FORM
from outrider.operators.packages.manifests.cargo_workspace import read_workspace
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"Cargo\.lock", "Cargo.lock"),)
USUAL_NAME = "Cargo.lock"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    found = read_workspace(beside(path, FORM, question))
    asked = [one.text() for one in found.wishes]
    answer = await resolved(
        "cargo", msgspec.structs.replace(question, packages=asked, local=found.packages, folder=folder_of(path))
    )
    source = await lock_source(question.environment, question.cache) if found.wishes else ""
    warnings = ["Cargo prefers versions for the version of Rust here (resolver 3), and that was not looked at"]
    text = cargo.written(found.names, answer, source, found.form)
    return Made(text, warnings if found.heeds_rust else [])
