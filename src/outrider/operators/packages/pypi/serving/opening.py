"""How a Python index is opened."""

import re

from outrider.operators.packages.pypi.serving.documents import build
from outrider.operators.packages.pypi.serving.server import PypiServer
from outrider.operators.packages.pypi.serving.upstream import PypiUpstream
from outrider.operators.packages.pypi.settings import pypi_registries
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.serving.opening import Opened, Surroundings, or_nobody

# Normalised: https://packaging.python.org/en/latest/specifications/name-normalization/
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""

    def upstream() -> PypiUpstream:
        registries = pypi_registries(surroundings.environment, surroundings.folder)
        return PypiUpstream([Downloads(one, surroundings.clock) for one in registries])

    return Opened(or_nobody(upstream), build, PypiServer, _NAME.fullmatch)
