"""The desk of A2A over a platform that answers as a test says."""

from typing import Any, cast

import pytest

from outrider.core.a2a.protocol import A2aError
from outrider.core.errors import UnavailableError
from outrider.core.events import CallAnswer
from outrider.orchestrator.wire import TaskRequest
from outrider.runtime.client import PlatformClient
from outrider.surfaces.a2a import desk as module
from outrider.surfaces.a2a.desk import A2aDesk
from outrider.surfaces.a2a.requests import Call
from outrider.surfaces.http.a2a import _framed

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SEND = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}}


class Platform:
    """Says `running` so often, and then that it has ended, or fails.

    Attributes:
        asked: Paths and bodies.
    """

    def __init__(self, running: int = 0, error: Exception | None = None) -> None:
        self.running, self.error = running, error
        self.asked: list[tuple[str, Any]] = []

    async def get(self, path: str, _target: Any) -> CallAnswer:
        self.asked.append((path, None))
        self.running -= 1
        if self.running >= 0:
            return CallAnswer(run=RUN, session="c")
        if self.error is not None:
            raise self.error
        return CallAnswer(run=RUN, state="completed", result={"result": "ok"}, session="c")

    async def post(self, path: str, body: Any, _target: Any) -> CallAnswer:
        self.asked.append((path, body))
        return CallAnswer(run=RUN)

    async def connect(self) -> PlatformClient:
        return cast("PlatformClient", self)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)


def desk(platform: Platform) -> A2aDesk:
    return A2aDesk(platform.connect)


async def test_a_message_is_waited_for() -> None:
    platform = Platform(running=3)
    answer: Any = await desk(platform).answer("web", Call("SendMessage", SEND, older=False), lambda: False)
    assert answer["task"]["artifacts"][0]["parts"] == [{"text": "ok"}]
    path, request = platform.asked[0]
    assert path == "/v1/agents/web/tasks"
    assert isinstance(request, TaskRequest)
    assert request.input_data == {"input": "hi"}
    assert len(request.session) == 26, "who names no conversation begins one"
    assert len(platform.asked) == 5


async def test_nobody_waits_for_a_caller_that_has_gone() -> None:
    platform = Platform(running=99)
    answer: Any = await desk(platform).answer(
        "web", Call("SendMessage", SEND, older=False), lambda: len(platform.asked) > 2
    )
    assert answer["task"]["status"]["state"] == "TASK_STATE_WORKING"
    assert len(platform.asked) == 3


@pytest.mark.parametrize("name", ["", "Web", "a/b", "web\n", "web?x", "x" * 64])
async def test_a_name_that_none_has_is_not_asked_for(name: str) -> None:
    platform = Platform()
    with pytest.raises(A2aError, match="no AgentType"):
        await desk(platform).answer(name, Call("SendMessage", SEND, older=False), lambda: False)
    assert platform.asked == []


@pytest.mark.parametrize("older", [True, False])
async def test_a_platform_that_goes_away_in_a_stream(older: bool) -> None:
    call = Call("SendStreamingMessage", SEND, older)
    events: Any = await desk(Platform(running=1, error=UnavailableError("away"))).answer("web", call, lambda: False)
    sent = [piece async for piece in _framed(events, 7, call)]
    assert len(sent) == 2
    assert sent[0].startswith(b'data: {"jsonrpc":"2.0","id":7,"result":')
    assert sent[1].startswith(b'event: error\ndata: {"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"away"')
    assert all(piece.endswith(b"\n\n") for piece in sent)
