"""The command line on standard streams that are closed, full, or left by their reader."""

import subprocess
import sys

import pytest

OUTRIDER = [sys.executable, "-m", "outrider"]


def shell(words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'"$@" {words}', "sh", *OUTRIDER], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [("explain >&-", "Bad file descriptor"), ("explain > /dev/full", "No space left on device"), ("explain 0<&- >&-", "Bad file")],
)  # fmt: skip
def test_output_that_cannot_be_written_is_an_error(words: str, told: str) -> None:
    done = shell(words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error[EXECUTION_FAILED] standard output: {told}")
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


@pytest.mark.parametrize(("words", "status"), [("explain 2>&-", 0), ("explain nothing 2>&-", 3), ("explain <&-", 0)])
def test_a_closed_error_output_or_input_is_in_nobodys_way(words: str, status: int) -> None:
    done = shell(words)
    assert (done.returncode, done.stderr) == (status, "")


def test_a_reader_that_leaves_hears_nothing_more() -> None:
    assert shell("explain | true").stderr == ""
