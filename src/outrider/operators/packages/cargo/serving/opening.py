"""How a registry of crates is opened."""

import re
from functools import partial

from outrider.core.errors import OutriderError
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.cargo.serving.documents import build
from outrider.operators.packages.cargo.serving.server import CargoServer
from outrider.operators.packages.cargo.serving.upstream import CargoUpstream
from outrider.operators.packages.cargo.session import registry_of
from outrider.operators.packages.serving.opening import NobodyBehind, Opened, Surroundings
from outrider.operators.packages.serving.upstreams import Upstream

# https://doc.rust-lang.org/cargo/reference/registry-index.html#name-restrictions
_NAME = re.compile(r"[A-Za-z0-9_-]+")


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""
    upstream: Upstream
    try:
        registry = await registry_of(surroundings.environment, surroundings.folder, surroundings.cache)
        upstream = CargoUpstream(CargoClient(registry, surroundings.clock))
    except OutriderError as error:
        upstream = NobodyBehind(error)
    return Opened(upstream, build, partial(CargoServer, surroundings.base), _NAME.fullmatch)
