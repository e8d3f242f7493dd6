"""Makes yarn.lock from the package.json beside it, of Yarn 1 or of Yarn 4."""

from pathlib import Path

from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.writing import yarn_berry, yarn_classic
from outrider.operators.packages.locks.writing.files import text_or_none
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.manifests.yarn_workspaces import read_workspace
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.addresses import readdressed
from outrider.operators.packages.yarn.projects import asked, client_of, entries_by_key, form_of


async def make(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    text, before = manifest_beside(path, FORM, question), text_or_none(path) or ""
    form = form_of(path.parent, text, before)
    workspace = read_workspace(path.parent / FORM, text, client_of(form))
    entries = entries_by_key(before)
    wanted = asked(workspace, question, folder_of(path), form, entries if question.locked else None)
    answer = await resolved("npm", wanted)
    if form:
        made = yarn_berry.written(answer.packages, form)
    else:
        made = yarn_classic.written(readdressed(answer.packages, entries, question.environment))
    return Made(made, [*workspace.notes, *answer.notes])
