"""Makes the text of a lock file from what is asked for, by the name of the file; each ecosystem has a module beside this one."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.making.results import Made
from outrider.operators.packages.resolving.questions import Question


class Maker(Protocol):
    """What an ecosystem brings.

    Attributes:
        FORMS: What a file may be called, as a pattern, and the format that this stands for; the first one that fits counts.
        USUAL_NAME: Of a file where none is given.
    """

    FORMS: tuple[tuple[str, str], ...]
    USUAL_NAME: str

    async def make(self, form: str, path: Path, question: Question) -> Made:
        """Resolve, and return the file."""


def maker_of(ecosystem: str) -> Maker:
    """Return what makes the lock files of an ecosystem."""
    return cast("Maker", import_module(f"outrider.operators.packages.locks.making.{ecosystem}"))


def form_of(ecosystem: str, path: Path) -> str:
    """Return the format of a file that is to be written.

    Raises:
        UnsupportedError: Its ecosystem has none of such a name that can be written.
    """
    known = maker_of(ecosystem).FORMS
    for pattern, form in known:
        if re.fullmatch(pattern, path.name):
            return form
    forms = " or ".join(form for _, form in known)
    raise UnsupportedError(
        f"{path}: no lock file of {ecosystem} that can be written has such a name", path="file", found=path.name, expected=forms,
        suggestions=[f"--file {forms.partition(' ')[0]}"],
    )  # fmt: skip


def files_of(ecosystem: str, path: Path) -> list[Path]:
    """Return the files that are one lock: several where a build of Maven has modules.

    Raises:
        InvalidConfigError: What says so cannot be read.
    """
    files: Callable[[Path], list[Path]] | None = getattr(maker_of(ecosystem), "files", None)
    return files(path) if files is not None else [path]


async def made(ecosystem: str, path: Path, question: Question) -> Made:
    """Resolve, and return the text of a file.

    Args:
        ecosystem: Of the packages.
        path: Where it is to be; its name says the format. A manifest beside it counts where its format is about one.
        question: What is asked for; nothing where a manifest says it.

    Raises:
        UnsupportedError: Its ecosystem has no lock file of such a name that can be written.
        ConflictError: What is asked for cannot be had at once.
        OutriderError: What is wrong with what is asked for, with a manifest or with a registry.
    """
    return await maker_of(ecosystem).make(form_of(ecosystem, path), path, question)
