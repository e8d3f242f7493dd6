"""Events at a steady rate, each a small JSON document with a number, over keep-alive connections."""

import http.client
import threading
import time
from typing import NamedTuple

TIMEOUT_SECONDS = 10.0


class Post(NamedTuple):
    """One event: when it was sent (monotonic seconds) and how it was answered; status 0 is no answer."""

    number: int
    sent: float
    status: int


class SteadyLoad:
    """Posts events in its own threads; one that gets no answer is not repeated.

    Args:
        port: Where the webhook listens on 127.0.0.1.
        rate: Events per second, over all connections.
        connections: How many take turns; one alone sends an event only when the one before is answered.
    """

    def __init__(self, port: int, *, first: int, count: int, rate: float, connections: int = 1) -> None:
        self._port = port
        self._numbers = range(first, first + count)
        self._interval = 1 / rate
        self._connections = connections
        self._posts: list[Post] = []
        self._threads = [threading.Thread(target=self._post_share, args=(share,)) for share in range(connections)]

    def start(self) -> None:
        """Begin."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def finish(self) -> list[Post]:
        """Wait for the end and return every event in its order."""
        for thread in self._threads:
            thread.join()
        return sorted(self._posts)

    def _post_share(self, share: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_SECONDS)
        for number in self._numbers[share :: self._connections]:
            due = self._began + (number - self._numbers[0]) * self._interval
            time.sleep(max(0.0, due - time.monotonic()))
            sent = time.monotonic()
            self._posts.append(Post(number, sent, _post(connection, number)))
        connection.close()


def _post(connection: http.client.HTTPConnection, number: int) -> int:
    try:
        connection.request("POST", "/event", b'{"n":%d}' % number, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()  # the next request connects again
        return 0
    return response.status
