import json
import math
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.kubernetes.history import Sample, Track, pods_pattern, recorded, totals_of, tracks_of
from outrider.operators.kubernetes.plots import sparkline
from outrider.operators.kubernetes.sizing import DAY, Histogram, covered, daily_peaks, size_of_cpu, size_of_memory
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.meters import host_of, prometheus
from tests.servers.ports import free_port

VALUES = st.floats(0, 500, allow_nan=False)
POINTS = st.lists(st.tuples(st.integers(0, 8 * 86_400).map(float), VALUES), min_size=1, max_size=60)


@given(POINTS)
def test_sizes_are_ordered_and_cover_what_was_used(points: list[tuple[float, float]]) -> None:
    size = size_of_cpu([Track(container="a", cpu=sorted(points))])
    assert size is not None
    assert 0 <= size.lower <= size.target <= size.upper
    # The end of a bucket that is 5 % wide, and a margin of 15 %.
    assert size.target <= (size.peak * 1.05 + 0.01) * 1.15 + 1e-9
    assert size.samples == len(points)


@given(st.lists(VALUES, min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_percentile_is_the_end_of_a_bucket_that_holds_it(values: list[float], part: float) -> None:
    histogram = Histogram(0.01, 0.0)
    for value in values:
        histogram.add(0.0, value)
    exact = sorted(values)[math.ceil(part * len(values) - 1e-9) - 1]
    found = histogram.percentile(part)
    assert exact * (1 - 1e-9) <= found <= exact * 1.05 + 0.0101


def test_a_sample_counts_half_of_one_of_a_day_later() -> None:
    histogram = Histogram(0.01, DAY)
    histogram.add(0.0, 10.0)
    histogram.add(DAY, 1.0)
    assert histogram.percentile(0.66) == pytest.approx(1.0, rel=0.05)
    assert histogram.percentile(0.67) == pytest.approx(10.0, rel=0.05)
    assert Histogram(0.01, 0.0).percentile(0.5) == 0.0


def test_of_memory_the_peak_of_each_day_counts() -> None:
    points = [(day * DAY + hour * 3600, 5e8 if hour == 3 else 1e8) for day in range(3) for hour in range(24)]
    assert daily_peaks(points) == [(DAY, 5e8), (2 * DAY, 5e8), (3 * DAY, 5e8)]
    size = size_of_memory([Track(container="a", memory=points)])
    assert size is not None
    assert 5e8 * 1.15 <= size.target <= 5e8 * 1.05 * 1.15
    assert size.upper == pytest.approx(size.target * (1 + 1 / size.days))


def test_after_it_was_killed_a_container_gets_more() -> None:
    tracks = [Track(container="a", memory=[(0.0, 1e8), (60.0, 1e8)])]
    before, after = size_of_memory(tracks), size_of_memory(tracks, killed_at=1e9)
    assert before is not None
    assert after is not None
    assert after.upper >= 1.2e9 > before.target
    assert after.peak == 1e8, "what was used stays what was used"


def test_gaps_are_no_history() -> None:
    whole = [[(float(t), 1.0) for t in range(0, 86_400, 300)]]
    assert covered(whole) == pytest.approx(86_100)
    holey = [[point for point in whole[0] if not 20_000 < point[0] < 60_000]]
    assert covered(holey) == pytest.approx(86_100 - 40_200 + 600, abs=300)
    assert covered([[(0.0, 1.0)]]) == 0


def test_samples_are_those_of_one_pod_of_a_container() -> None:
    text = json.dumps([{"time": "2026-11-01T10:01:00Z", "cpu": 0.4, "pods": 4}, {"time": 1793527200, "memory_mib": 64}])
    samples = recorded(text, [Sample(time=1793527320.0, cpu=1.0, container="web")])
    assert [one.at for one in samples] == [1793527200.0, 1793527260.0, 1793527320.0]
    [track] = tracks_of(samples, ["web"])
    assert (track.cpu, track.memory) == ([(1793527260.0, 0.1), (1793527320.0, 1.0)], [(1793527200.0, 64 * 2**20)])
    with pytest.raises(InvalidConfigError, match="names no container"):
        tracks_of(samples, ["web", "proxy"])
    with pytest.raises(InvalidConfigError, match="no container of the workload"):
        tracks_of([Sample(time=0.0, container="wob")], ["web"])
    both = [Sample(time=0.0, cpu=1.0, container="a"), Sample(time=0.0, cpu=2.0, container="b", values={"x": 1.0})]
    assert totals_of(both) == [(0.0, {"cpu": 3.0, "x": 1.0})]


@pytest.mark.parametrize(
    ("text", "words"),
    [("[", "not the JSON"), ('[{"time": "now"}]', "history: .now. is not a time"), ('[{"time": 0, "cpux": 1}]', "cpux"), ('[{"time": 0, "cpu": -1}]', "cpu")],
)  # fmt: skip
def test_a_wrong_history_is_named(text: str, words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words):
        recorded(text, [])


@pytest.mark.parametrize(
    ("points", "width", "line"),
    [
        ([], 5, ""),
        ([(0, 0.0)], 5, "▁"),
        ([(0, 0.0), (1, 3.5), (2, 7.0)], 5, "▁▅█"),
        ([(0, 1.0), (1, None), (2, 1.0)], 5, "█·█"),
        ([(0, 1.0), (1, 7.0), (2, 1.0), (3, 1.0)], 2, "█▂"),
    ],
)
def test_a_history_is_a_line(points: list[Any], width: int, line: str) -> None:
    assert sparkline(points, width=width) == line


@given(st.lists(st.tuples(VALUES, st.none() | VALUES), max_size=50), st.integers(1, 40))
def test_a_line_is_never_longer(points: list[Any], width: int) -> None:
    assert len(sparkline(points, width=width)) <= width


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_the_command_of_a_recommendation_sets_it(shop: Shop) -> None:
    await shop.web()
    hours = [{"time": hour * 3600, "cpu": 0.1, "memory_mib": 60, "pods": 2} for hour in range(36)]
    found = await shop.run("right_size", target="deploy/web", samples=hours)
    cpu, memory = found.items
    assert (found.source, found.days, cpu.confidence) == ("recorded", pytest.approx(1.46, abs=0.01), "fair")
    assert (cpu.request, cpu.limit, cpu.target_limit, cpu.peak) == ("10m", None, None, "50m")
    assert 57 <= int(cpu.target.removesuffix("m")) <= (50 * 1.05 + 10) * 1.15
    assert 34 <= int(memory.target.removesuffix("Mi")) <= 40
    assert 4 * 34 <= int(memory.target_limit.removesuffix("Mi")) <= 4 * 40, "in its proportion to the request"
    assert set(cpu.usage) == {"█"}
    assert (found.series, found.remarks) == ({}, [])
    [command] = found.commands
    words = shlex.split(command.command)
    assert words[:4] == ["outrider", "kubernetes", "set_resources", "deployment/web"]
    options: Any = {name.removeprefix("--").replace("-", "_"): value for name, value in zip(words[4::2], words[5::2], strict=True)}  # fmt: skip
    await shop.run("set_resources", target=words[3], **options)
    await shop.run("autoscale", target="deploy/web", max_replicas=3, cpu_percent=70)
    again = await shop.run("right_size", target="deploy/web", samples=hours, series=True)
    assert [row.request for row in again.items] == [cpu.target, memory.target]
    assert len(again.series["web/cpu"][0]) == 36
    assert ["shares of the requests" in one.message for one in again.remarks] == [True]
    assert (await shop.refused("right_size", target="deploy/web")).path == "prometheus"
    assert (await shop.refused("right_size", target="deploy/web", samples=[{"time": 0}])).code == "NOT_FOUND"
    assert (await shop.refused("right_size", target="deploy/none", samples=hours)).code == "NOT_FOUND"


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_prometheus_has_the_pods_that_are_gone_too(shop: Shop, tmp_path: Path) -> None:
    await shop.web(name="web")
    now = int(time.time())
    times = range(now - 2 * 86_400, now, 120)
    pods = [("web-1aaaa-bbbbb", 0.2), ("web-2cccc-ddddd", 0.2), ("web-other-1aaaa-bbbbb", 7.0), ("website-1a-2b", 7.0)]
    lines = {"container_cpu_usage_seconds": "counter", "container_memory_working_set_bytes": "gauge"}
    history = []
    for metric, kind in lines.items():
        history.append(f"# TYPE {metric} {kind}")
        for pod, cpu in pods:
            labels = f'{{namespace="{shop.namespace}",pod="{pod}",container="web"}}'
            history += [
                f"{metric}{'_total' if kind == 'counter' else ''}{labels} {(t - times[0]) * cpu if kind == 'counter' else 1e8} {t}"
                for t in times
            ]
    with prometheus(tmp_path, host_of(shop), free_port(), history) as address:
        found = await shop.run("right_size", target="deployment/web", prometheus=address, window="2d", series=True)
        cpu, memory = found.items
        assert (cpu.confidence, cpu.peak, memory.peak) == ("fair", "200m", "96Mi")
        assert len(found.series["web/cpu"]) == 2, "of this workload alone"
        simulated = await shop.run("autoscale_simulate", target="deployment/web", max_replicas=50, cpu_percent=100, prometheus=address)  # fmt: skip
        assert (simulated.highest, simulated.unknown_hours) == (40, 0.0)
        assert simulated.recorded_pod_hours == pytest.approx(2 * simulated.hours, rel=0.01)
        nobody = await shop.refused("right_size", target="deployment/web", prometheus=address, matchers='cluster="x"')
        assert nobody.code == "NOT_FOUND"


def test_the_pods_of_a_workload_are_known_by_their_names() -> None:
    assert pods_pattern("statefulset/db.1") == r"db\.1-[0-9]+"
    assert pods_pattern("daemonset/agent") == r"agent-[a-z0-9]+"
