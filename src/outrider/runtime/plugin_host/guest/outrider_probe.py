"""For triggers that ask a server again and again: one deadline for each look, whatever hangs. Standard library only."""

from __future__ import annotations

import threading
import time

from outrider_config import length
from outrider_plugin import PluginError, Trigger

# A type checker takes this for true. Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GRACE_SECONDS = 0.25  # a look keeps its deadline by itself and then knows more than that it is late


class Probing(Trigger):
    """A trigger that looks every `config.every`, for at most `config.timeout`, and reports another state than the last.

    Attributes:
        every: Seconds between two looks.
        timeout: Seconds for one look.
    """

    def setup(self) -> None:
        self.every, self.timeout = length(self.config, "every"), length(self.config, "timeout")
        self._state = ""
        self._found: dict[str, Any] = {}
        self._done = threading.Event()
        self._done.set()

    def look(self, deadline: float) -> dict[str, Any]:
        """Return `state`, `detail` and what else the event's data has.

        Runs on a thread of its own: the resolution of a name has no deadline and cannot be interrupted.

        Args:
            deadline: Time of the monotonic clock by which it must be done.

        Raises:
            OSError, ValueError: The server is not there, or says nothing that can be used.
        """
        raise NotImplementedError

    def down(self, detail: str) -> dict[str, Any]:
        """Return what `look` would for a server that cannot be asked."""
        raise NotImplementedError

    def report(self, found: dict[str, Any]) -> None:
        """Send the event of a new state; `found` has `latency_ms` besides."""
        raise NotImplementedError

    def take(self, found: dict[str, Any]) -> None:
        """Compare what a look has found with what is known."""
        if found["state"] != self._state:
            self._state = found["state"]
            self.report(found)

    def late(self) -> str:
        """Return what is said of a look that was not done in time."""
        return f"no answer within {self.config['timeout']}"

    def run(self) -> None:
        due = time.monotonic()
        while not self.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.every, time.monotonic())
            found = self._look_in_time()
            if self.stopping:
                return
            self.take(found)

    def stop(self) -> None:
        super().stop()
        self._done.set()

    def _look_in_time(self) -> dict[str, Any]:
        if self._done.is_set() and not self.stopping:
            self._found = self._timed(self.down("the look failed; the plugin's log says why"), time.monotonic())
            self._done.clear()
            threading.Thread(target=self._look, daemon=True).start()
        if not self.stopping and not self._done.wait(self.timeout + GRACE_SECONDS):
            return self._timed(self.down(f"no answer within {self.config['timeout']}"), time.monotonic() - self.timeout)
        return self._found

    def _look(self) -> None:
        began = time.monotonic()
        try:
            self._found = self._timed(self._answer(began + self.timeout), began)
        finally:
            self._done.set()

    def _answer(self, deadline: float) -> dict[str, Any]:
        try:
            return self.look(deadline)
        except TimeoutError:
            return self.down(self.late())
        except ConnectionRefusedError:
            return self.down("connection refused")
        except (OSError, ValueError) as error:
            return self.down(str(error))

    @staticmethod
    def _timed(found: dict[str, Any], began: float) -> dict[str, Any]:
        return {**found, "latency_ms": round((time.monotonic() - began) * 1000, 1)}


def address(text: str, field: str) -> tuple[str, int]:
    """Return host and port of an address such as `127.0.0.1:80` or `[::1]:80`.

    Args:
        text: The address.
        field: Name in the configuration, for the error.

    Raises:
        PluginError: There is no such port.
    """
    host, _, port = text.rpartition(":")
    if not 1 <= int(port) <= 65535:
        raise PluginError(f"config.{field} has the port {port}, expected 1 to 65535", code="INVALID_CONFIG")
    return host.strip("[]"), int(port)


def left(deadline: float) -> float:
    """Return the seconds until a deadline.

    Raises:
        TimeoutError: It is over.
    """
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
