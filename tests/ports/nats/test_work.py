import asyncio
import itertools
from functools import partial

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError, UnavailableError
from outrider.ports.nats.connection import Connection, connected
from outrider.ports.nats.stored import read_message
from outrider.ports.nats.work import CUT, DELIVERIES, REASON, SUBJECT, Delivery
from tests.ports.nats.support import TASKS, Seen, Working, address, eventually, left, make_streams, put
from tests.servers.nats import NatsServer

pytestmark = pytest.mark.real


@pytest.fixture
async def tasks(connection: Connection) -> Connection:
    await make_streams(connection)
    return connection


async def done(connection: Connection) -> bool:
    return await left(connection) == 0


async def test_each_is_handled_once_and_in_order(tasks: Connection) -> None:
    seen, names = Seen(), [str(number) for number in range(100)]
    await put(tasks, *names)
    async with Working(tasks, seen):
        await eventually(lambda: done(tasks))
    assert seen.texts == names
    assert {delivery.number for delivery in seen.deliveries} == {1}


async def test_a_long_one_stays_with_its_worker(tasks: Connection) -> None:
    async def work(_: Delivery) -> None:
        await asyncio.sleep(3.5)

    seen = Seen(work)
    await put(tasks, "long")
    async with Working(tasks, seen), Working(tasks, seen):
        await eventually(lambda: done(tasks))
    assert len(seen.deliveries) == 1, "more than three times its patience, and nobody else got it"


async def test_what_its_worker_left_goes_to_another(tasks: Connection, server: NatsServer) -> None:
    first = stuck()
    await put(tasks, "a")
    async with connected(address(server)) as other:
        async with Working(other, first):
            await eventually(lambda: has(first, 1))
        seen = Seen()
        async with Working(tasks, seen):
            await eventually(lambda: done(tasks))
    assert [delivery.number for delivery in seen.deliveries] == [2]


async def has(seen: Seen, count: int) -> bool:
    return len(seen.deliveries) >= count


def stuck() -> Seen:
    """Return a handler that never comes to an end."""

    async def wait(_: Delivery) -> None:
        await asyncio.Event().wait()

    return Seen(wait)


async def test_what_may_succeed_later_comes_again_after_growing_pauses(tasks: Connection) -> None:
    async def fail(delivery: Delivery) -> None:
        if delivery.number < 3:
            raise UnavailableError("not yet")

    seen = Seen(fail)
    await put(tasks, "a")
    async with Working(tasks, seen):
        await eventually(lambda: done(tasks))
    pauses = [later - sooner for sooner, later in itertools.pairwise(seen.times)]
    assert pauses[0] > 0.9
    assert pauses[1] > 1.9
    assert await left(tasks, "DEAD") == 0


async def test_what_fails_too_often_is_a_dead_letter(tasks: Connection) -> None:
    async def fail(_: Delivery) -> None:
        raise UnavailableError("never")

    await put(tasks, "a")
    async with Working(tasks, Seen(fail), msgspec.structs.replace(TASKS, deliveries=2)):
        await eventually(lambda: done(tasks))
    letter = await read_message(tasks, "DEAD", 1)
    assert (letter.data, letter.headers[REASON], letter.headers[DELIVERIES]) == (b"a", "never", "2")


async def test_what_fails_for_good_is_a_dead_letter_at_once_and_keeps_its_headers(tasks: Connection) -> None:
    async def fail(_: Delivery) -> None:
        raise InvalidConfigError("no such\r\nthing: é")

    await tasks.jetstream.publish("tasks", b"\xff\0", headers={"colour": "red", "Nats-Msg-Id": "1"})
    async with Working(tasks, Seen(fail)):
        await eventually(lambda: done(tasks))
    letter = await read_message(tasks, "DEAD", 1)
    assert letter.data == b"\xff\0"
    assert letter.headers[REASON] == r"no such thing: \xe9"
    assert (letter.headers[SUBJECT], letter.headers["colour"], letter.headers[DELIVERIES]) == ("tasks", "red", "1")


async def test_what_ends_every_worker_is_a_dead_letter(tasks: Connection, server: NatsServer) -> None:
    queue = msgspec.structs.replace(TASKS, deliveries=2)
    await put(tasks, "poison")
    for _ in range(2):
        victim = stuck()
        async with connected(address(server)) as other, Working(other, victim, queue):
            await eventually(partial(has, victim, 1))
    seen = Seen()
    async with Working(tasks, seen, queue):
        await eventually(lambda: done(tasks))
    assert seen.deliveries == []
    assert "nobody came to an end" in (await read_message(tasks, "DEAD", 1)).headers[REASON]


async def test_no_more_at_once_than_allowed(tasks: Connection) -> None:
    running = most = 0

    async def work(_: Delivery) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    await put(tasks, *map(str, range(50)))
    async with Working(tasks, Seen(work), msgspec.structs.replace(TASKS, concurrency=4)):
        await eventually(lambda: done(tasks))
    assert most == 4


@pytest.mark.parametrize("status", ["active", "503", "404", "408", "409", "100"])
async def test_a_message_that_looks_like_a_word_of_the_server_is_a_message(tasks: Connection, status: str) -> None:
    headers = {"Status": status, "Description": "Consumer Deleted", "Nats-Pending-Messages": "1"}
    await put(tasks, "a", "b")
    await tasks.jetstream.publish("tasks", b"", headers=headers)
    await put(tasks, "c")
    seen = Seen()
    async with Working(tasks, seen, msgspec.structs.replace(TASKS, concurrency=8)):
        await eventually(lambda: done(tasks))
    assert seen.texts == ["a", "b", "", "c"]


async def test_headers_that_cannot_be_sent_again_are_left_out(tasks: Connection) -> None:
    head = "NATS/1.0\r\nname: Jürgen\r\na[b]: x\r\nfine: é\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(*tasks.server.split(":"))
    writer.write(
        b'CONNECT {"headers": true, "verbose": false}\r\nHPUB tasks %d %d\r\n%s\r\n' % (len(head), len(head), head)
    )
    await writer.drain()
    async with Working(tasks, Seen(refuse)):
        await eventually(partial(has_letters, tasks, 1))
    writer.close()
    letter = await read_message(tasks, "DEAD", 1)
    assert all(isinstance(value, str) for value in letter.headers.values())
    assert "a[b]" not in letter.headers
    assert letter.headers["fine"].isascii()
    del reader


async def has_letters(connection: Connection, count: int) -> bool:
    return await left(connection, "DEAD") >= count


async def refuse(_: Delivery) -> None:
    raise InvalidConfigError("no")


async def test_a_letter_that_is_too_long_with_its_reason_is_cut(tasks: Connection) -> None:
    await tasks.jetstream.publish("tasks", b"x" * 65_500)
    async with Working(tasks, Seen(refuse)):
        await eventually(lambda: done(tasks))
    letter = await read_message(tasks, "DEAD", 1)
    assert letter.headers[CUT] == "65500"
    assert 60_000 < len(letter.data) < 65_500


async def test_the_same_again_is_a_dead_letter_again(tasks: Connection) -> None:
    for number in (1, 2):
        await put(tasks, "garbage")
        async with Working(tasks, Seen(refuse)):
            await eventually(partial(has_letters, tasks, number))
        await tasks.jetstream.delete_stream("TASKS")
        await make_streams(tasks)


async def test_where_a_letter_cannot_be_kept_the_message_stays(tasks: Connection) -> None:
    await put(tasks, "a")
    await tasks.jetstream.delete_stream("DEAD")
    async with Working(tasks, Seen(refuse)) as task:
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        with pytest.raises(BaseExceptionGroup):
            await task
    assert await left(tasks) == 1


async def test_headers_that_cannot_be_read_do_not_stop_it(tasks: Connection) -> None:
    reader, writer = await asyncio.open_connection(*tasks.server.split(":"))
    head = b"NATS/1.0\r\n\xff\xfe: \xff\r\n:\r\n\r\n"
    writer.write(b'CONNECT {"headers": true, "verbose": false}\r\n')
    writer.write(b"HPUB tasks %d %d\r\n%s\r\n" % (len(head), len(head) + 1, head + b"x"))
    await writer.drain()
    seen = Seen()
    async with Working(tasks, seen):
        await eventually(lambda: has(seen, 1))
        await put(tasks, "next")
        await eventually(lambda: done(tasks))
    writer.close()
    assert seen.texts == ["x", "next"]
    del reader


async def test_a_consumer_that_is_removed_is_told(tasks: Connection) -> None:
    async with Working(tasks, Seen()) as task:
        await put(tasks, "a")
        await eventually(lambda: done(tasks))
        await tasks.jetstream.delete_stream("TASKS")
        await asyncio.wait({task}, timeout=15)
        assert task.done()
        with pytest.raises(BaseException, match=r"queue|TaskGroup"):
            await task
