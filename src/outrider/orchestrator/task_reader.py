"""Takes tasks of AI agents from the queue: each becomes a run once, and is acknowledged when its result is in the queue."""

from typing import Any

from outrider.core.cloudevents import envelope
from outrider.core.codec import decode, digest, encode
from outrider.core.errors import ErrorBody, ExecutionFailedError
from outrider.core.events import SESSION_HEADER, CallAnswer
from outrider.core.schema import convert
from outrider.core.timestamps import timestamp
from outrider.kinds.platform.queue import Queue
from outrider.orchestrator.engine import MAX_POLL_SECONDS, Engine
from outrider.orchestrator.metrics import QueueMetrics
from outrider.orchestrator.queue_names import RESULTS, subject
from outrider.orchestrator.runs import QUEUE_SOURCE
from outrider.orchestrator.wire import TaskRequest, task_input
from outrider.ports.nats.connection import Connection
from outrider.ports.nats.publication import MESSAGE_ID, Message, publish
from outrider.ports.nats.work import Delivery

RESULT_TYPE = "dev.outrider.task."


class TaskReader:
    """Handles the tasks of one AI agent.

    Args:
        engine: Runs them.
        metrics: Counts.
        connection: Where results go.
        queue: Of the platform.
        agent: Name of the agent.
    """

    def __init__(self, engine: Engine, metrics: QueueMetrics, connection: Connection, queue: Queue, agent: str) -> None:
        self._engine, self._metrics = engine, metrics
        self._connection, self._queue, self._agent = connection, queue, agent

    async def take(self, delivery: Delivery) -> None:
        """Have a task run, wait for its end, and publish what came of it.

        Raises:
            OutriderError: It is no task, or the store or the queue is away.
        """
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        request = convert(
            {
                # Where a stream was made anew it counts from 1 again: the time tells its messages from those before.
                "id": digest([self._agent, delivery.subject, delivery.sequence, delivery.stored])[:32],
                "input_data": task_input(decode(delivery.data, Any)),
                "session": headers.get(SESSION_HEADER, ""),
            },
            TaskRequest,
        )
        run = await self._engine.give_task(self._agent, request, QUEUE_SOURCE)
        answer = CallAnswer(run=run)
        while answer.state == "running":
            answer = await self._engine.called(self._agent, run, MAX_POLL_SECONDS, QUEUE_SOURCE)
        await self._tell(headers.get(MESSAGE_ID.lower(), ""), answer)
        self._metrics.task(self._agent, answer.state)

    async def _tell(self, task: str, answer: CallAnswer) -> None:
        """Publish a result; one that the server does not take for its length is told without what makes it so long.

        Raises:
            OutriderError: Not even that is taken.
        """
        stream = self._queue.stream(RESULTS)
        (refused,) = await publish(self._connection, stream, [self._result(task, answer)])
        if refused:
            error = ErrorBody(
                code="EXECUTION_FAILED",
                message=f"the result is too long for the queue: {refused}",
                suggestions=[f"read it on the platform: outrider runs show {answer.run} -o json"],
            )
            short = CallAnswer(run=answer.run, state=answer.state, session=answer.session, error=error)
            (refused,) = await publish(self._connection, stream, [self._result(task, short)])
        if refused:
            raise ExecutionFailedError(f"its result cannot be published: {refused}", found=answer.run)

    def _result(self, task: str, answer: CallAnswer) -> Message:
        data = {
            "result": None,
            **answer.result,
            "error": answer.error,
            "task": task,
            "run": answer.run,
            "session": answer.session,
        }
        now = timestamp(self._engine.clock.now())
        source, kind = f"agent/{self._agent}", f"{RESULT_TYPE}{answer.state}"
        document = envelope(key=answer.run, source=source, kind=kind, time=now, data=data)
        name = subject(self._queue, self._engine.tenant, f"{RESULTS}.{self._agent}")
        return Message(subject=name, data=encode(document), id=answer.run)
