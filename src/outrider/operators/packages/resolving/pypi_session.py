"""Resolves Python packages from the indexes of this machine."""

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.index.pypi_store import PypiStore
from outrider.operators.packages.registries.core_metadata import Need, read_need
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.pypi import PypiClient
from outrider.operators.packages.registries.pypi_settings import pypi_registries
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.pypi import PypiResolver
from outrider.operators.packages.resolving.pypi_sources import PypiSource
from outrider.operators.packages.resolving.pypi_targets import PypiTarget
from outrider.operators.packages.resolving.questions import Question

_SHOWN = 80


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions.

    Raises:
        InvalidConfigError: A package is not written as Python writes it, or a setting cannot be used.
        MissingRequirementError: No index is known here.
        OutriderError: What an index says.
    """
    asked = [_read(index, text) for index, text in enumerate(question.packages)]
    target = PypiTarget.of(question.python)
    registries = pypi_registries(question.environment, question.folder)
    downloads = [Downloads(registry, question.clock) for registry in registries]
    store = PypiStore(question.cache, " ".join(registry.url for registry in registries))
    source = PypiSource(PypiClient(downloads), store, target, question.clock, offline=question.offline)
    try:
        return await PypiResolver(source, target, question.check).resolve(asked)
    finally:
        for one in downloads:
            await one.close()
        # What was learned of packages is as true where something else went wrong.
        source.keep()


def _read(index: int, text: str) -> Need:
    need = read_need(text)
    if not need or need[0].marker:
        raise InvalidConfigError(
            f"packages[{index}]: {text[:_SHOWN]!r} is not a package of PyPI", path=f"packages[{index}]", found=text[:_SHOWN],
            expected="NAME, NAME>=1,<2 or NAME[EXTRA]", suggestions=["quote it for your shell, to which < and > mean something"],
        )  # fmt: skip
    return need[0]
