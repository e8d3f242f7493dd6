"""A platform with a queue, and a client of it that is not ours."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext

from tests.platform.harness import Platform
from tests.platform.hook import Hook
from tests.servers.ports import free_port

INBOX = "outrider.default.inbox"


def declare(hook: Hook, queue: str, spec: str = "") -> None:
    hook.declare("{plugin: recorder, onLost: retry, retry: {attempts: 50, backoff: 200ms}}")
    text = (hook.platform.folder / "outrider.yaml").read_text()
    hook.platform.write(text.replace("spec: {groups:", f"spec: {{{spec}queue: {queue}, groups:"))


def event(number: int) -> bytes:
    body = {"specversion": "1.0", "id": f"n{number}", "source": "ears/hook", "type": "webhook"}
    return json.dumps(body | {"data": {"body": {"number": number}}}).encode()


class Own:
    """The platform's queue, entered as any other client would; without a login it is the embedded one."""

    def __init__(self, platform: Platform, port: int, **login: str) -> None:
        self._platform = platform
        self._login = login
        self.url = f"nats://127.0.0.1:{port}"

    async def connect(self, **options: Any) -> Client:
        password = self._platform.folder / ".outrider" / "queue" / "password"
        login = self._login or {"user": "outrider", "password": password.read_text()}
        return await nats.connect(self.url, **login, **options)

    def run(self, act: Callable[[JetStreamContext], Awaitable[Any]]) -> Any:
        """Do something on a connection for that alone."""

        async def run() -> Any:
            connection = await self.connect()
            try:
                return await act(connection.jetstream())
            finally:
                await connection.close()

        return asyncio.run(run())

    def published(self, stream: str) -> list[dict[str, Any]]:
        """Return the documents that a stream holds."""

        async def read(js: JetStreamContext) -> list[dict[str, Any]]:
            state = (await js.stream_info(stream)).state
            return [json.loads((await js.get_msg(stream, n)).data or b"") for n in range(1, state.last_seq + 1)]

        found: list[dict[str, Any]] = self.run(read)
        return found

    def send(self, *messages: bytes) -> None:
        async def send(js: JetStreamContext) -> None:
            for message in messages:
                await js.publish(INBOX, message)

        self.run(send)


def with_own_queue(hook: Hook) -> Own:
    """Declare a platform that uses everything that an embedded queue offers."""
    port = free_port()
    declare(hook, f'{{embedded: {{listen: "127.0.0.1:{port}"}}, publish: [events, runs], inbox: {{}}}}')
    return Own(hook.platform, port)
