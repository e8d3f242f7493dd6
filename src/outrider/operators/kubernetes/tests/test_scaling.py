"""The examples are those of "Horizontal Pod Autoscaling" in the documentation of Kubernetes, section "Algorithm details" and after."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Duration
from outrider.core.schema import convert
from outrider.operators.kubernetes.behavior import Behavior
from outrider.operators.kubernetes.scaling import Autoscaler, Goal, Settings, simulate
from outrider.operators.kubernetes.tests.calls import Shop

# Never whole: the controller's own arithmetic, with floats, may round those up.
LOADS = st.lists(st.integers(0, 499).map(lambda tenths: tenths / 10 + 0.05), min_size=1, max_size=40)


def settings(least: int = 1, most: int = 100, goals: dict[str, Goal] | None = None, **behavior: Any) -> Settings:
    rules = convert(behavior, Behavior)
    return Settings(least=least, most=most, goals=goals or {"cpu": Goal(1.0)}, behavior=rules)


def followed(of: Settings, loads: list[float | None], replicas: int = 1, *, every: float = 15.0) -> list[int]:
    scaler = Autoscaler(of, replicas)
    return [scaler.look(index * every, {"cpu": load}) for index, load in enumerate(loads)]


@pytest.mark.parametrize(
    ("replicas", "value", "target", "desired"),
    # Twice the target doubles the replicas, half of it halves them; within a tenth nothing changes.
    [(2, 200, 100, 4), (4, 50, 100, 2), (5, 109, 100, 5), (5, 91, 100, 5), (5, 112, 100, 6), (5, 88, 100, 5), (10, 88, 100, 9)],
)  # fmt: skip
def test_the_ratio_of_value_and_target_counts(replicas: int, value: int, target: int, desired: int) -> None:
    of = settings(goals={"cpu": Goal(target, request=1.0)}, scaleDown={"stabilizationWindowSeconds": 0})
    assert followed(of, [value / 100 * replicas], replicas) == [desired]


@given(LOADS, st.integers(1, 5), st.integers(0, 10), st.integers(1, 200))
def test_replicas_stay_within_their_bounds(loads: list[float], least: int, more: int, replicas: int) -> None:
    found = followed(settings(least, least + more), list(loads), replicas)
    assert all(least <= one <= least + more for one in found)


@given(LOADS)
def test_at_rest_there_are_as_many_as_the_load_needs(loads: list[float]) -> None:
    load = loads[-1]
    found = followed(settings(most=1000), [*loads, *[load] * 60], 1)[-1]
    needed = max(1, math.ceil(load))
    # It rests where the load is within the tolerance.
    assert abs(load / found - 1) <= 0.1 + 1e-9 or found == needed


@given(LOADS, st.integers(0, 10))
def test_a_higher_load_never_has_fewer_replicas_with_policies_out_of_the_way(loads: list[float], more: int) -> None:
    free = [{"type": "Pods", "value": 1000, "periodSeconds": 15}]
    of = settings(most=1000, scaleUp={"policies": free, "tolerance": 0}, scaleDown={"policies": free, "tolerance": 0})
    low, high = followed(of, list(loads)), followed(of, [load + more for load in loads])
    assert all(one <= other for one, other in zip(low, high, strict=True))


@given(LOADS)
def test_after_a_rise_nothing_falls_for_five_minutes(loads: list[float]) -> None:
    found = followed(settings(), list(loads))
    for index, replicas in enumerate(found[1:], 1):
        if replicas > found[index - 1]:
            assert min(found[index : index + 20]) >= replicas


def test_a_fall_waits_for_five_minutes_and_a_rise_does_not() -> None:
    found = followed(settings(), [4.0, *[1.0] * 25])
    assert found[0] == 4
    assert found.index(1) == 20, "20 looks, 300 s later"
    assert followed(settings(scaleDown={"stabilizationWindowSeconds": 60}), [4.0, *[1.0] * 9]).index(1) == 4
    late = followed(settings(scaleUp={"stabilizationWindowSeconds": 60}), [1.0, *[3.0] * 6])
    assert late == [1, 1, 1, 1, 3, 3, 3]


@pytest.mark.parametrize(
    ("policies", "select", "expected"),
    [
        # 100 % or 4 pods in 15 s, whichever is more: the default.
        ([], None, [5, 10, 20, 40, 50]),
        ([{"type": "Pods", "value": 4, "periodSeconds": 60}], None, [5, 5, 5, 5, 9]),
        ([{"type": "Percent", "value": 10, "periodSeconds": 15}, {"type": "Pods", "value": 2, "periodSeconds": 15}], "Min", [2, 3, 4, 5, 6]),
        ([], "Disabled", [1, 1, 1, 1, 1]),
    ],
)  # fmt: skip
def test_a_rise_is_as_fast_as_its_policies(policies: list[Any], select: str | None, expected: list[int]) -> None:
    rules: dict[str, Any] = {"policies": policies, **({"selectPolicy": select} if select else {})}
    assert followed(settings(scaleUp=rules), [50.0] * 5) == expected


def test_a_fall_is_as_fast_as_its_policies() -> None:
    # Of 80: 10 % in a minute, or 4 pods; the greater change counts until 40, where both are the same.
    policies = [
        {"type": "Pods", "value": 4, "periodSeconds": 60},
        {"type": "Percent", "value": 10, "periodSeconds": 60},
    ]
    of = settings(scaleDown={"policies": policies, "stabilizationWindowSeconds": 0})
    assert followed(of, [10.0] * 4, 80, every=60) == [72, 64, 57, 51]
    slow = settings(scaleDown={"policies": policies, "selectPolicy": "Min", "stabilizationWindowSeconds": 0})
    assert followed(slow, [10.0] * 3, 80, every=60) == [76, 72, 68]


def test_of_several_metrics_the_highest_counts_and_one_that_is_unknown_keeps_it_from_falling() -> None:
    of = settings(goals={"cpu": Goal(1.0), "requests": Goal(100.0)}, scaleDown={"stabilizationWindowSeconds": 0})
    scaler = Autoscaler(of, 4)
    assert scaler.look(0, {"cpu": 2.0, "requests": 600.0}) == 6
    assert scaler.look(15, {"cpu": 2.0}) == 6
    assert scaler.look(30, {"cpu": 8.0, "requests": None}) == 8
    assert scaler.look(45, {}) == 8
    assert scaler.look(60, {"cpu": 2.0, "requests": 100.0}) == 2


def test_shares_are_whole_percents_as_the_controller_counts_them() -> None:
    assert Goal(50, request=0.25).ratio(0.27725, 1) == 2.2
    assert Goal(50, request=0.25).ratio(0.5, 2) == 2.0


def test_a_history_is_followed_and_gaps_are_not_known() -> None:
    outcome = simulate(settings(), [(0.0, {"cpu": 1.0}), (60.0, {"cpu": 4.0}), (600.0, {"cpu": 1.0})], 1, longest=120.0)
    assert dict(outcome.replicas)[45.0] == 1
    assert dict(outcome.replicas)[60.0] == 4
    assert len(outcome.replicas) == 41
    # After 120 s the sample of the sixtieth second is too old.
    assert outcome.unknown == 600 - 180
    assert outcome.over == 15


def test_windows_are_put_into_the_behavior() -> None:
    found = convert({"scaleDown": {"selectPolicy": "Min"}}, Behavior).with_windows(Duration(30), Duration(60))
    assert (found.scale_up.stabilization_window_seconds, found.scale_down.stabilization_window_seconds) == (30, 60)
    assert found.scale_down.select_policy == "Min"
    with pytest.raises(InvalidConfigError, match="scale_down_window"):
        Behavior().with_windows(None, Duration(7200))


@pytest.mark.real
async def test_a_simulation_needs_no_cluster_without_a_target(shop: Shop) -> None:
    samples = [{"time": t, "cpu": 2.0 if t == 600 else 0.4, "pods": 2} for t in range(0, 3601, 300)]
    found = await shop.run("autoscale_simulate", samples=samples, averages={"cpu": 0.5}, cluster="nowhere")
    assert [one.replicas for one in found.items] == [2, 1, 4, 1]
    assert (found.highest, found.lowest, found.changes) == (4, 1, 3)
    assert found.recorded_pod_hours == pytest.approx(2 * found.hours, abs=0.02)
    assert found.fixed_pod_hours == pytest.approx(4 * found.hours, abs=0.02)
    assert found.pod_hours < found.fixed_pod_hours
    for params, path in (
        ({"samples": samples, "cpu_percent": 50}, "target"),
        ({"samples": samples}, "cpu_percent"),
        ({"averages": {"cpu": 1.0}}, "prometheus"),
        ({"samples": samples, "averages": {"queue": 1.0}}, "samples"),
        ({"samples": samples, "averages": {"cpu": 1.0}, "min_replicas": 3, "max_replicas": 2}, "min_replicas"),
        ({"samples": [*samples, {"time": 1e9, "cpu": 1}], "averages": {"cpu": 1.0}}, "samples"),
    ):
        assert (await shop.refused("autoscale_simulate", **params)).path == path
