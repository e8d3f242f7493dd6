"""How an npm registry is opened."""

import re
from functools import partial

from outrider.operators.packages.npm.client import NpmClient
from outrider.operators.packages.npm.program import npm_program
from outrider.operators.packages.npm.serving.documents import build
from outrider.operators.packages.npm.serving.server import NpmServer
from outrider.operators.packages.npm.serving.upstream import NpmUpstream
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.serving.opening import Opened, Surroundings, or_nobody

# Names of before 2015 may have capitals and `!~*'()`: https://github.com/npm/validate-npm-package-name
_NAME = re.compile(r"(?:@(?![._])[\w!~*'().-]+/(?!\.)|(?![._]))[\w!~*'().-]+", re.ASCII)


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""
    program = await npm_program(surroundings.environment, surroundings.cache)

    def upstream() -> NpmUpstream:
        settings = NpmSettings(surroundings.environment, surroundings.folder, program)
        return NpmUpstream(NpmClient(settings, surroundings.clock))

    return Opened(
        or_nobody(upstream), partial(build, surroundings.base), partial(NpmServer, surroundings.base), _NAME.fullmatch
    )
