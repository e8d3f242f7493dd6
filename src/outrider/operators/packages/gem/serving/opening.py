"""How a source of gems is opened."""

import re
from functools import partial

from outrider.core.errors import OutriderError
from outrider.operators.packages.gem.client import GemClient
from outrider.operators.packages.gem.program import ruby_program
from outrider.operators.packages.gem.serving.documents import build
from outrider.operators.packages.gem.serving.server import GemServer
from outrider.operators.packages.gem.serving.source_lists import SourceLists
from outrider.operators.packages.gem.serving.upstream import GemUpstream
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.serving.opening import NobodyBehind, Opened, Surroundings

# `Gem::Specification::VALID_NAME_PATTERN`, without what means a folder.
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]+")


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""
    clock = surroundings.clock
    program = await ruby_program(surroundings.environment, surroundings.cache)
    try:
        registries = GemSettings(surroundings.environment, surroundings.folder).registries(program.sources)
    except OutriderError as error:
        return Opened(NobodyBehind(error), build, partial(GemServer, None), _NAME.fullmatch)
    client = GemClient([Downloads(one, clock) for one in registries])
    lists = SourceLists(client, surroundings.cache / "gem" / "lists", clock)
    return Opened(GemUpstream(client, lists), build, partial(GemServer, lists), _NAME.fullmatch)
