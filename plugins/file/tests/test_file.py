import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outrider.core.codec import encode
from outrider.core.errors import OutriderError
from tests.plugins.harness import Running, faults, refusal, running

pytestmark = pytest.mark.real
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    '{}[]"\\:,/ü\x81€\x00\n', max_size=12
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
KEYS = {"input": {"params": {"input": "}"}}, "id": 7, "method": "stop", "config": {"path": "/no"}}


@pytest.fixture
async def output(tmp_path: Path) -> AsyncIterator[Running]:
    async with running("file", {"path": str(tmp_path / 'a b "c\\ ü $(x)`.jsonl')}) as plugin:
        yield plugin


def target(tmp_path: Path) -> Path:
    return next(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize("report", [{}, {"a": 1}, KEYS, {"a": '\\"}{', "b": ["\\", "\\\\", '"']}, {"ü": "\x81\x88€😀\x7f"},
                                    {"n": [1.5, -0.0, 2**64 - 1, None, True]}, {"": ""}, {"x": "-n", "%s": "%d\\n"},
                                    {"long": 'x"' * 100_000}])  # fmt: skip
async def test_the_line_is_the_report_byte_for_byte(output: Running, tmp_path: Path, report: dict[str, Any]) -> None:
    assert await output.send(report, context=KEYS) == {"summary": "appended"}
    assert target(tmp_path).read_bytes() == encode(report) + b"\n"


@pytest.mark.long
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reports=st.lists(st.dictionaries(TEXT, JSON, max_size=4), min_size=1, max_size=5))
def test_any_reports_arrive(tmp_path_factory: pytest.TempPathFactory, reports: list[dict[str, Any]]) -> None:
    import asyncio

    folder = tmp_path_factory.mktemp("any")

    async def send() -> None:
        async with running("file", {"path": str(folder / "r.jsonl")}) as plugin:
            for report in reports:
                await plugin.send(report, context=report)

    asyncio.run(send())
    assert (folder / "r.jsonl").read_bytes() == b"".join(encode(report) + b"\n" for report in reports)


async def test_a_cut_line_is_ended_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"cut": "of')
    async with running("file", {"path": str(path)}) as plugin:
        await plugin.send({"whole": 1})
    assert path.read_text().splitlines()[1:] == ['{"whole":1}']


async def test_a_file_that_is_moved_away_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    async with running("file", {"path": str(path)}) as plugin:
        await plugin.send({"n": 1})
        path.rename(tmp_path / "old")
        await plugin.send({"n": 2})
    assert json.loads(path.read_text()) == {"n": 2}


async def test_a_full_disk_is_an_error_that_may_pass() -> None:
    async with running("file", {"path": "/dev/full"}) as plugin:
        with pytest.raises(OutriderError, match="cannot be written") as caught:
            await plugin.send({"n": 1})
        assert caught.value.code == "EXECUTION_FAILED"


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    error = await refusal("file", {"path": str(tmp_path / "none" / "r.jsonl")})
    assert error.code == "INVALID_CONFIG"
    assert "config.path" in error.message


@pytest.mark.parametrize(
    "bad", [{}, {"path": ""}, {"path": "/a/"}, {"path": "/a\nb"}, {"path": 1}, {"path": "/a", "x": 1}]
)
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("file", bad)
