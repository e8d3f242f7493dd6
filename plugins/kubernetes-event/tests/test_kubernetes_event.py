from typing import Any

import pytest

from outrider.core.errors import UnavailableError
from tests.plugins.harness import refusal, running, until

FAST = {"calm": "20ms", "every": "20ms", "namespace": "shop"}


def seen(uid: str, *, meets: bool = True, gone: bool = False, reason: str = "CrashLoopBackOff") -> dict[str, Any]:
    values = {"reason": reason, "message": "back-off"} if meets else {}
    return {
        "target": f"pod/{uid}", "namespace": "shop", "uid": uid, "meets": meets, "gone": gone, "workload": "deployment/web",
        "labels": {}, "values": values,
    }  # fmt: skip


def told(*items: dict[str, Any], version: str, whole: bool = False) -> dict[str, Any]:
    return {"next": version, "whole": whole, "items": list(items), "objects": len(items), "left_out": 0}


class Cluster:
    """Answers by script, then with nothing new."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, params: dict[str, Any]) -> Any:
        self.asked.append(params)
        return self.answers.pop(0) if self.answers else told(version="9")


async def states(cluster: Cluster, count: int, config: dict[str, Any] = FAST) -> list[tuple[str, str, bool | None]]:
    async with running("kubernetes-event", config, operations={"kubernetes.changes": cluster}) as plugin:
        await plugin.seen(count)
        await until(lambda: len(cluster.asked) > 6)
    return [(event.key, event.data["state"], event.unhealthy) for event in plugin.events]


async def test_what_falls_ill_and_is_well_again() -> None:
    cluster = Cluster(
        told(seen("a"), version="1", whole=True),
        told(seen("b"), version="2"),
        told(seen("a", meets=False), version="3"),
    )
    assert await states(cluster, 3) == [("a", "bad", True), ("b", "bad", True), ("a", "good", False)]
    assert [one["since"] for one in cluster.asked[:4]] == ["", "1", "2", "3"]
    assert (cluster.asked[0]["kind"], cluster.asked[0]["namespace"]) == ("pods", "shop")


async def test_a_crash_that_comes_back_soon_is_one_state() -> None:
    cluster = Cluster(
        told(seen("a"), version="1"), told(seen("a", meets=False), version="2"), told(seen("a"), version="3"),
        told(seen("a", reason="OOMKilled"), version="4"),
    )  # fmt: skip
    found = await states(cluster, 2, {**FAST, "calm": "1h"})
    assert found == [("a", "bad", True), ("a", "bad", True)]


async def test_what_is_gone_is_well_at_once() -> None:
    cluster = Cluster(told(seen("a"), version="1"), told(seen("a", meets=False, gone=True), version="2"))
    assert await states(cluster, 2, {**FAST, "calm": "1h"}) == [("a", "bad", True), ("a", "good", False)]


async def test_a_whole_look_ends_what_is_no_longer_there() -> None:
    cluster = Cluster(told(seen("a"), seen("b"), version="1", whole=True), told(seen("b"), version="7", whole=True))
    assert await states(cluster, 3) == [("a", "bad", True), ("b", "bad", True), ("a", "good", False)]


async def test_a_cluster_that_is_away_heals_nothing() -> None:
    away = UnavailableError("the cluster is away")
    cluster = Cluster(told(seen("a"), version="1"), away, away, away, told(seen("b"), version="2"))
    async with running("kubernetes-event", FAST, operations={"kubernetes.changes": cluster}) as plugin:
        await plugin.seen(2)
    assert [event.data["state"] for event in plugin.events] == ["bad", "bad"]
    assert sum("cannot be followed" in line for line in plugin.lines) == 1
    assert [one["since"] for one in cluster.asked[:5]] == ["", "1", "1", "1", "1"]


async def test_warnings_are_news_only_when_they_come_later() -> None:
    cluster = Cluster(
        told(seen("old"), version="1", whole=True), told(seen("new"), version="2"), told(seen("new"), seen("old"), version="3"),
        told(seen("last"), version="4"),
    )  # fmt: skip
    assert await states(cluster, 2, {**FAST, "watch": "warning"}) == [("new", "bad", False), ("last", "bad", False)]
    assert cluster.asked[0]["kind"] == "events"


@pytest.mark.parametrize(
    "wrong",
    [{"watch": "object"}, {"watch": "object", "kind": "jobs"}, {"kind": "jobs"}, {"condition": "true"}, {"calm": "0s"}],
)
async def test_configurations_that_say_nothing_are_refused(wrong: dict[str, Any]) -> None:
    assert (await refusal("kubernetes-event", wrong)).code == "INVALID_CONFIG"
