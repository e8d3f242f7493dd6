"""How a Maven repository is opened."""

import re
from functools import partial

from outrider.operators.packages.maven.client import MavenClient
from outrider.operators.packages.maven.program import maven_program
from outrider.operators.packages.maven.project import project_repositories
from outrider.operators.packages.maven.serving.documents import build
from outrider.operators.packages.maven.serving.kept import with_learned
from outrider.operators.packages.maven.serving.server import MavenServer
from outrider.operators.packages.maven.serving.upstream import MavenUpstream
from outrider.operators.packages.maven.settings import MavenSettings
from outrider.operators.packages.serving.opening import Opened, Surroundings

# GROUP:ARTIFACT, of which the group becomes folders; of a file at the top of a repository there is none.
_NAME = re.compile(r"(?:[\w-]+(?:\.[\w-]+)*)?:(?!\.)[\w.-]+", re.ASCII)


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""
    upstream = MavenUpstream(partial(_clients, surroundings), surroundings.clock)
    return Opened(upstream, build, partial(MavenServer, upstream), _NAME.fullmatch, carry=with_learned)


async def _clients(surroundings: Surroundings) -> list[MavenClient]:
    program = await maven_program(surroundings.environment, surroundings.cache)
    settings = MavenSettings(surroundings.environment, program, without=surroundings.base)
    further = project_repositories(surroundings.folder, settings.properties, settings.named)
    return [MavenClient(one, surroundings.clock) for one in settings.repositories(further)]
