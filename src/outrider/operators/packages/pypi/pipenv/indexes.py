"""Which indexes are asked for packages of a Pipfile.

A source with the address of PyPI stands for the index of everybody: PIPENV_PYPI_MIRROR takes its place, and else what the settings of
this machine name in its place for uv and pip. Any other source is asked itself. As with Pipenv, a package comes from the source that it
names, and from the first one where it names none.
"""

from collections.abc import Mapping
from pathlib import Path

from outrider.operators.packages.manifests.pipfile import Pipfile
from outrider.operators.packages.manifests.pipfile_sources import FORM, PipfileSource, expanded
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.settings import is_index_of_everybody, pypi_registries, pypi_registry
from outrider.operators.packages.pypi.uv_indexes import UvIndex
from outrider.operators.packages.registries.registry import Registry

_MIRROR = "PIPENV_PYPI_MIRROR"


def pipfile_indexes(
    pipfile: Pipfile, environment: Mapping[str, str], folder: Path
) -> tuple[list[Registry], dict[str, list[Registry]]]:
    """Return the indexes that are asked for any package, and those for single ones by their normalised names.

    Args:
        pipfile: Of the project.
        environment: Variables of this process.
        folder: Of the project.

    Raises:
        InvalidConfigError: An address or a setting cannot be used.
    """
    known = {one.name: _registries(one, environment, folder) for one in pipfile.sources}
    named = {normalised(one.name): known[one.index] for one in pipfile.asked if one.index}
    return known[pipfile.sources[0].name], named


def _registries(source: PipfileSource, environment: Mapping[str, str], folder: Path) -> list[Registry]:
    if not is_index_of_everybody(source.url):
        return [pypi_registry(UvIndex(expanded(source.url, environment)), str(folder / FORM), environment)]
    if environment.get(_MIRROR):
        return [pypi_registry(UvIndex(environment[_MIRROR]), _MIRROR, environment)]
    return pypi_registries(environment, folder)
