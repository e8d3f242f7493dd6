"""What a Pipfile would take: https://pipenv.pypa.io/en/latest/indexes.html."""

from collections.abc import Iterator

from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.manifests import pipfile_sources
from outrider.operators.packages.updating.strangers.machine import Machine, variables_taken

FILES = (pipfile_sources.FORM,)
LOCKS = ("Pipfile.lock",)


def taken(text: str, machine: Machine) -> Iterator[str]:
    """Yield what a file would take; the errors are those of reading it."""
    yield from variables_taken(pipfile_sources.variables_in(read_toml(pipfile_sources.FORM, text)), machine)
