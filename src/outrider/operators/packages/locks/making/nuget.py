"""Makes packages.lock.json from the project beside it, and from those that this needs."""

import re
from pathlib import Path

from outrider.core.errors import ConflictError, NotFoundError
from outrider.operators.packages.locks.making.dotnet import LockedProject
from outrider.operators.packages.locks.making.manifests import beside, folder_of, lock_at
from outrider.operators.packages.locks.making.results import Made, resolved
from outrider.operators.packages.locks.nuget_lock import FORM
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.dotnet_project import SUFFIXES, Projects
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"packages(\..+)?\.lock\.json", FORM),)
USUAL_NAME = FORM


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the file; the errors are those of `making.made`."""
    del form
    project = LockedProject(beside(path, project_name(path), question), lock_at(path, question), Projects(read_text))
    answer = await resolved("nuget", project.asked(question))
    return Made(project.text(answer), [*answer.notes, *project.notes])


def project_name(path: Path) -> str:
    """Return the name of the project file that a lock is of.

    Raises:
        NotFoundError: There is none beside it.
        ConflictError: There are several.
    """
    folder = folder_of(path)
    names = sorted(one.name for one in folder.iterdir() if one.suffix in SUFFIXES) if folder.is_dir() else []
    said = re.fullmatch(r"packages\.(.+)\.lock\.json", path.name)
    if said is not None:
        names = [one for one in names if Path(one).stem.replace(" ", "_") == said[1]]
    if not names:
        raise NotFoundError(
            f"{path}: there is no project beside it", path="file", found="none", expected=f"a file such as app{SUFFIXES[0]}",
            suggestions=["name a file beside a project: --file FOLDER/packages.lock.json"],
        )  # fmt: skip
    if len(names) > 1:
        raise ConflictError(
            f"{path}: there are several projects beside it", path="file", found=", ".join(names), expected="one",
            suggestions=[f"--file {path.parent / f'packages.{Path(names[0]).stem}.lock.json'}"],
        )  # fmt: skip
    return names[0]
