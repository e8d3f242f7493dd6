import asyncio
import sys
from pathlib import Path

import pytest

from outrider.core.errors import DeadlineExceededError, DeniedError, InvalidConfigError, NotFoundError
from outrider.ports.process import run
from outrider.ports.process.spawn import spawn_errors
from tests.ports.process.waiting import alive, living, until

pytestmark = pytest.mark.real
FAMILY = [sys.executable, str(Path(__file__).with_name("family.py"))]


async def python(code: str, **options: object) -> tuple[int, bytes, bytes]:
    done = await run([sys.executable, "-c", code], timeout=20, **options)  # type: ignore[arg-type]  # tests pass one option
    return done.exit_code, done.stdout, done.stderr


async def test_output_errors_and_code() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert await python(code) == (3, b"out\n", b"err\n")


async def test_input_reaches_the_command() -> None:
    data = b"x" * 300_000
    assert (await python("import sys; print(len(sys.stdin.buffer.read()))", input=data))[1] == b"300000\n"


async def test_input_that_is_not_read() -> None:
    assert await python("pass", input=b"x" * 1_000_000) == (0, b"", b"")


async def test_signal_is_a_negative_code() -> None:
    assert (await python("import os; os.kill(os.getpid(), 9)"))[0] == -9


async def test_long_output_is_cut_and_drained() -> None:
    done = await run([sys.executable, "-c", "print('x' * 500_000)"], timeout=20, output_limit=1000)
    assert (done.exit_code, done.stdout, done.truncated) == (0, b"x" * 1000, True)


async def test_arguments_meet_no_shell() -> None:
    done = await run(["echo", "$HOME; ls | cat"], timeout=20)
    assert done.stdout == b"$HOME; ls | cat\n"


async def test_environment_is_bare_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    output = (await run(["env"], timeout=20)).stdout
    assert b"PATH=" in output
    assert b"secret" not in output


async def test_environment_is_what_is_given() -> None:
    assert (await run(["/usr/bin/env"], timeout=20, env={"A": "b"})).stdout == b"A=b\n"


async def test_working_folder(tmp_path: Path) -> None:
    assert (await run(["pwd"], timeout=20, cwd=tmp_path)).stdout.decode().strip() == str(tmp_path)


async def test_unknown_program_is_named() -> None:
    with pytest.raises(NotFoundError, match="'no-such-program' was not found") as caught:
        await run(["no-such-program"], timeout=1)
    assert caught.value.suggestions == ["install no-such-program, or give its full path"]


@pytest.mark.parametrize(("program", "error"), [("absent", NotFoundError), ("data", DeniedError)])
def test_a_folder_of_the_path_that_is_closed_hides_no_other_reason(
    tmp_path: Path, program: str, error: type[Exception]
) -> None:
    """With one in PATH the system says EACCES of every program that it does not find."""
    (tmp_path / "data").write_text("")
    with pytest.raises(error), spawn_errors([program], {"PATH": f"/closed:{tmp_path}"}, None):
        raise PermissionError(13, "Permission denied", program)


async def test_unknown_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"folder .*/absent does not exist"):
        await run(["true"], timeout=1, cwd=tmp_path / "absent")


async def test_file_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DeniedError) as caught:
        await run([str(tmp_path / "data")], timeout=1)
    assert caught.value.suggestions == [f"chmod +x {tmp_path}/data"]


@pytest.mark.parametrize("argv", [[], [""], ["echo", "a\0b"]])
async def test_impossible_arguments(argv: list[str]) -> None:
    with pytest.raises(InvalidConfigError, match="argv"):
        await run(argv, timeout=1)


async def test_background_program_is_not_waited_for() -> None:
    done = await run(["sh", "-c", "sleep 30 & echo $!"], timeout=20)
    pid = int(done.stdout)
    assert alive(pid)
    await run(["kill", str(pid)], timeout=20)


async def test_timeout_kills_the_family(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = ["sh", "-c", f"exec {' '.join(FAMILY)} --ignore-term > {pids}"]
    with pytest.raises(DeadlineExceededError, match="within 3 s"):
        await run(command, timeout=3)
    family = [int(pid) for pid in pids.read_text().split()]
    assert len(family) == 4
    assert living(family) == []


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_command_has_time_to_end_well(tmp_path: Path, *, cancelled: bool) -> None:
    said = tmp_path / "said"
    script = (
        f"trap 'sleep 0.2; echo ended >> {said}; exit' TERM; read x; echo began > {said}; while :; do sleep 0.1; done"
    )
    # What it reads comes only when it is started for good.
    task = asyncio.create_task(run(["sh", "-c", script], timeout=60 if cancelled else 1, grace=20, input=b"x\n"))
    await until(said.exists)
    if cancelled:
        task.cancel()
    with pytest.raises(asyncio.CancelledError if cancelled else DeadlineExceededError):
        await task
    assert said.read_text() == "began\nended\n"


async def test_cancel_kills_the_family(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.touch()
    task = asyncio.create_task(run(["sh", "-c", f"exec {' '.join(FAMILY)} > {pids}"], timeout=60))
    await until(lambda: pids.read_text().endswith("\n"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert living(int(pid) for pid in pids.read_text().split()) == []
