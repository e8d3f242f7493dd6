"""Makes yarn.lock from the package.json beside it, of Yarn 1 or of Yarn 4."""

import re
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

# What tells which Yarn has written a lock, of which all else cannot be read.
_HEADING = re.compile(r"^# yarn lockfile v1$|^__metadata:\n(?: .*\n)+", re.MULTILINE)


async def make(path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    text, before = manifest_beside(path, FORM, question), text_or_none(path) or ""
    if question.anew:
        heading = _HEADING.search(before)
        before = heading[0] if heading is not None else ""
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
