"""Action: restarts a container by the API of Docker, which Podman has, too."""

from __future__ import annotations

import re
import socket
import time

from container_api import Answer, Endpoint, ask, refusal
from outrider_config import url_server
from outrider_plugin import Action, CancelledError, PluginError, Request, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Any

    Check = Callable[[], None]

# What servers without a version of their own in the answer to /_ping speak: Docker 20.10 and Podman 3.
OLDEST = "1.41"
STOP_SECONDS = 10


class ContainerRestart(Action):
    """One API."""

    def setup(self) -> None:
        if ("url" in self.config) == ("socket" in self.config):
            raise PluginError("config has url and socket, or neither, expected one of them", code="INVALID_CONFIG")
        if "socket" in self.config:
            require_unix_sockets()
            self.endpoint = Endpoint(path=self.config["socket"])
            return
        parts, host, port = url_server(self.config["url"])
        self.endpoint = Endpoint(host=host, port=port, trust=self._trust() if parts.scheme == "https" else None)

    def _trust(self) -> ssl.SSLContext:
        import ssl  # noqa: PLC0415 - 4 MB that plain HTTP does not need

        try:
            context = ssl.create_default_context(cafile=self.config.get("ca"))
            if "certificate" in self.config:
                # No password: never ask for one on a terminal.
                context.load_cert_chain(self.config["certificate"], self.config.get("key"), password="")
        except (OSError, ValueError) as error:
            raise PluginError(
                f"config.ca, config.certificate and config.key cannot be used: {error}", code="INVALID_CONFIG"
            ) from error
        return context

    def execute(self, request: Request) -> dict[str, Any]:
        name = request.input["container"]
        check = self._check(request)
        base = f"/v{self._version(check)}/containers/{name}"
        before = self._inspect(base, name, check)
        request.check()  # nothing is begun yet
        self._ask("POST", f"{base}/restart?t={request.input.get('timeout', STOP_SECONDS)}", check)
        after = self._inspect(base, name, check)
        words = f"{worded(before)} -> {worded(after)}"
        request.log(f"restarted container {name}: {words}")
        if after["status"] != "running":
            raise PluginError(f"container {name} does not run after the restart: {words}")
        return {
            "container": name,
            "id": after.pop("id"),
            "before": {key: value for key, value in before.items() if key != "id"},
            "after": after,
            "summary": f"restarted {name} · {words}",
        }

    def _check(self, request: Request) -> Check:
        end = time.monotonic() + request.timeout

        def check() -> None:
            request.check()
            if self.stopping:
                raise CancelledError
            if time.monotonic() > end:
                raise PluginError(
                    f"no answer from {self.endpoint} within {request.timeout:g} s", code="TIMEOUT", retryable=True
                )

        return check

    def _ask(self, method: str, path: str, check: Check) -> Answer:
        answer = ask(self.endpoint, (method, path), check)
        if not 200 <= answer.status < 300:
            raise refusal(answer)
        return answer

    def _version(self, check: Check) -> str:
        """Return the version that the server speaks; newer ones refuse old versions."""
        version = self._ask("GET", "/_ping", check).version
        return version if re.fullmatch(r"\d{1,3}\.\d{1,3}", version) else OLDEST

    def _inspect(self, base: str, name: str, check: Check) -> dict[str, Any]:
        """Return the container's state.

        Raises:
            PluginError: There is none of this name; an id would pass by policies, which name containers.
        """
        data = self._ask("GET", f"{base}/json", check).data
        found = str(data.get("Name", "")).removeprefix("/")
        state = data.get("State")
        if not found or not isinstance(state, dict):
            raise PluginError(f"{self.endpoint}: the answer has no container's name and state")
        if found != name:
            raise PluginError(f"container is {name!r}, which is an id; expected the name, {found}", code="DENIED")
        health = state.get("Health")
        return {
            "id": str(data.get("Id", "")),
            "status": str(state.get("Status", "")),
            "pid": state.get("Pid") or 0,
            "exit_code": state.get("ExitCode") or 0,
            "started_at": str(state.get("StartedAt", "")),
            "health": str(health.get("Status", "")) if isinstance(health, dict) else "",
        }


def require_unix_sockets() -> None:
    """Raise where no unix socket can be made, which is so in every sandbox."""
    try:
        socket.socket(socket.AF_UNIX).close()
    except OSError as error:
        raise PluginError(
            f"config.socket: the sandbox lets no plugin reach a unix socket ({error.strerror}), expected config.url",
            code="INVALID_CONFIG",
        ) from error


def worded(state: dict[str, Any]) -> str:
    """Return the state for people."""
    if state["pid"]:
        return f"{state['status']}, pid {state['pid']}"
    return f"{state['status']}, exit status {state['exit_code']}"


main(ContainerRestart)
