"""An invoker over the sample family, whose clock does not wait."""

from collections.abc import Sequence
from pathlib import Path

from outrider.core.audit import AuditEntry, verify
from outrider.core.identity import Principal
from outrider.core.manifest import read_manifest
from outrider.core.policy import PolicyRule
from outrider.core.registry import Package, Registry
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver, SecretSource
from outrider.runtime.audit import AuditLog, read_chain
from outrider.runtime.context import Environment
from outrider.runtime.invoker import CallOptions, Invoker

_MANIFEST = """
[family]
name = "sample"
title = "Sample"
summary = "Behaves as told"

[[family.operations]]
name = "probe"
effect = "read"
summary = "Read"
timeout = "5s"
max_timeout = "10s"
attempts = 3

[[family.operations]]
name = "poke"
effect = "write"
summary = "Change"
timeout = "5s"
attempts = 3
"""
OWNER = CallOptions(principal=Principal("default", "user", "ana"), owner=True)
STRANGER = CallOptions(principal=Principal("default", "user", "eve", ("oncall",)))


class ImpatientClock(SystemClock):
    """Notes for how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class SampleWorld:
    def __init__(self, state: Path, policies: Sequence[PolicyRule] = ()) -> None:
        self.clock = ImpatientClock()
        self.state = state
        self.environment = Environment(
            clock=self.clock, state=state, secrets=Resolver({"token": SecretSource(env="SAMPLE_TOKEN")})
        )
        self.audit = AuditLog(state / "audit.jsonl", "test", self.clock)
        registry = Registry([Package("tests.runtime.sample", read_manifest(_MANIFEST, "manifest.toml"))])
        self.invoker = Invoker(registry, self.environment, self.audit, policies)

    def attempts(self) -> list[list[str]]:
        path = self.state / "attempts"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def entries(self) -> list[AuditEntry]:
        records = list(read_chain(self.audit.path)) if self.audit.path.exists() else []
        verify(records)
        return [record.entry for record in records]

    def outcomes(self) -> list[tuple[str, str]]:
        return [(entry.phase, entry.outcome) for entry in self.entries()]
