"""How a source of NuGet is opened."""

import re
from functools import partial

from outrider.operators.packages.nuget.serving.documents import build
from outrider.operators.packages.nuget.serving.server import NugetServer
from outrider.operators.packages.nuget.serving.upstream import NugetUpstream
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.serving.opening import Opened, Surroundings, or_nobody

# `NuGet.Packaging.PackageIdValidator`, in ASCII.
_NAME = re.compile(r"\w+(?:[.-]\w+)*", re.ASCII)


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""

    def upstream() -> NugetUpstream:
        settings = NugetSettings(surroundings.environment, surroundings.folder)
        return NugetUpstream(settings, f"{surroundings.base}/nuget/", surroundings.clock)

    base = surroundings.base
    return Opened(or_nobody(upstream), partial(build, base), partial(NugetServer, base), _NAME.fullmatch)
