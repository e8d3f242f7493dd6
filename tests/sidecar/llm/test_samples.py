"""What a share of the calls said."""

import json
from pathlib import Path
from typing import Any

import pytest

from outrider.core.sidecar_settings import SampleSettings
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.llm.samples import LONGEST, Samples, read_samples
from tests.contract.worlds import until
from tests.sidecar.llm.support import ANSWER, gateway, saying, streaming

HELLO: dict[str, Any] = {"model": "default", "messages": [{"role": "user", "content": "I am ana@example.org"}]}
ALL = {"share": 1.0, "retention": 86_400.0}


async def test_a_call_is_kept_as_it_went_out_and_came_back(tmp_path: Path) -> None:
    said = {**ANSWER, "choices": [{"message": {"content": "hello bob@example.org"}}]}
    async with gateway(tmp_path, saying(said), samples=ALL, guard=[{"detect": ["email"]}]) as found:
        answer = await found.ask(**HELLO)
        (entry,) = await found.entries(1)
        (kept,) = read_samples(tmp_path / "samples", 10)
        assert (kept.id, kept.endpoint, kept.alias, kept.status, kept.cut) == (entry.id, "chat", "default", 200, False)
        assert json.loads(kept.request)["messages"][0]["content"] == "I am [EMAIL]"
        assert kept.answer.encode() == answer.body
        assert "[EMAIL]" in kept.answer
    (file,) = (tmp_path / "samples").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


async def test_streams_and_failures_are_kept(tmp_path: Path) -> None:
    events = [b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n', b"data: [DONE]\n\n"]
    async with gateway(tmp_path, streaming(*events), samples=ALL) as found:
        await found.ask(**HELLO, stream=True)
        await found.entries(1)
        assert read_samples(tmp_path / "samples", 1)[0].answer.encode() == b"".join(events)
    async with gateway(tmp_path / "other", saying({"error": "no"}, status="400 Bad Request"), samples=ALL) as found:
        await found.ask(**HELLO)
        await until(lambda: len(read_samples(tmp_path / "other" / "samples", 5)) == 1)
        assert read_samples(tmp_path / "other" / "samples", 5)[0].status == 400


async def test_nothing_is_kept_that_was_not_asked_for(tmp_path: Path) -> None:
    async with gateway(tmp_path, saying(ANSWER)) as found:
        await found.ask(**HELLO)
        await found.entries(1)
    assert not (tmp_path / "samples").exists()


async def test_only_a_share_is_kept(tmp_path: Path) -> None:
    chances = iter([0.1, 0.9, 0.3, 0.0])
    async with gateway(tmp_path, saying(ANSWER), samples={"share": 0.25, "retention": 60.0}) as found:
        assert found.gate._samples is not None
        found.gate._samples._chance = lambda: next(chances)
        for number in range(4):
            await found.ask(model="default", messages=[], seed=number)
        await found.entries(4)
    kept = [json.loads(one.request)["seed"] for one in read_samples(tmp_path / "samples", 10)]
    assert kept == [0, 3]


def test_old_days_are_removed_and_long_texts_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    samples = Samples(SampleSettings(share=1.0, retention=2 * 86_400.0), tmp_path, clock.now)
    record: Any = type("R", (), {"id": "1", "moment": 0.0, "endpoint": type("E", (), {"name": "chat"}), "alias": "a"})
    for day in range(6):
        record.moment = clock.now()
        samples.keep(record, b"x" * (LONGEST + 5 if day == 5 else 1), 200, b"y")
        clock.advance(86_400)
    assert len(list(tmp_path.iterdir())) == 3
    *_, last = read_samples(tmp_path, 10)
    assert (len(last.request), last.cut) == (LONGEST, True)
    monkeypatch.setattr("outrider.sidecar.llm.samples.append_private", _full)
    samples.keep(record, b"x", 200, b"y")  # a full disk costs no call


def _full(_path: Path, _data: bytes) -> None:
    raise OSError(28, "No space left on device")
