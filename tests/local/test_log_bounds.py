import subprocess
import sys
from pathlib import Path

from outrider.local.log_bounds import cut_if_large

WRITER = """
import sys
for line in sys.stdin:
    print("x" * 1000, line.strip(), flush=True)
"""


def test_a_log_is_cut_under_a_process_that_goes_on_writing(tmp_path: Path) -> None:
    path = tmp_path / "part.log"
    with path.open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=log, text=True)
    assert process.stdin is not None
    process.stdin.write("one\n" * 20)
    process.stdin.flush()
    while path.stat().st_size < 20_000:
        assert process.poll() is None
    assert cut_if_large(path, largest=10_000)
    assert not cut_if_large(path, largest=10_000), "it is small now"
    process.stdin.write("two\n")
    process.stdin.close()
    assert process.wait(10) == 0
    assert path.read_text() == "x" * 1000 + " two\n"
    assert (tmp_path / "part.log.1").read_text().count("one\n") == 20


def test_a_log_that_cannot_be_cut_is_left(tmp_path: Path) -> None:
    assert not cut_if_large(tmp_path / "gone.log", largest=0)
    (tmp_path / "part.log").write_bytes(b"x" * 100)
    (tmp_path / "part.log.1").mkdir()
    assert not cut_if_large(tmp_path / "part.log", largest=10)
    assert (tmp_path / "part.log").stat().st_size == 100
