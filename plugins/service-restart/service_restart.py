"""Action: asks the agent to restart a service."""

from __future__ import annotations

from outrider_plugin import Action, Request, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ServiceRestart(Action):
    """The plugin itself cannot touch the host; `host.service_restart` does, under policy and audit."""

    def execute(self, request: Request) -> dict[str, Any]:
        service = request.input["service"]
        done = self.call("host.service_restart", service=service)
        request.log(f"{done['manager']} restarted {service}: pid {done['previous_pid']} -> {done['pid']}")
        return {**done, "summary": f"{service} · new pid {done['pid']}"}


main(ServiceRestart)
