"""Answers questions that are about all machines and a range of versions of Python: what a lock such as uv.lock has."""

from collections.abc import Sequence

from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.universal.forking import ForkingResolver
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.targets import UniversalTarget
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question


def target_of(question: Question) -> UniversalTarget:
    """Return what it is about.

    Raises:
        InvalidConfigError: Its range of versions of Python cannot be used.
    """
    return UniversalTarget(PythonRange.of(PypiDetails.of(question).pythons))


async def resolve(source: PypiSource, asked: Sequence[Need], question: Question) -> Resolved | Impossible:
    """Choose versions, and tell of each what it says it needs and which index has it.

    Raises:
        OutriderError: What an index says.
    """
    details = PypiDetails.of(question)
    lists = [[asked[one] for one in numbers] for numbers in details.lists] or [[*asked]]
    answer = await ForkingResolver(source, PythonRange.of(details.pythons), lists, question).resolve()
    if isinstance(answer, Resolved):
        for one in answer.packages:
            project = source.projects[one.name]
            wheel = project.wheel(project.table.versions.index(one.version))
            one.needs = [need.text() for need in wheel[1].needs] if wheel is not None else []
            one.registry = project.record.index
    return answer
