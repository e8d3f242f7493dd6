"""How a repository of Composer is opened."""

from functools import partial

from outrider.core.http.urls import origin
from outrider.operators.packages.composer.client import ComposerClient
from outrider.operators.packages.composer.program import composer_program
from outrider.operators.packages.composer.roots import is_name
from outrider.operators.packages.composer.serving.archives import Archives
from outrider.operators.packages.composer.serving.documents import build
from outrider.operators.packages.composer.serving.repositories import UpstreamRepository
from outrider.operators.packages.composer.serving.server import ComposerServer
from outrider.operators.packages.composer.serving.upstream import Behind, ComposerUpstream
from outrider.operators.packages.composer.settings import ComposerSettings, Place
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.serving.opening import Opened, Surroundings


async def opened(surroundings: Surroundings) -> Opened:
    """Return what the ecosystem brings."""
    upstream = ComposerUpstream(partial(_behind, surroundings))
    server = partial(ComposerServer, surroundings.base, upstream)
    return Opened(upstream, partial(build, surroundings.base), server, is_name)


async def _behind(surroundings: Surroundings) -> Behind:
    environment, clock = surroundings.environment, surroundings.clock
    program = await composer_program(environment, surroundings.cache, clock)
    settings = ComposerSettings(environment, surroundings.folder, program.default, without=surroundings.base)
    places = settings.places()

    def client(place: Place) -> ComposerClient | None:
        if place.packages is not None:
            return None
        return ComposerClient(place.url, partial(_registry, settings, [place]), clock)

    clients = [client(place) for place in places]
    repositories = [UpstreamRepository(*one, clock) for one in zip(places, clients, strict=True)]
    archives = Archives(partial(_registry, settings, places), clock)
    return Behind(repositories, [one for one in clients if one is not None], archives)


def _registry(settings: ComposerSettings, places: list[Place], url: str) -> Registry:
    """Return the registry of an address; what a repository is told is not for other hosts."""
    place = next((one for one in places if one.url and origin(one.url) == origin(url)), places[0])
    headers = place.headers if place.url and origin(place.url) == origin(url) else ()
    return settings.registry(url, place.source, headers)
