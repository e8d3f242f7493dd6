"""What is kept of an artifact of other repositories: which versions they list, and what was learned of some since."""

import msgspec

from outrider.operators.packages.maven.metadata import SnapshotFile


class Plugin(msgspec.Struct, array_like=True, frozen=True):
    """A plugin that Maven finds by a short name.

    Attributes:
        name: For people.
        prefix: The short name.
        artifact: Its artifact, of the group that lists it.
    """

    name: str
    prefix: str
    artifact: str


class KeptSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """The files of a snapshot, the newest of each kind.

    Attributes:
        asked: When repositories were asked for it, seconds since the epoch.
        updated: When it was built last, as 14 digits.
        files: The newest ones.
    """

    asked: float
    updated: str
    files: list[SnapshotFile]


class KeptArtifact(msgspec.Struct, array_like=True, kw_only=True):
    """What other repositories have of an artifact.

    Attributes:
        versions: That they list.
        latest: What they say of that; empty for nothing.
        release: Likewise.
        updated: When that was written last, as 14 digits.
        plugins: What is said in the same place of a group of that name.
        further: Versions that they have and do not list, as far as somebody has asked for them.
        licences: Of versions whose POM was read.
        snapshots: Of versions for whose files somebody has asked.
    """

    versions: list[str] = []
    latest: str = ""
    release: str = ""
    updated: str = ""
    plugins: list[Plugin] = []
    further: list[str] = []
    licences: dict[str, str] = {}
    snapshots: dict[str, KeptSnapshot] = {}

    def known(self) -> list[str]:
        """Return all versions, each once."""
        return [*dict.fromkeys((*self.versions, *self.further, *self.snapshots))]


# Snapshots are deleted once there is a release.
_SNAPSHOT_SECONDS = 86_400.0
_KEPT = msgspec.msgpack.Decoder(KeptArtifact)


def read_kept(raw: bytes | None) -> KeptArtifact:
    """Return what was kept; of nothing, nothing."""
    return _KEPT.decode(raw) if raw is not None else KeptArtifact()


def written(kept: KeptArtifact) -> bytes:
    """Return the form in which it is kept."""
    return msgspec.msgpack.encode(kept)


def with_learned(raw: bytes | None, before: bytes, now: float) -> bytes | None:
    """Return what repositories say, with what was learned since they said something else.

    Args:
        raw: What they say now; None where they list nothing.
        before: What was kept.
        now: Seconds since the epoch.

    Returns:
        None where nothing is known at all.
    """
    kept, learned = read_kept(raw), read_kept(before)
    snapshots = {version: one for version, one in learned.snapshots.items() if now - one.asked < _SNAPSHOT_SECONDS}
    if raw is None and not learned.further and not snapshots:
        return None
    return written(
        msgspec.structs.replace(kept, further=learned.further, licences=learned.licences, snapshots=snapshots)
    )
