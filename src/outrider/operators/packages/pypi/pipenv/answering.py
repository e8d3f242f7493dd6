"""Answers for a project of Pipenv; few ask for one, and what it takes is imported where somebody does."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.manifests.pipfile import Pipfile
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.pipenv.indexes import pipfile_indexes
from outrider.operators.packages.pypi.pipenv.resolver import PipenvResolver
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.targets import PypiTarget
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question


class Asked(NamedTuple):
    """What is asked, and of whom.

    Attributes:
        pipfile: Of the project.
        target: For what.
        indexes: That are asked.
        named: Those that alone are asked for single projects, by their normalised names.
    """

    pipfile: Pipfile
    target: PypiTarget
    indexes: Sequence[Registry]
    named: Mapping[str, Sequence[Registry]]


def asked_of(question: Question) -> Asked:
    """Return what a question is about.

    Raises:
        InvalidConfigError: The Pipfile or a setting cannot be used.
        UnsupportedError: The Pipfile has what is not read here.
    """
    pipfile = Pipfile(PypiDetails.of(question).project).with_texts(question.packages)
    indexes, named = pipfile_indexes(pipfile, question.environment, question.folder)
    return Asked(pipfile, target_of(question.target or pipfile.python), indexes, named)


async def resolve(source: PypiSource, asked: Asked, question: Question) -> Resolved | Impossible:
    """Choose versions; the errors are those of `PipenvResolver.resolve`."""
    return await PipenvResolver(source, asked.target, question).resolve(asked.pipfile)


def target_of(python: str) -> PypiTarget:
    """Return the target for a version of Python; of a minor version that runs this the one that does, as with Pipenv.

    Raises:
        InvalidConfigError: It is none.
    """
    own = PypiTarget.of("")
    return own if python.count(".") == 1 and own.python.startswith(f"{python}.") else PypiTarget.of(python)
