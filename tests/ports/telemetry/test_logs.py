import io
import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.secrets import SecretValue, mask
from outrider.ports.telemetry import configure_logging, logger, span
from outrider.ports.telemetry.logs import JsonFormatter

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)


class Output(io.StringIO):
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def output() -> Output:
    stream = Output()
    configure_logging(stream=stream, mask=lambda text: mask(text, [SecretValue("s3cr3t"), SecretValue('a"b')]))
    return stream


def test_line(output: Output) -> None:
    logger("outrider.x").warning("lease %s lost", 7, extra={"agent": "eyes", "epoch": 3})
    (line,) = output.lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "outrider.x",
        "message": "lease 7 lost",
        "fields": {"agent": "eyes", "epoch": 3},
    }


def test_trace_id_of_the_work_or_of_the_record(output: Output) -> None:
    with span("work", trace_id=TRACE):
        logger("x").info("inside")
    logger("x").info("named", extra={"trace_id": TRACE})
    logger("x").info("outside")
    assert [line.get("trace_id") for line in output.lines()] == [TRACE, TRACE, None]


def test_levels(output: Output) -> None:
    logger("x").debug("hidden")
    configure_logging(level="debug", stream=output)
    logger("x").debug("shown")
    assert [line["message"] for line in output.lines()] == ["shown"]


def test_secrets_are_masked_everywhere(output: Output) -> None:
    try:
        raise ValueError('s3cr3t a"b')
    except ValueError:
        logger("x").exception(
            "s3cr3t %s", 'a"b', extra={"f": ["s3cr3t", {'a"b': "xs3cr3tx"}], "g": SecretValue("v4lue")}
        )
    text = output.getvalue()
    assert not [secret for secret in ("s3cr3t", 'a\\"b', 'a"b', "v4lue") if secret in text]
    assert output.lines()[0]["fields"] == {"f": ["***", {"***": "x***x"}], "g": "***"}


def test_exception_is_one_field(output: Output) -> None:
    try:
        raise KeyError("x")
    except KeyError:
        logger("x").exception("failed")
    assert output.lines()[0]["exception"].endswith("KeyError: 'x'")


def test_arguments_that_do_not_fit() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%d of %d", ("one",), None)
    line = json.loads(JsonFormatter(str).format(record))
    assert line["message"].startswith("%d of %d (arguments do not fit:")


def test_long_texts_are_cut(output: Output) -> None:
    logger("x").info("x" * 100_000)
    assert len(output.getvalue()) < 20_000


def test_secret_at_the_cut_is_masked(output: Output) -> None:
    logger("x").info("x" * (16 * 1024 - 3) + "s3cr3t")
    assert "s3c" not in output.getvalue()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
)


@given(st.text(), values)
def test_any_record_is_one_line_of_json(message: str, value: object) -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, (), None)
    record.value = value
    line = JsonFormatter(str).format(record)
    assert "\n" not in line
    assert set(json.loads(line)) == {"time", "level", "logger", "message", "fields"}


@pytest.mark.parametrize(
    "value", [pytest.param(10**5000, id="huge"), math.inf, math.nan, "\ud800", {1: {2: {3: {4: {5: {6: 7}}}}}}]
)
def test_unusual_values(output: Output, value: object) -> None:
    logger("x").info("unusual", extra={"value": value})
    assert output.lines()[0]["message"] == "unusual"


def test_file_is_private_and_turned(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "agent.log"
    configure_logging(file=path)
    (handler,) = logging.getLogger().handlers
    handler.maxBytes = 1000  # type: ignore[attr-defined]  # of the rotating handler
    for number in range(100):
        logger("x").info("line %d", number)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["agent.log", *(f"agent.log.{n}" for n in range(1, 6))]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert json.loads(path.read_text().splitlines()[-1])["message"] == "line 99"


def test_stderr_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logger("x").info("hello")
    assert json.loads(capsys.readouterr().err)["message"] == "hello"
