"""A Maven repository: files with their checksums, lists of versions, and what mvn deploy sends.

https://maven.apache.org/repositories/layout.html
"""

import hashlib

from outrider.core.errors import NotFoundError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.maven.serving.checksums import Checksums
from outrider.operators.packages.maven.serving.deploying import Deploying
from outrider.operators.packages.maven.serving.documents import TEXT, XML, checksum, plugin_metadata
from outrider.operators.packages.maven.serving.groups import is_private_group, own_plugins
from outrider.operators.packages.maven.serving.layout import FilePlace, MetadataPlace, read_place
from outrider.operators.packages.maven.serving.learning import Learning
from outrider.operators.packages.maven.serving.upstream import MavenUpstream
from outrider.operators.packages.serving.downloading import Download
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.negotiation import same_tag
from outrider.operators.packages.serving.visits import Visit

_PLAIN = Headers({"content-type": "text/plain; charset=utf-8"})
_MEDIA = {".jar": "application/java-archive", ".pom": XML, ".xml": XML, ".module": "application/json"}
_FRESH, _FOREVER = "max-age=60", "max-age=31536000, immutable"


class MavenServer:
    """Serves the artifacts of a hub.

    Args:
        upstream: Who is asked for what is not private.
        hub: Has them.
    """

    def __init__(self, upstream: MavenUpstream, hub: Hub) -> None:
        self.hub = hub
        self._checksums = Checksums(hub.store.blobs)
        self._learning = Learning(hub, upstream)
        self._deploying = Deploying(hub, self._learning, self._checksums)

    async def answer(self, visit: Visit) -> Response:
        found = read_place(visit.segments)
        match visit.request.method, found:
            case "GET" | "HEAD", [FilePlace() as place, algorithm]:
                return await self._file(visit, place, algorithm)
            case "GET" | "HEAD", [MetadataPlace() as place, algorithm]:
                return await self._metadata(visit, place, algorithm)
            case "PUT", [place, algorithm]:
                await self._deploy(visit, place, algorithm)
                return Response(201)
        raise visit.nothing()

    async def _deploy(self, visit: Visit, place: FilePlace | MetadataPlace, algorithm: str) -> None:
        if isinstance(place, MetadataPlace):
            if algorithm:
                self._deploying.metadata_checksum(visit, place, algorithm)
            else:
                self._deploying.metadata(visit, place)
        elif algorithm:
            await self._deploying.checksum(visit, place, algorithm)
        else:
            await self._deploying.file(visit, place)

    async def _file(self, visit: Visit, place: FilePlace, algorithm: str) -> Response:
        visit.require("read", self.hub.ecosystem, place.name)
        await self._learning.file(place.name, place.version)
        if not algorithm:
            media = _MEDIA.get(place.file[place.file.rfind(".") :], "application/octet-stream")
            return await visit.file(self.hub, place.name, place.key, media)
        found = await self.hub.file(place.name, place.key)
        digest = await found.done() if isinstance(found, Download) else found.digest
        return _small(visit, TEXT, await self._checksums.of(digest, algorithm), _FOREVER)

    async def _metadata(self, visit: Visit, place: MetadataPlace, algorithm: str) -> Response:
        if not self.hub.is_private(place.name) and not place.version:
            plugins = own_plugins(self.hub, place.group, visit.caller)
            if plugins or is_private_group(self.hub, place.group):
                return self._plugins(visit, place, algorithm)
        visit.require("read", self.hub.ecosystem, place.name)
        try:
            await self._learn(place)
            if place.version:
                self.hub.refuse(await self.hub.package(place.name), place.name, place.version)
            return await visit.document(self.hub, place.name, f"{place.kind}.{algorithm}" if algorithm else place.kind)
        except NotFoundError:
            if place.version or not is_private_group(self.hub, place.group):
                raise
        return self._plugins(visit, place, algorithm)

    async def _learn(self, place: MetadataPlace) -> None:
        if self.hub.is_private(place.name):
            return
        if place.version:
            await self._learning.snapshot(place.name, place.version)
        else:
            await self._learning.versions(place.name)

    def _plugins(self, visit: Visit, place: MetadataPlace, algorithm: str) -> Response:
        """Answer with the plugins of a group that is published here."""
        plugins = own_plugins(self.hub, place.group, visit.caller)
        if not plugins:
            # Whoever shows nothing may see more once they do.
            visit.require("read", self.hub.ecosystem, place.name)
            raise NotFoundError(f"maven {place.group}: there is no such artifact here, and no plugin of such a group")
        content = plugin_metadata(plugins)
        return _small(visit, TEXT if algorithm else XML, checksum(algorithm, content) if algorithm else content, _FRESH)

    def refusal(self, status: int, message: str) -> Response:
        # Maven shows the words behind the status, and nothing else.
        challenge = [("www-authenticate", 'Basic realm="packages"')] if status == 401 else []
        return Response(status, Headers([*_PLAIN, *challenge]), f"{message}\n".encode(), reason=message)


def _small(visit: Visit, media: str, content: bytes, age: str) -> Response:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    fields = [("etag", etag), ("cache-control", age)]
    if same_tag(visit.request.headers.get("if-none-match"), etag):
        return Response(304, Headers(fields))
    return Response(200, Headers([("content-type", media), *fields]), content)
