"""What sidecars say of themselves gets into the status of their agent."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.controller.definitions import MODEL_PROVIDERS, TOOLS
from outrider.controller.reporting import spent
from outrider.controller.sidecars import Look
from outrider.controller.status import Spending
from outrider.core.http.messages import Request, Response
from outrider.core.units import parse_money
from outrider.ports.http.routing import json_response
from outrider.ports.http.server import Server
from outrider.ports.kube.resources import PODS
from tests.controller.test_agenttypes import PROVIDER, SPEC, controlled, named, put, quiet, ready, server, status
from tests.ports.kube.conftest import until
from tests.servers.kube_api.server import FakeApi

__all__ = ["server"]
MOMENT = "2026-11-29T00:00:00Z"
TOOL = {
    "tool": "sums_add",
    "server": "sums",
    "version": "1.0.0",
    "hash": "ab12",
    "changed": "",
    "calls": 3,
    "failures": 0,
    "seconds": 0.1,
}


class SidecarApi:
    """Answers as a sidecar does."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0
        self.says: dict[str, Any] = {
            "problem": "", "generation": 1, "refused": "", "currency": "USD", "cost": 1_500_000, "wrapper": {"state": "seen"},
            "models": {}, "tools": {"tools": [TOOL], "problems": {}}, "egress": {},
        }  # fmt: skip

    async def answer(self, request: Request) -> Response:
        assert request.path == "/status"
        self.asked += 1
        return json_response(self.says)

    def pod(self, uid: str, version: int = 1) -> dict[str, Any]:
        sidecar = {"name": "sidecar", "ports": [{"name": "admin", "containerPort": self.port}]}
        return {
            "metadata": {"name": f"triage-{uid}", "namespace": "shop", "uid": uid, "labels": {"outrider.dev/agenttype": "triage", "n": str(version)}},
            "spec": {"initContainers": [sidecar], "containers": [{"name": "agent"}]},
            "status": {"phase": "Running", "podIP": "127.0.0.1"},
        }  # fmt: skip


@pytest.fixture
async def sidecar() -> AsyncIterator[SidecarApi]:
    api = SidecarApi()
    web = Server(api.answer)
    api.port = await web.start_tcp("127.0.0.1", 0)
    yield api
    await web.stop(0)


def tools_condition(server: FakeApi) -> tuple[str, str]:
    found = {one["type"]: one for one in status(server).get("conditions", ())}
    one = found.get("ToolsReady", {})
    return one.get("status", ""), one.get("reason", "")


async def test_tools_and_money_stand_in_the_status(server: FakeApi, sidecar: SidecarApi) -> None:
    server.put(named(PODS), sidecar.pod("a"))
    server.put(named(PODS), sidecar.pod("b"))
    server.put(named(TOOLS), {"metadata": {"name": "sums", "namespace": "shop"}, "spec": {"version": "1.0.0", "transport": {"http": {"url": "http://s/mcp"}}}})  # fmt: skip
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, {**SPEC, "tools": [{"server": "sums", "tools": ["add"]}]})
    async with controlled(server):
        await until(lambda: status(server).get("spent", {}).get("amount") == "0.003 USD")
        assert status(server)["discoveredTools"] == [
            {"tool": "sums_add", "server": "sums", "version": "1.0.0", "hash": "ab12"}
        ]
        assert tools_condition(server) == ("True", "AsGranted")
        sidecar.says["tools"]["problems"] = {"sums": "nobody listens"}
        server.put(named(PODS), sidecar.pod("a", 2))
        await until(lambda: tools_condition(server) == ("False", "ServerFails"))
        sidecar.says["tools"] = {"tools": [{**TOOL, "changed": "schema"}], "problems": {}}
        sidecar.says["refused"] = "no route is called 'x'"
        server.put(named(PODS), sidecar.pod("a", 3))
        await until(lambda: tools_condition(server) == ("False", "DefinitionChanged"))
        degraded = next(one for one in status(server)["conditions"] if one["type"] == "Degraded")
        assert (degraded["reason"], "no route is called 'x'" in degraded["message"]) == ("SettingsRefused", True)
        await quiet(server)
    # Another controller counts on, and what is known stays while nobody can be asked.
    sidecar.says["cost"] = 2_000_000
    async with controlled(server):
        await until(lambda: status(server)["spent"]["amount"] == "0.004 USD")
        server.remove(named(PODS), "shop", "triage-a")
        server.remove(named(PODS), "shop", "triage-b")
        await until(lambda: tools_condition(server)[0] == "Unknown")
        assert status(server)["spent"]["amount"] == "0.004 USD"
        assert status(server)["discoveredTools"]


async def test_a_sidecar_that_does_not_answer_is_no_news(server: FakeApi, sidecar: SidecarApi) -> None:
    server.put(named(MODEL_PROVIDERS), PROVIDER)
    put(server, SPEC)
    pod = sidecar.pod("a")
    pod["spec"]["initContainers"][0]["ports"][0]["containerPort"] = 1
    server.put(named(PODS), pod)
    async with controlled(server):
        await until(lambda: ready(server)[0] == "PodsNotReady")
        await quiet(server)
        assert "spent" not in status(server)


@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**12), st.booleans()), max_size=4), max_size=8)
)
def test_what_was_spent_is_counted_once_however_sidecars_come_and_go(rounds: list[list[tuple[str, int, bool]]]) -> None:
    before: Spending | None = None
    sums: dict[str, int] = {}
    total = 0
    for said in rounds:
        looks = {}
        for uid, more, restarts in said:
            if uid in looks:
                continue
            # One that starts anew and has spent more than before in that time cannot be told from one that goes on.
            cost = more % max(sums.get(uid, 0), 1) if restarts else sums.get(uid, 0) + more
            total += cost if restarts and cost < sums.get(uid, 0) else cost - sums.get(uid, 0)
            sums[uid] = cost
            looks[uid] = Look(cost=cost, currency="USD")
        before = spent(before, looks, MOMENT, None)
        if before is not None:
            assert parse_money(before.amount) == (total, "USD")


def test_pods_that_are_gone_are_forgotten_and_what_they_spent_is_not() -> None:
    first = spent(None, {"a": Look(cost=5, currency="USD"), "b": Look(cost=7, currency="USD")}, MOMENT, {"a", "b"})
    assert first == Spending(amount="0.000000012 USD", since=MOMENT, counted={"a": 5, "b": 7})
    after = spent(first, {"b": Look(cost=8, currency="USD")}, "later", {"b"})
    assert after == Spending(amount="0.000000013 USD", since=MOMENT, counted={"b": 8})
    assert spent(after, {}, "later", set()) == after
    assert spent(after, {"b": Look(cost=8, currency="EUR")}, "later", {"b"}) == Spending(amount="0.000000008 EUR", since="later", counted={"b": 8})  # fmt: skip
