"""Streams of JetStream: made where they are missing, brought up to date where they are ours, left alone where they are not."""

from typing import Literal

import msgspec
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from outrider.core.errors import ConflictError, ExecutionFailedError, OutriderError
from outrider.ports.nats.connection import FAULTS, Connection, translate

MANAGED_BY = "outrider"
_MARK = {"managed-by": MANAGED_BY}
# JetStream is not enabled: at all, and for the account. Without either nobody answers, which has no code.
_SWITCHED_OFF = (10076, 10039)
NAME_IN_USE, SUBJECTS_OVERLAP = 10058, 10065
# In which a message of a known id is not stored again.
DUPLICATE_SECONDS = 600.0


class StreamSpec(msgspec.Struct, kw_only=True, frozen=True):
    """A stream as it should be.

    Attributes:
        subjects: What it holds.
        retention: `limits` keeps messages until they are old, `workqueue` until they are done.
        max_age: Seconds; 0 without limit.
        max_bytes: Of the whole stream; where it is full, a work queue refuses and others lose their oldest.
        replicas: Servers of the cluster that hold it.
    """

    name: str
    subjects: list[str]
    retention: Literal["limits", "workqueue"]
    max_age: float = 0.0
    max_bytes: int
    replicas: int = 1


class StreamState(msgspec.Struct, kw_only=True):
    """What a stream holds now."""

    name: str
    messages: int
    size: int


async def ensure_stream(connection: Connection, spec: StreamSpec) -> None:
    """Make a stream, or bring it up to date; check that one that others made holds the subjects.

    A stream that others made keeps its limits.

    Raises:
        ConflictError: The name or a subject belongs to another stream.
        OutriderError: The server refuses it.
    """
    wanted = _config(spec)
    try:
        try:
            found = (await connection.jetstream.stream_info(spec.name)).config
        except NotFoundError:
            await connection.jetstream.add_stream(wanted)
            return
        ours = (found.metadata or {}).get("managed-by") == MANAGED_BY
        holds = ours or set(spec.subjects) <= set(found.subjects or [])
        if not holds or found.retention != wanted.retention:
            raise _conflict(spec, f"it holds {', '.join(found.subjects or [])} with retention {found.retention}")
        if ours and _differs(found, wanted):
            await connection.jetstream.update_stream(wanted)
    except FAULTS as error:
        raise refusal(error, connection, spec) from error


async def stream_state(connection: Connection, name: str) -> StreamState:
    """Return what a stream holds.

    Raises:
        OutriderError: There is none, or the server does not say.
    """
    try:
        state = (await connection.jetstream.stream_info(name)).state
        return StreamState(name=name, messages=state.messages, size=state.bytes)
    except FAULTS as error:
        raise translate(error, connection.name) from error


def refusal(error: Exception, connection: Connection, spec: StreamSpec) -> OutriderError:
    """Return our error for what a server says to a stream."""
    if not isinstance(error, APIError):
        return translate(error, connection.name)
    if error.err_code in (NAME_IN_USE, SUBJECTS_OVERLAP):
        return _conflict(spec, str(error.description))
    if error.err_code in (None, *_SWITCHED_OFF):
        return ExecutionFailedError(
            f"queue {connection.name}: the server has no JetStream for this account", found=str(error.description or "no answer"),
            expected="JetStream with file storage", suggestions=["switch JetStream on for the account"],
        )  # fmt: skip
    return ExecutionFailedError(
        f"queue {connection.name}: stream {spec.name}: {error.description}", found=str(error.description),
        expected=f"a stream of {spec.max_bytes} bytes on {spec.replicas} servers",
        suggestions=["give the account more storage, or make the stream yourself with what it may have"],
    )  # fmt: skip


def _config(spec: StreamSpec) -> api.StreamConfig:
    work = spec.retention == "workqueue"
    return api.StreamConfig(
        name=spec.name,
        subjects=spec.subjects,
        retention=api.RetentionPolicy.WORK_QUEUE if work else api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW if work else api.DiscardPolicy.OLD,
        storage=api.StorageType.FILE,
        max_age=spec.max_age,
        max_bytes=spec.max_bytes,
        num_replicas=spec.replicas,
        duplicate_window=min(DUPLICATE_SECONDS, spec.max_age or DUPLICATE_SECONDS),
        metadata=_MARK,
    )


def _differs(found: api.StreamConfig, wanted: api.StreamConfig) -> bool:
    compared = ("subjects", "max_age", "max_bytes", "num_replicas")
    return any(getattr(found, field) != getattr(wanted, field) for field in compared)


def _conflict(spec: StreamSpec, found: str) -> ConflictError:
    return ConflictError(
        f"stream {spec.name}: the server has it for something else", found=found,
        expected=f"{', '.join(spec.subjects)} with retention {spec.retention}",
        suggestions=["choose another `prefix` in Platform.spec.queue", f"remove the stream {spec.name} if nobody needs it"],
    )  # fmt: skip
