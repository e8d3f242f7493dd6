"""Takes what mvn deploy sends."""

from outrider.core.errors import OutriderError
from outrider.operators.packages.maven.poms import Pom
from outrider.operators.packages.maven.serving.checksums import Checksums
from outrider.operators.packages.maven.serving.documents import Deployed
from outrider.operators.packages.maven.serving.layout import FilePlace, MetadataPlace
from outrider.operators.packages.maven.serving.learning import Learning
from outrider.operators.packages.maven.serving.plugins import read_plugins
from outrider.operators.packages.maven.serving.publishing import (
    about_file,
    about_pom,
    check_checksum,
    check_digits,
    check_metadata,
    check_place,
    publish,
    read_deployed_pom,
    read_sent_metadata,
    release_of,
    said_in,
    wrong,
)
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.visits import Visit


class Deploying:
    """Takes files.

    Args:
        hub: Has the artifacts.
        learning: Knows the parents of POMs.
        checksums: Of files.
    """

    def __init__(self, hub: Hub, learning: Learning, checksums: Checksums) -> None:
        self._hub, self._learning, self._checksums = hub, learning, checksums

    async def file(self, visit: Visit, place: FilePlace) -> None:
        """Take a file.

        Raises:
            InvalidConfigError: It is not what its name says.
            ConflictError: There is another one of its name.
            OutriderError: Who sends it may not, or it cannot be kept.
        """
        hub, content = self._hub, visit.request.body
        visit.may_change(hub, "publish", place.name, place.version)
        check_place(place)
        about = await self._about(place, content)
        release = release_of(
            place, content, about, blobs=hub.store.blobs, publisher=visit.caller.name, now=hub.clock.now()
        )
        await hub.change(place.name, lambda tables: publish(tables, place.name, release))

    async def _about(self, place: FilePlace, content: bytes) -> Deployed:
        if not place.file.endswith(".pom"):
            return about_file(place, content)
        pom = read_deployed_pom(place, content)
        return about_pom(pom, await self._licence(pom))

    async def _licence(self, pom: Pom) -> str:
        try:
            return await self._learning.licence(pom)
        except OutriderError:
            # Its parent is elsewhere, and cannot be had: that is no fault of who deploys.
            return ""

    async def checksum(self, visit: Visit, place: FilePlace, algorithm: str) -> None:
        """Compare a checksum with that of the file that was sent before it.

        Raises:
            InvalidConfigError: They differ, or there is no such file.
            OutriderError: Who sends it may not.
        """
        self._may_send(visit, place.name)
        releases = self._hub.store.tables.releases(self._hub.ecosystem, place.name)
        found = next((one for one in releases if one.file == place.key), None)
        if found is None:
            raise wrong(f"{place.file}.{algorithm}", "a checksum", "that of a file that was sent before")
        own = await self._checksums.of(found.digest, algorithm)
        check_checksum(visit.request.body, own, f"{place.file}.{algorithm}")

    def metadata(self, visit: Visit, place: MetadataPlace) -> None:
        """Check a list of versions or of plugins; the one that is served is made of what was deployed.

        Raises:
            InvalidConfigError: It is none, or lists what was not deployed.
            OutriderError: Who sends it may not.
        """
        content = visit.request.body
        if not visit.caller.may("publish"):
            self._may_send(visit, place.name)
        root = read_sent_metadata(place, content)
        if root.find("plugins") is None or said_in(root, "artifactId"):
            self._may_send(visit, place.name)
            check_metadata(place, root, content, self._hub.store.tables)
            return
        names = [f"{place.group}:{one.artifact}" for one in read_plugins(content)]
        if not names:
            raise wrong(place.kind, "no plugin with a prefix", "what mvn deploy sends")
        for name in names:
            self._hub.require_private(name)
        # Those of others stand there too.
        if not any(visit.caller.may("publish", f"{self._hub.ecosystem}:{name}") for name in names):
            self._may_send(visit, names[0])

    def metadata_checksum(self, visit: Visit, place: MetadataPlace, algorithm: str) -> None:
        """Check that a checksum is one; what it is of was not kept.

        Raises:
            InvalidConfigError: It is none.
            OutriderError: Who sends it may not.
        """
        if not visit.caller.may("publish"):
            self._may_send(visit, place.name)
        check_digits(visit.request.body, algorithm)

    def _may_send(self, visit: Visit, name: str) -> None:
        """Refuse who may not publish; that is written down for the files alone."""
        visit.require("publish", self._hub.ecosystem, name)
        self._hub.require_private(name)
