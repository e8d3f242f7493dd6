"""Answers questions that are about all machines and a range of versions of Python: what a lock such as uv.lock has."""

from collections.abc import Sequence

from outrider.operators.packages.pypi.asked import read_needs
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.local_projects import by_name, local_records
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.universal.amendments import Amendments
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
    """Choose versions, and tell of each what it says it needs.

    Raises:
        OutriderError: What an index says.
    """
    details = PypiDetails.of(question)
    said = {
        key: read_needs(texts, key, with_markers=True)
        for key, texts in (("constraints", details.constraints), ("overrides", details.overrides))
    }
    amendments = Amendments(**said)
    addresses = {one.name: one.url for one in details.local if one.url}
    source.amended, source.mentioned = lambda needs: amendments.amended(by_name(needs, addresses)), amendments.needs
    source.local = local_records(details.local, asked)
    source.fetched = addresses
    source.places = {one.name: one.place for one in details.local if not one.is_member}
    lists = [[asked[one].on(where) for one, where in numbers] for numbers in details.lists] or [[*asked]]
    lists = [amendments.amended(some) for some in lists]
    return await ForkingResolver(source, PythonRange.of(details.pythons), lists, question).resolve()
