import os
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import NotFoundError
from outrider.core.units import parse_size
from tests.plugins.harness import Operation, Running, faults, module, on_this_host, refusal, running, until

CONFIG = {"path": "/data", "for": "30ms", "every": "10ms"}
GB = 10**9


class Disk:
    """A file system of 100 GB and 1000 inodes, as the host measures it."""

    def __init__(self, *, percent: float = 50, inodes_percent: float = 1) -> None:
        self.percent = percent
        self.inodes_percent = inodes_percent

    def operations(self) -> dict[str, Operation]:
        return {"host.disk": self.answer}

    def answer(self, params: dict[str, Any]) -> dict[str, Any]:
        used = round(self.percent * GB)
        inodes_free = round(1000 - 10 * self.inodes_percent)
        disk = {"path": params["path"], "device": "", "type": "", "size": 100 * GB, "used": used}
        disk |= {"free": 100 * GB - used, "percent": self.percent}
        disk |= {"inodes": 1000, "inodes_free": inodes_free, "inodes_percent": self.inodes_percent}
        return {"disks": [disk]}


def states(plugin: Running) -> list[tuple[str, str]]:
    return [(event.data["of"], event.data["state"]) for event in plugin.events]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10, 95, 95, 95], [(0, "normal"), (3, "high")]),
        ([10, 95, 89, 95, 95, 95], [(0, "normal"), (5, "high")]),
        ([95, 95, 95, 80, 80, 80], [(2, "high")]),
        ([95, 95, 95, 70, 71, 70, 70, 70], [(2, "high"), (7, "normal")]),
    ],
)
def test_levels_have_hysteresis_and_last(
    monkeypatch: pytest.MonkeyPatch, values: list[float], expected: list[tuple[int, str]]
) -> None:
    level = module("disk-monitor", "disk_monitor", monkeypatch).Level(90, 70, 2)
    seen = [(second, level.state) for second, value in enumerate(values) if level.changed(value, float(second))]
    assert seen == expected


@pytest.mark.parametrize(
    "text", ["0", "1000", "12B", "3kB", "3KB", "5GB", "5 GB", "1.5TB", "64Mi", "64MiB", "2.5 Gi", "7Ki", "7KiB", "9TiB"]
)
def test_sizes_are_read_as_everywhere_else(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not faults("disk-monitor", {"path": "/", "free_below": text})
    assert module("disk-monitor", "disk_monitor", monkeypatch).size(text) == parse_size(text)


@pytest.mark.real
async def test_it_reports_high_and_normal_space() -> None:
    disk = Disk()
    config = {**CONFIG, "above": 90, "below": 80}
    async with running("disk-monitor", config, operations=disk.operations()) as plugin:
        await plugin.seen(1)
        disk.percent = 93.4
        await plugin.seen(2)
        disk.percent = 85
        calls = len(plugin.calls)
        await until(lambda: len(plugin.calls) > calls + 10)
        disk.percent = 79.9
        await plugin.seen(3)
    assert states(plugin) == [("space", "normal"), ("space", "high"), ("space", "normal")]
    assert [event.unhealthy for event in plugin.events] == [False, True, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "low"]
    assert plugin.events[1].data == {
        "state": "high",
        "of": "space",
        "path": "/data",
        "size": 100 * GB,
        "free": round(6.6 * GB),
        "percent": 93.4,
        "inodes_free": 990,
        "inodes_percent": 1,
        "summary": "/data high: 93 % in use",
    }
    assert plugin.calls[0].params == {"path": "/data"}


@pytest.mark.real
async def test_little_free_space_is_high() -> None:
    disk = Disk(percent=50)
    config = {**CONFIG, "free_below": "5GB", "free_above": "8GB"}
    async with running("disk-monitor", config, operations=disk.operations()) as plugin:
        await plugin.seen(1)
        disk.percent = 95  # 5 GB are left
        await plugin.seen(2)
        disk.percent = 93
        calls = len(plugin.calls)
        await until(lambda: len(plugin.calls) > calls + 10)
        disk.percent = 92
        await plugin.seen(3)
    assert states(plugin) == [("free", "normal"), ("free", "high"), ("free", "normal")]
    assert [event.data["free"] for event in plugin.events] == [50 * GB, 5 * GB, 8 * GB]
    assert plugin.events[1].data["summary"] == "/data high: 5.0 GB free"


@pytest.mark.real
async def test_every_measure_has_a_state_of_its_own() -> None:
    disk = Disk()
    config = {**CONFIG, "above": 90, "free_below": "1GB", "inodes_above": 90, "inodes_below": 50}
    async with running("disk-monitor", config, operations=disk.operations()) as plugin:
        await plugin.seen(3)
        assert set(states(plugin)) == {("space", "normal"), ("free", "normal"), ("inodes", "normal")}
        disk.inodes_percent = 97.5
        await plugin.seen(4)
        disk.percent = 99.5
        await plugin.seen(6)
        disk.inodes_percent = 50
        await plugin.seen(7)
    assert states(plugin)[3] == ("inodes", "high")
    assert set(states(plugin)[4:6]) == {("space", "high"), ("free", "high")}
    assert states(plugin)[6] == ("inodes", "normal")
    assert [event.key for event in plugin.events] == [event.data["of"] for event in plugin.events]
    assert plugin.events[3].data["summary"] == "/data high: 98 % of the inodes in use"


@pytest.mark.real
async def test_a_failing_measurement_changes_nothing() -> None:
    full = Disk(percent=99).answer({"path": "/data"})
    without_space = {"disks": [{**full["disks"][0], "size": 0, "percent": 0}]}
    answers: list[Any] = [full] * 30
    answers += [NotFoundError("no such path"), {"disks": []}, {}, None, {"disks": [{"percent": "x"}]}]
    answers += [without_space] * 10 + [full]
    operations = {"host.disk": lambda _: answers[0] if len(answers) == 1 else answers.pop(0)}
    async with running("disk-monitor", {**CONFIG, "above": 90}, operations=operations) as plugin:
        await until(lambda: len(answers) == 1)
        calls = len(plugin.calls)
        await until(lambda: len(plugin.calls) > calls + 10)
    assert states(plugin) == [("space", "high")]
    assert any("no such path" in line for line in plugin.lines)
    assert len([line for line in plugin.lines if "no space at all" in line]) == 1


@pytest.mark.real
async def test_the_operation_itself_answers_what_is_read(tmp_path: Path) -> None:
    config = {"path": str(tmp_path), "above": 100, "free_below": "10000000TB", "inodes_above": 100}
    async with on_this_host("disk-monitor", {**config, "for": "0s", "every": "10ms"}, tmp_path) as plugin:
        await plugin.seen(3)
    space = os.statvfs(tmp_path)
    found = {event.data["of"]: event.data for event in plugin.events}
    assert found["free"]["state"] == "high"
    for data in found.values():
        assert data["size"] == space.f_blocks * space.f_frsize
        assert 0 <= data["free"] <= data["size"]
        assert 0 <= data["percent"] <= 100
        assert 0 <= data["inodes_free"] <= space.f_files
        assert 0 <= data["inodes_percent"] <= 100
    assert plugin.lines == []


@pytest.mark.real
async def test_a_path_that_appears_later_is_measured_then(tmp_path: Path) -> None:
    path = tmp_path / "later"
    config = {"path": str(path), "free_below": "10000000TB", "for": "0s", "every": "10ms"}
    async with on_this_host("disk-monitor", config, tmp_path) as plugin:
        await until(lambda: any("later" in line for line in plugin.lines))
        assert plugin.events == []
        path.mkdir()
        await plugin.seen(1)
    assert states(plugin) == [("free", "high")]


@pytest.mark.real
async def test_a_file_system_without_space_is_not_measured(tmp_path: Path) -> None:
    config = {"path": "/proc", "free_below": "1GB", "for": "0s", "every": "10ms"}
    async with on_this_host("disk-monitor", config, tmp_path) as plugin:
        await until(lambda: any("no space at all" in line for line in plugin.lines))
    assert plugin.events == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"above": 80, "below": 85}, "config.below is 85, expected at most config.above, 80"),
        ({"inodes_above": 8, "inodes_below": 9}, "config.inodes_below is 9, expected at most config.inodes_above, 8"),
        (
            {"free_below": "2Gi", "free_above": "2GB"},
            "config.free_above is 2GB, expected at least config.free_below, 2Gi",
        ),
    ],
)
async def test_thresholds_in_the_wrong_order_are_refused(config: dict[str, Any], message: str) -> None:
    error = await refusal("disk-monitor", {**CONFIG, **config})
    assert error.code == "INVALID_CONFIG"
    assert message in error.message


@pytest.mark.parametrize("path", ["/", "/data", "/var/lib", "/a/..b/c.", "/with blank"])
def test_paths(path: str) -> None:
    assert not faults("disk-monitor", {"path": path, "above": 90})


@pytest.mark.parametrize(
    "bad",
    [{"path": "/"}, {"above": 90}, {"path": "/", "above": 0}, {"path": "/", "above": 101}, {"path": "/", "below": 50},
     {"path": "/", "above": 90, "free_above": "1GB"}, {"path": "/", "above": 90, "inodes_below": 9},
     {"path": "/", "free_below": 5}, {"path": "/", "free_below": "5 giga"}, {"path": "/", "free_below": "-1GB"},
     {"path": "data", "above": 90}, {"path": "/a/../b", "above": 90}, {"path": "/a//b", "above": 90},
     {"path": "/a/.", "above": 90}, {"path": "/..", "above": 90}, {"path": "", "above": 90}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("disk-monitor", bad)
