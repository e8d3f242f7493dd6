"""One of several processes leads: a Lease of the cluster says which (coordination.k8s.io/v1)."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from outrider.core.errors import ConflictError, ExecutionFailedError, NotFoundError, OutriderError
from outrider.core.machines.election import Candidate, Record, Terms
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.kube.answers import Object
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.objects import Metadata
from outrider.ports.kube.resources import LEASES
from outrider.ports.kube.tasks import ended, raise_first
from outrider.ports.telemetry import logger

_LOG = logger(__name__)
_MICROSECONDS = "%Y-%m-%dT%H:%M:%S.%fZ"


class Election:
    """One candidate of one Lease.

    Args:
        client: Who is asked; its requests for the Lease are urgent ones.
        name: Of the Lease.
        namespace: Where it is.
        identity: Unique among the candidates, and new for each process.
        terms: How long leadership lasts.
        clock: By whose monotonic time that is measured.
    """

    def __init__(
        self,
        client: KubeClient,
        name: str,
        namespace: str,
        identity: str,
        *,
        terms: Terms | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self._client, self._namespace = client, namespace
        self._clock = clock or SystemClock()
        self._candidate = Candidate(identity, terms)

    @property
    def leads(self) -> bool:
        """Whether this process may act now."""
        return self._candidate.leads(now=self._clock.monotonic())

    @property
    def epoch(self) -> str:
        """What tells this leadership from every other one."""
        return self._candidate.epoch

    async def run(self, lead: Callable[[str], Awaitable[None]]) -> None:
        """Wait to lead, lead as long as that lasts, and wait again, until this is cancelled; then it is released.

        Args:
            lead: Is given the epoch and acts until it is cancelled. It is cancelled before anybody else may lead.
        """
        try:
            while True:
                await self._follow()
                await self._lead(lead)
        finally:
            await asyncio.shield(self._release())

    async def _follow(self) -> None:
        while not self.leads:
            await self._attempt()
            if not self.leads:
                await self._clock.sleep(self._pause())

    async def _lead(self, lead: Callable[[str], Awaitable[None]]) -> None:
        """Act, and renew, until the one ends or the other fails for too long."""
        _LOG.info("leads", extra={"lease": self.name, "epoch": self.epoch})
        acting = asyncio.ensure_future(lead(self.epoch))
        renewing = asyncio.create_task(self._renew())
        guarding = asyncio.create_task(self._guard())
        tasks: list[asyncio.Future[None]] = [acting, renewing, guarding]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Before the Lease is released nothing that acts is left.
            await ended(tasks)
        _LOG.info("leads no longer", extra={"lease": self.name, "epoch": self.epoch})
        raise_first(tasks)
        # What acts has ended by itself: not at once again.
        await self._clock.sleep(self._pause())

    async def _renew(self) -> None:
        while self.leads:
            await self._clock.sleep(self._pause())
            await self._attempt()

    async def _guard(self) -> None:
        """End when leadership does, also while an attempt to renew it waits for its answer."""
        while (left := self._candidate.left(now=self._clock.monotonic())) > 0:
            await self._clock.sleep(left)

    async def _attempt(self) -> None:
        """Read the Lease unless it is known to be ours, and write it where that is wanted; what fails is tried again."""
        try:
            if not self.leads:
                self._candidate.saw(await self._read(), now=self._clock.monotonic())
            await self._write()
        except (ConflictError, NotFoundError):
            # Somebody else has written, or removed it: what is there now says whether we lead.
            with suppress(OutriderError):
                self._candidate.saw(await self._read(), now=self._clock.monotonic())
        except OutriderError as error:
            _LOG.warning("the lease cannot be had", extra={"lease": self.name, "error": error.message})

    async def _write(self) -> None:
        wanted = self._candidate.wanted(now=self._clock.monotonic())
        if wanted == "wait":
            return
        began = self._clock.monotonic()
        record = self._candidate.written(wall=self._clock.now())
        if wanted == "create":
            content = self._content(record)
            made = await self._client.create(LEASES, content, self._namespace, urgent=True, timeout=self._patience)
            record = _record(made.object)
        else:
            record = await self._put(record)
        self._candidate.wrote(record, began=began, now=self._clock.monotonic())

    async def _read(self) -> Record | None:
        try:
            return _record(
                await self._client.get(LEASES, self.name, self._namespace, urgent=True, timeout=self._patience)
            )
        except NotFoundError:
            return None

    async def _release(self) -> None:
        record = self._candidate.released(wall=self._clock.now())
        if record is None:
            return
        with suppress(OutriderError):
            try:
                await self._put(record)
            except ConflictError:
                # A renewal whose answer was not waited for: it is ours all the same.
                there = await self._read()
                if there is not None and there.holder == self._candidate.identity:
                    await self._put(msgspec.structs.replace(record, version=there.version))

    async def _put(self, record: Record) -> Record:
        content = self._content(record)
        return _record((await self._client.replace(LEASES, content, urgent=True, timeout=self._patience)).object)

    def _content(self, record: Record) -> Object:
        metadata = {"name": self.name, "namespace": self._namespace}
        if record.version:
            metadata["resourceVersion"] = record.version
        spec = {
            "holderIdentity": record.holder, "leaseDurationSeconds": max(1, math.ceil(record.duration)), "acquireTime": _time(record.acquired),
            "renewTime": _time(record.renewed), "leaseTransitions": record.transitions,
        }  # fmt: skip
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}

    @property
    def _patience(self) -> float:
        """Seconds for a request: one whose answer is lost must not cost the leadership."""
        return max(0.5, self._candidate.terms.deadline / 2)

    def _pause(self) -> float:
        return self._candidate.terms.retry * random.uniform(0.8, 1.0)  # noqa: S311 - spreads load


class _Spec(msgspec.Struct, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    renew_time: str | None = None
    acquire_time: str | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct):
    metadata: Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)


def _record(content: Object) -> Record:
    try:
        lease = msgspec.convert(content, _Lease)
    except msgspec.ValidationError as error:
        raise ExecutionFailedError(f"the Lease cannot be read: {error}", expected="coordination.k8s.io/v1") from error
    spec = lease.spec
    return Record(
        holder=spec.holder_identity or "", duration=float(spec.lease_duration_seconds or 0), renewed=_seconds(spec.renew_time),
        acquired=_seconds(spec.acquire_time), transitions=spec.lease_transitions or 0, version=lease.metadata.resource_version,
    )  # fmt: skip


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_MICROSECONDS)


def _seconds(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else 0.0
    except ValueError:
        return 0.0
