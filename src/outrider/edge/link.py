"""The agent's side of the agent protocol: one method per call, each with a deadline."""

from outrider.core.agent_config import AgentConfig
from outrider.core.events import (
    CallAnswer,
    CallRequest,
    Event,
    EventBatch,
    EventOutcome,
    EventOutcomes,
    Heartbeat,
    HeartbeatAnswer,
    Instruction,
    LeaseAnswer,
    LeaseRequest,
    LogAnswer,
    LogBatch,
    LogLine,
    PollAnswer,
    Result,
    ResultAnswer,
)
from outrider.ports.http.client import Client

POLL_SECONDS = 30.0
CALL_SECONDS = 10.0


class Link:
    """Calls to the orchestrator.

    Args:
        client: HTTP client with the agent's certificate.
        agent: The agent's name.
    """

    def __init__(self, client: Client, agent: str) -> None:
        self._client = client
        self._base = f"/agents/v1/{agent}"

    async def config(self) -> AgentConfig:
        """Fetch what the agent is to do."""
        return await self._client.request_json("GET", f"{self._base}/config", None, AgentConfig, timeout=CALL_SECONDS)

    async def heartbeat(self, beat: Heartbeat) -> HeartbeatAnswer:
        """Give a sign of life."""
        path = f"{self._base}/heartbeat"
        return await self._client.request_json("POST", path, beat, HeartbeatAnswer, timeout=CALL_SECONDS)

    async def events(self, events: list[Event]) -> list[EventOutcome]:
        """Deliver events; each is answered for."""
        path = f"{self._base}/events"
        answer = await self._client.request_json("POST", path, EventBatch(events), EventOutcomes, timeout=CALL_SECONDS)
        return answer.outcomes

    async def poll(self, limit: int) -> list[Instruction]:
        """Fetch instructions; waits at the orchestrator until there is one."""
        path = f"{self._base}/instructions?wait={POLL_SECONDS:.0f}&max={limit}"
        answer = await self._client.request_json("GET", path, None, PollAnswer, timeout=POLL_SECONDS + CALL_SECONDS)
        return answer.instructions

    async def call(self, request: CallRequest) -> str:
        """Ask for an operation, and return the run that does it."""
        path = f"{self._base}/calls"
        return (await self._client.request_json("POST", path, request, CallAnswer, timeout=CALL_SECONDS)).run

    async def called(self, run: str) -> CallAnswer:
        """Wait a while for the end of what was asked for."""
        path = f"{self._base}/calls/{run}?wait={POLL_SECONDS:.0f}"
        return await self._client.request_json("GET", path, None, CallAnswer, timeout=POLL_SECONDS + CALL_SECONDS)

    async def cancel_call(self, run: str) -> None:
        """Cancel what was asked for."""
        await self._client.request_json("DELETE", f"{self._base}/calls/{run}", None, CallAnswer, timeout=CALL_SECONDS)

    async def renew(self, instruction: Instruction) -> LeaseAnswer:
        """Renew a claim."""
        path = f"{self._base}/instructions/{instruction.id}/lease"
        body = LeaseRequest(instruction.lease_epoch)
        return await self._client.request_json("POST", path, body, LeaseAnswer, timeout=CALL_SECONDS)

    async def logs(self, instruction: Instruction, first: int, lines: list[LogLine]) -> int:
        """Deliver log lines and return the number of the next."""
        path = f"{self._base}/instructions/{instruction.id}/logs"
        body = LogBatch(instruction.lease_epoch, first, lines)
        answer = await self._client.request_json("POST", path, body, LogAnswer, timeout=CALL_SECONDS)
        return answer.next_sequence

    async def result(self, instruction_id: str, result: Result) -> ResultAnswer:
        """Deliver a result."""
        path = f"{self._base}/instructions/{instruction_id}/result"
        return await self._client.request_json("POST", path, result, ResultAnswer, timeout=CALL_SECONDS)
