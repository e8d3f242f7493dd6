"""Action: runs an Ansible playbook by a command that the platform allows."""

from __future__ import annotations

import os

from ansible_text import faults, recap, variables
from outrider_plugin import Action, PluginError, Request, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ARGUMENT_LIMIT = 4096  # of host.command_run
LAST_LINES, LAST_CHARACTERS = 5, 1000


class RunPlaybook(Action):
    """The plugin itself cannot start Ansible; `host.command_run` does, under policy and audit, with the arguments it allows."""

    def setup(self) -> None:
        self.name = os.path.basename(self.config["playbook"])  # noqa: PTH119 - pathlib costs memory in every host

    def execute(self, request: Request) -> dict[str, Any]:
        check = request.input.get("check", False)
        arguments = self._arguments(request.input)
        done = self.call_within(request.timeout, "host.command_run", name=self.config["command"], arguments=arguments)
        stdout = done["stdout"]
        hosts = recap(stdout)
        if done["exit_code"] != 0:
            for line in faults(stdout):
                request.log(line)
            raise failure(self.name, done, hosts or {})
        if hosts is None:
            reason = "it was longer than 256 KiB" if done["truncated"] else "another stdout callback is set"
            request.log(f"{self.name}: its output has no recap: {reason}")
        changed = sum(counts["changed"] for counts in (hosts or {}).values())
        return {
            "playbook": self.config["playbook"],
            "check": check,
            "hosts": hosts or {},
            "recap": hosts is not None,
            "changed": changed,
            "duration_ms": done["duration_ms"],
            "summary": f"{self.name}{' (check)' if check else ''} · {worded(hosts, changed)}",
        }

    def _arguments(self, given: dict[str, Any]) -> list[str]:
        """Return the arguments, of which there are always the same, because the allow-list has a pattern for each place."""
        try:
            extra = variables(given.get("extra_vars", {}))
        except (ValueError, RecursionError) as error:
            raise PluginError(f"extra_vars: {error}", code="INVALID_CONFIG") from error
        arguments = [
            f"--inventory={self.config['inventory']}",
            f"--limit={given.get('limit', '')}",
            f"--extra-vars={extra}",
            "--check" if given.get("check", False) else "--tags=all",
            self.config["playbook"],
        ]
        if len(arguments[2]) > ARGUMENT_LIMIT:
            raise PluginError(
                f"extra_vars take {len(arguments[2])} characters as an argument, expected at most {ARGUMENT_LIMIT}",
                code="INVALID_CONFIG",
            )
        return arguments


def worded(hosts: dict[str, dict[str, int]] | None, changed: int) -> str:
    """Return the outcome for people."""
    if hosts is None:
        return "done"
    return f"{len(hosts)} host{'' if len(hosts) == 1 else 's'}, {changed} changed"


def failure(name: str, done: dict[str, Any], hosts: dict[str, dict[str, int]]) -> PluginError:
    """Return the error for a playbook that did not succeed."""
    failed = [host for host, counts in hosts.items() if counts["failed"]]
    unreachable = [host for host, counts in hosts.items() if counts["unreachable"]]
    parts = [f"{word}: {', '.join(some)}" for word, some in (("failed", failed), ("unreachable", unreachable)) if some]
    message = f"{name}: exit status {done['exit_code']}; {'; '.join(parts) or last_lines(done['stderr'])}"
    message = "\n".join([message, *faults(done["stdout"])]) if parts else message
    if unreachable and not failed:
        return PluginError(message, code="UNAVAILABLE", retryable=True)
    return PluginError(message)


def last_lines(text: str) -> str:
    """Return the end of the error output."""
    return "\n".join(text.strip().splitlines()[-LAST_LINES:])[-LAST_CHARACTERS:] or "no recap"


main(RunPlaybook)
