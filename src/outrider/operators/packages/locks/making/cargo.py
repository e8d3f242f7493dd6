"""Makes Cargo.lock from the Cargo.toml beside it, and from those that this leads to."""

from pathlib import Path

import msgspec

from outrider.operators.packages.cargo.lock_source import lock_source
from outrider.operators.packages.locks.cargo import kept_of
from outrider.operators.packages.locks.making.manifests import beside, folder_of
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import cargo
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.cargo import FORM
from outrider.operators.packages.manifests.cargo_workspace import asked, read_workspace
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"Cargo\.lock", "Cargo.lock"),)
USUAL_NAME = "Cargo.lock"


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    found = read_workspace(beside(path, FORM, question))
    kept = kept_of(read_text(path) if question.locked else "")
    question = msgspec.structs.replace(question, locked=kept.versions)
    answer = await resolved("cargo", asked(found, question, folder_of(path), kept.commits))
    needed = cargo.names_usual(found.names, answer)
    source = await lock_source(question.environment, question.cache) if needed else ""
    return Made(cargo.written(found.names, answer, source, found.form), answer.notes)
