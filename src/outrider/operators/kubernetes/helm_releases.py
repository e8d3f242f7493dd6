"""Releases of Helm in a namespace, read from what Helm keeps of them; no `helm` is needed for that.

Which revisions there are, and their status, is in names and labels: the records, which may be large, are read one by one.
"""

import asyncio
import re
import shlex
from typing import Annotated, Any

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import ConflictError, DeniedError, NotFoundError, UnsupportedError, did_you_mean
from outrider.operators.kubernetes.helm_records import RECORD_TYPE, Record, objects_of, read_record
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.owners import check_owner, owner_of
from outrider.operators.kubernetes.places import Place, Places
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.answers import Page
from outrider.ports.kube.objects import KubeObject
from outrider.ports.kube.resources import CONFIG_MAPS, SECRETS, Resource, query

_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE = 500
_AT_ONCE = 8
_KEY = re.compile(r"sh\.helm\.release\.v1\.(?P<release>.+)\.v(?P<revision>[0-9]{1,9})")
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
_LEFT_OVER = PENDING | {"uninstalling"}
_GOOD = frozenset({"deployed", "superseded"})
ReleaseName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([-.a-z0-9]{0,51}[a-z0-9])?(?!\n)$", examples=["web"])]


class ReleaseParams(Places, kw_only=True):
    """Which release.

    Attributes:
        release: Its name.
    """

    release: ReleaseName

    @property
    def target(self) -> str:
        """As Policies name it."""
        return f"release/{self.release}"


class Revision(msgspec.Struct, frozen=True):
    """A revision of a release, without its record.

    Attributes:
        secret: The Secret that has it.
        uid: Of that.
    """

    place: Place
    release: str
    namespace: str
    number: int
    status: str
    secret: str
    uid: str

    @property
    def words(self) -> str:
        """What a command says to mean its release."""
        cluster = self.place.cluster.name
        more = f" --cluster {shlex.quote(cluster)}" if cluster != "in-cluster" else ""
        return f"{self.release} --namespace {self.namespace}{more}"

    async def object(self) -> Object:
        """Return its Secret.

        Raises:
            NotFoundError: It is gone.
        """
        return await self.place.client.get(SECRETS, self.secret, self.namespace)

    async def record(self) -> Record:
        """Return its record.

        Raises:
            NotFoundError: It is gone.
            UnsupportedError: It cannot be read.
        """
        return read_record(await self.object())


async def all_revisions(place: Place, release: str = "") -> dict[tuple[str, str], list[Revision]]:
    """Return the revisions of releases by namespace and name, the newest first.

    Args:
        place: Where.
        release: Of this one alone.

    Raises:
        UnsupportedError: Helm keeps its records in ConfigMaps there.
    """
    labels = f"owner=helm,name={release}" if release else "owner=helm"
    found: dict[tuple[str, str], list[Revision]] = {}
    for one in await _listed(place, SECRETS, labelSelector=labels, fieldSelector=f"type={RECORD_TYPE}"):
        metadata = one.metadata
        if key := _KEY.fullmatch(metadata.name):
            status = metadata.labels.get("status", "unknown")
            revision = Revision(
                place, key["release"], metadata.namespace, int(key["revision"]), status, metadata.name, metadata.uid
            )
            found.setdefault((revision.namespace, revision.release), []).append(revision)
    if not found and await _in_config_maps(place, labels):
        raise UnsupportedError(
            f"{place.title}: Helm keeps its releases in ConfigMaps there", found="HELM_DRIVER=configmap", expected="Secrets, as is usual",
            suggestions=["use helm itself: HELM_DRIVER=configmap helm list"],
        )  # fmt: skip
    return {key: sorted(found[key], key=lambda one: -one.number) for key in sorted(found)}


async def revisions_of(place: Place, release: str) -> list[Revision]:
    """Return the revisions of a release, the newest first.

    Raises:
        NotFoundError: There is no such release.
        UnsupportedError: Helm keeps its records in ConfigMaps there.
    """
    found = await all_revisions(place, release)
    if found:
        return next(iter(found.values()))
    names = [name for _, name in await all_revisions(place)]
    raise NotFoundError(
        f"{place.title}: there is no release '{release}'", found=release, expected=", ".join(names[:20]) or "none is there",
        suggestions=[*did_you_mean(release, names), "see all of them: outrider kubernetes helm_list --namespace '*'"],
    )  # fmt: skip


async def records_of(revisions: list[Revision]) -> list[tuple[Revision, Record | UnsupportedError]]:
    """Return revisions with their records, or with why these cannot be read; those that are gone meanwhile are left out."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def read(revision: Revision) -> tuple[Revision, Record | UnsupportedError] | None:
        async with slots:
            try:
                return revision, await revision.record()
            except UnsupportedError as error:
                return revision, error
            except NotFoundError:
                return None

    return [one for one in await asyncio.gather(*(read(one) for one in revisions)) if one is not None]


def find_revision(revisions: list[Revision], number: int) -> Revision:
    """Return a revision by its number, the newest for 0.

    Raises:
        NotFoundError: There is none of this number.
    """
    for one in revisions:
        if number in (0, one.number):
            return one
    first = revisions[0]
    raise NotFoundError(
        f"release {first.release} has no revision {number}", path="revision", found=str(number),
        expected=", ".join(str(one.number) for one in revisions), suggestions=[f"outrider kubernetes helm_history {first.words}"],
    )  # fmt: skip


def last_good(revisions: list[Revision]) -> Revision | None:
    """Return the newest revision before the newest one that was once deployed."""
    return next((one for one in revisions[1:] if one.status in _GOOD), None)


def repair(revisions: list[Revision]) -> str:
    """Return the command that mends a release that was left in the middle of a change; empty where none was."""
    newest = revisions[0]
    if newest.status not in _LEFT_OVER:
        return ""
    verb = "helm_rollback" if newest.status in PENDING and last_good(revisions) else "helm_uninstall"
    return f"outrider kubernetes {verb} {newest.words}"


def check_not_stuck(revisions: list[Revision]) -> None:
    """Refuse to change a release that is in the middle of a change.

    Raises:
        ConflictError: It is.
    """
    newest = revisions[0]
    if command := repair(revisions):
        raise ConflictError(
            f"release {newest.release} is {newest.status} at revision {newest.number}: a helm is at work on it, or was killed",
            found=newest.status, expected="a release that is at rest", suggestions=[f"where no helm is at work: {command}"],
        )  # fmt: skip


def check_not_declared(record: Record) -> None:
    """Refuse to change a release that git declares: Flux says so in all its objects.

    Raises:
        ConflictError: It does.
    """
    for one in objects_of(record.manifest):
        check_foreign(one, record.name)


def check_foreign(found: Object, release: str) -> None:
    """Refuse to change an object that another one than its release declares.

    Raises:
        ConflictError: It does.
    """
    owner = owner_of(found)
    if owner is not None and (owner.kind, owner.name) != ("Helm", release):
        check_owner(found, target_of_object(found))


async def _listed(place: Place, resource: Resource, **selectors: str) -> list[KubeObject]:
    """Return the metadata of objects."""
    found: list[KubeObject] = []
    rest = ""
    while True:
        more: dict[str, Any] = {**selectors, "limit": _PAGE, "continue": rest}
        path = resource.path(place.searched) + query(**more)
        page = decode(await place.client.raw(path, shown=f"list {resource.title}", accept=_METADATA), Page)
        found += page.objects()
        rest = page.metadata.rest
        if not rest:
            return found


async def _in_config_maps(place: Place, labels: str) -> bool:
    try:
        found = await _listed(place, CONFIG_MAPS, labelSelector=labels)
    except DeniedError:
        return False
    return any(_KEY.fullmatch(one.metadata.name) for one in found)
