import asyncio
import threading
from types import ModuleType
from typing import Any

import pytest

from tests.plugins.harness import guest_module, until


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return guest_module("outrider_probe", monkeypatch)


def probing(library: ModuleType, look: Any, **config: str) -> Any:
    """Return a trigger whose look is a function, with what it has reported."""

    class Probe(library.Probing):  # type: ignore[name-defined, misc]
        def setup(self) -> None:
            super().setup()
            self.reported: list[dict[str, Any]] = []

        def look(self, deadline: float) -> dict[str, Any]:
            found: dict[str, Any] = look(deadline)
            return found

        def down(self, detail: str) -> dict[str, Any]:
            return {"state": "down", "detail": detail}

        def report(self, found: dict[str, Any]) -> None:
            self.reported.append(found)

    probe = Probe({"every": "1ms", "timeout": "50ms", **config}, None)
    probe.setup()
    return probe


async def test_a_look_that_hangs_is_down_in_time_and_hangs_once(library: ModuleType) -> None:
    released, asked = threading.Event(), []

    def hanging(_: float) -> dict[str, Any]:
        asked.append(1)
        released.wait(10)
        return {"state": "up", "detail": "too late"}

    probe = probing(library, hanging)
    running = asyncio.create_task(asyncio.to_thread(probe.run))
    await until(lambda: bool(probe.reported))
    assert probe.reported[0]["detail"] == "no answer within 50ms"
    assert len(asked) == 1
    released.set()
    await until(lambda: len(probe.reported) == 2)
    probe.stop()
    await running
    assert probe.reported[1]["state"] == "up"


async def test_it_stops_while_a_look_hangs(library: ModuleType) -> None:
    released, asked = threading.Event(), threading.Event()

    def hanging(_: float) -> dict[str, Any]:
        asked.set()
        released.wait(10)
        return {"state": "up", "detail": ""}

    probe = probing(library, hanging, timeout="1h")
    running = asyncio.create_task(asyncio.to_thread(probe.run))
    await until(asked.is_set)
    probe.stop()
    await running
    released.set()
    assert probe.reported == []


@pytest.mark.parametrize(
    ("error", "detail"),
    [(TimeoutError(), "no answer within 50ms"), (ConnectionRefusedError(111, "no"), "connection refused"),
     (OSError("no route"), "no route"), (ValueError("no HTTP"), "no HTTP"),
     (KeyError("x"), "the look failed; the plugin's log says why")],
)  # fmt: skip
async def test_what_a_look_raises_is_down(
    library: ModuleType, error: Exception, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def failing(_: float) -> dict[str, Any]:
        raise error

    probe = probing(library, failing, timeout="10s" if isinstance(error, KeyError) else "50ms")
    running = asyncio.create_task(asyncio.to_thread(probe.run))
    await until(lambda: bool(probe.reported))
    probe.stop()
    await running
    assert (probe.reported[0]["state"], probe.reported[0]["detail"]) == ("down", detail)


async def test_only_another_state_is_reported(library: ModuleType) -> None:
    states = iter(["up", "up", "down", "down", "up"])
    probe = probing(library, lambda _: {"state": next(states, "up"), "detail": ""})
    running = asyncio.create_task(asyncio.to_thread(probe.run))
    await until(lambda: len(probe.reported) >= 3)
    probe.stop()
    await running
    assert [found["state"] for found in probe.reported] == ["up", "down", "up"]


@pytest.mark.parametrize("length", ["0s", "367h0m" + "0h" * 3 + "9000h"])
def test_a_length_of_nothing_or_of_years_is_refused(library: ModuleType, length: str) -> None:
    with pytest.raises(Exception, match=r"config\.every is .*, expected more than 0 and at most 366 days"):
        probing(library, lambda _: {}, every=length)


@pytest.mark.parametrize(("text", "place"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:65535", ("::1", 65535))])
def test_addresses(library: ModuleType, text: str, place: tuple[str, int]) -> None:
    assert library.address(text, "address") == place


@pytest.mark.parametrize("port", ["0", "65536"])
def test_ports_that_do_not_exist_are_refused(library: ModuleType, port: str) -> None:
    with pytest.raises(Exception, match=f"config.server has the port {port}"):
        library.address(f"a:{port}", "server")
