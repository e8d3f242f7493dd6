"""What users see of the queue, and what they do with its dead letters."""

from outrider.core.audit import AuditEntry
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.core.timestamps import timestamp
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.outbox import waiting
from outrider.orchestrator.queue_api import nothing_taken
from outrider.orchestrator.queue_link import QueueLink
from outrider.orchestrator.queue_names import DEAD, INBOX, home_of, streams, subject, tasks_work
from outrider.orchestrator.queue_use import QueueUse
from outrider.orchestrator.wire import DeadLetter, QueueAnswer, QueueStream
from outrider.ports.nats.publication import Message, publish
from outrider.ports.nats.stored import StoredMessage, read_message, read_messages, remove_message
from outrider.ports.nats.streams import stream_state
from outrider.ports.nats.work import ADDED, CUT, DELIVERIES, REASON, SUBJECT

SHOWN = 200
MOST = 500


class QueueDesk:
    """Answers about the queue.

    Args:
        engine: Of the tenant.
        link: The connection.
    """

    def __init__(self, engine: Engine, link: QueueLink) -> None:
        self._engine = engine
        self._link = link

    async def status(self) -> QueueAnswer:
        """Return how the queue does."""
        use, link, tenant = self._engine.world.queue_use, self._link, self._engine.tenant
        if use is None:
            return QueueAnswer(declared=False)
        queue = use.queue
        left = await self._engine.store.read(lambda c: waiting(c, tenant))
        answer = QueueAnswer(
            declared=True, connected=link.connection is not None and not link.state.problem, problem=link.state.problem if use.any else "",
            since=timestamp(link.state.since), publishes=list(queue.publish), waiting=left.messages,
            inbox=subject(queue, tenant, INBOX) if queue.inbox else "", oldest=timestamp(left.oldest) if left.messages else "",
            problems=[f"tasks of {agent}: {problem}" for agent, problem in sorted(link.task_problems.items())],
            tasks={agent: tasks_work(queue, tenant, agent, own).subject for agent, own in use.tasks.items()},
        )  # fmt: skip
        if link.connection is not None:
            answer.server = link.connection.server
            for spec in streams(self._engine.world.platform, use):
                try:
                    state = await stream_state(link.connection, spec.name)
                except OutriderError as error:  # the end of the connection may not be noticed yet
                    answer.problem = answer.problem or error.message
                    break
                answer.streams.append(QueueStream(name=state.name, messages=state.messages, size=state.size))
            answer.dead = sum(stream.messages for stream in answer.streams if stream.name == queue.stream(DEAD))
        return answer

    async def dead_letters(self, *, after: int, limit: int) -> list[DeadLetter]:
        """Return the oldest dead letters with higher numbers than `after`, at most 500.

        Raises:
            OutriderError: The platform has no inbox, or the queue does not answer.
        """
        use, link = self._taken()
        queue = use.queue
        name = subject(queue, self._engine.tenant, DEAD)
        found = await read_messages(link.live(), queue.stream(DEAD), name, after=after, limit=min(limit, MOST))
        return [_letter(message, shortened=True) for message in found]

    async def dead_letter(self, sequence: int) -> DeadLetter:
        """Return a dead letter with all of its data.

        Raises:
            NotFoundError: It is not there, or not any more.
        """
        return _letter(await self._read(sequence), shortened=False)

    async def retry(self, sequence: int, by: str) -> None:
        """Put a dead letter back where it was taken from.

        Raises:
            OutriderError: It is not there, or nothing is taken from there any more, or it is not stored there.
        """
        use, link = self._taken()
        message = await self._read(sequence)
        where = next((text for name, text in message.headers.items() if name.lower() == SUBJECT), "")
        stream = home_of(use, self._engine.tenant, where)
        if not stream:
            raise InvalidConfigError(
                f"dead letter {sequence} was sent to '{where}', which is not the platform's: others who read there would see it twice",
                found=where, expected="the inbox, or a subject of the platform's tasks",
                suggestions=[f"send it again yourself: outrider queue show {sequence}", f"drop it: outrider queue drop {sequence}"],
            )  # fmt: skip
        if CUT in message.headers:
            raise InvalidConfigError(
                f"dead letter {sequence} cannot come again: only its first {len(message.data)} bytes were kept",
                found=f"{message.headers[CUT]} bytes", suggestions=[f"drop it: outrider queue drop {sequence}"],
            )  # fmt: skip
        headers = {name: value for name, value in message.headers.items() if not name.lower().startswith(ADDED)}
        again = Message(
            subject=where, data=message.data, headers=headers, id=f"retry-{sequence}-{message.stored}"
        )  # fmt: skip
        (refused,) = await publish(link.live(), stream, [again])
        if refused:
            raise InvalidConfigError(f"dead letter {sequence}: {refused}")
        await self._remove(sequence, "queue.retry", by)

    async def drop(self, sequence: int, by: str) -> None:
        """Remove a dead letter for good.

        Raises:
            NotFoundError: It is not there, or not any more.
        """
        await self._read(sequence)
        await self._remove(sequence, "queue.drop", by)

    async def _remove(self, sequence: int, action: str, by: str) -> None:
        use, link = self._taken()
        await remove_message(link.live(), use.queue.stream(DEAD), sequence)
        entry = AuditEntry(
            phase="fact", principal=by, action=action, target=f"dead-letter/{sequence}", outcome="ok", details={}
        )
        await self._engine.record(entry)

    async def _read(self, sequence: int) -> StoredMessage:
        use, link = self._taken()
        queue = use.queue
        found = await read_message(link.live(), queue.stream(DEAD), sequence)
        if found.subject != subject(queue, self._engine.tenant, DEAD):
            raise NotFoundError(f"no dead letter {sequence}", found=str(sequence))
        return found

    def _taken(self) -> tuple[QueueUse, QueueLink]:
        use = self._engine.world.queue_use
        if use is None or not use.taken:
            raise nothing_taken()
        return use, self._link


def _letter(message: StoredMessage, *, shortened: bool) -> DeadLetter:
    headers = {name.lower(): value for name, value in message.headers.items()}
    deliveries, text = headers.get(DELIVERIES.lower(), ""), message.data.decode("utf-8", "replace")
    return DeadLetter(
        sequence=message.sequence, stored=message.stored, reason=headers.get(REASON.lower(), ""),
        deliveries=int(deliveries) if deliveries.isdecimal() else 0, data=text[:SHOWN] if shortened else text,
    )  # fmt: skip
