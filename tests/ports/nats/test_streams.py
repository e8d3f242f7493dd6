import msgspec
import pytest
from nats.js import api

from outrider.core.errors import ConflictError, ExecutionFailedError, NotFoundError
from outrider.ports.nats.connection import Connection, connected
from outrider.ports.nats.publication import Message, publish
from outrider.ports.nats.stored import read_message, read_messages, remove_message
from outrider.ports.nats.streams import StreamSpec, ensure_stream, stream_state
from tests.ports.nats.support import address
from tests.servers.nats import NatsServer

pytestmark = pytest.mark.real
SPEC = StreamSpec(name="A", subjects=["a.>"], retention="limits", max_age=60.0, max_bytes=10**6)


async def test_made_once_and_brought_up_to_date(connection: Connection) -> None:
    await ensure_stream(connection, SPEC)
    await publish(connection, "A", [Message(subject="a.b", data=b"1", id="1")])
    await ensure_stream(connection, msgspec.structs.replace(SPEC, max_bytes=2 * 10**6, max_age=120.0))
    found = await connection.jetstream.stream_info("A")
    assert (found.config.max_bytes, found.config.max_age, found.state.messages) == (2 * 10**6, 120.0, 1)
    assert found.config.duplicate_window == 120.0


async def test_a_stream_of_others_keeps_its_limits(connection: Connection) -> None:
    await connection.jetstream.add_stream(name="A", subjects=["a.>", "other"], max_bytes=5000)
    await ensure_stream(connection, SPEC)
    assert (await connection.jetstream.stream_info("A")).config.max_bytes == 5000


async def test_what_belongs_to_another_stream_is_a_conflict(connection: Connection) -> None:
    await connection.jetstream.add_stream(name="B", subjects=["a.x"])
    with pytest.raises(ConflictError, match="stream A"):
        await ensure_stream(connection, SPEC)
    with pytest.raises(ConflictError, match="stream B"):
        await ensure_stream(connection, msgspec.structs.replace(SPEC, name="B"))
    await connection.jetstream.delete_stream("B")
    await connection.jetstream.add_stream(name="A", subjects=["a.>"], retention=api.RetentionPolicy.WORK_QUEUE)
    with pytest.raises(ConflictError):
        await ensure_stream(connection, SPEC)


async def test_too_much_storage_is_told(connection: Connection) -> None:
    with pytest.raises(ExecutionFailedError, match="stream A"):
        await ensure_stream(connection, msgspec.structs.replace(SPEC, replicas=3))


async def test_a_server_without_jetstream_is_told() -> None:
    with NatsServer() as server:
        async with connected(address(server)) as connection:
            with pytest.raises(ExecutionFailedError, match="no JetStream"):
                await ensure_stream(connection, SPEC)


async def test_single_messages(connection: Connection) -> None:
    await ensure_stream(connection, SPEC)
    await publish(
        connection,
        "A",
        [Message(subject=f"a.{n % 2}", data=b"%d" % n, id=str(n), headers={"x": "y"}) for n in range(6)],
    )
    found = await read_messages(connection, "A", "a.1", after=2, limit=5)
    assert [(message.sequence, message.data) for message in found] == [(4, b"3"), (6, b"5")]
    one = await read_message(connection, "A", 4)
    assert (one.subject, one.headers["x"]) == ("a.1", "y")
    await remove_message(connection, "A", 4)
    for call in (read_message, remove_message):
        with pytest.raises(NotFoundError):
            await call(connection, "A", 4)
    assert [message.sequence for message in await read_messages(connection, "A", "a.1", after=0, limit=2)] == [2, 6]
    with pytest.raises(ExecutionFailedError):
        await stream_state(connection, "NONE")
