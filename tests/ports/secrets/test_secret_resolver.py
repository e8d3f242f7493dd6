import asyncio
import sys
from pathlib import Path

import pytest

from outrider.core.codec import decode
from outrider.core.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
)
from outrider.core.quantities import Duration
from outrider.core.schema import convert
from outrider.ports.secrets import Resolver, SecretSource
from outrider.ports.secrets.store import SecretStore


def resolver(folder: Path, **source: object) -> Resolver:
    return Resolver({"s": convert(source, SecretSource)}, folder=folder)


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://x")
    assert resolver(tmp_path, env="DATABASE_URL").resolve("s").reveal() == "postgres://x"


def test_unset_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="secret 's': environment variable NOT_SET_ANYWHERE is not set"):
        resolver(tmp_path, env="NOT_SET_ANYWHERE").resolve("s")


@pytest.mark.parametrize(("data", "value"), [(b"v", "v"), (b"v\n", "v"), (b"v\r\n", "v"), (b"v\n\n", "v\n"), (b"", "")])
def test_file_loses_one_line_end(tmp_path: Path, data: bytes, value: str) -> None:
    (tmp_path / "token").write_bytes(data)
    assert resolver(tmp_path, file="token").resolve("s").reveal() == value


def test_rotated_file_is_seen(tmp_path: Path) -> None:
    secrets = resolver(tmp_path, file="token")
    (tmp_path / "token").write_text("old")
    assert secrets.resolve("s").reveal() == "old"
    (tmp_path / "token").write_text("new")
    assert secrets.resolve("s").reveal() == "new"
    assert secrets.mask("old new") == "*** ***"


def test_entry_of_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB=2\n")
    assert resolver(tmp_path, file=".env", key="B").resolve("s").reveal() == "2"
    assert resolver(tmp_path, file=".env").resolve("s", "A").reveal() == "1"


def test_entry_within_an_entry(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("""DB='{"user": "u", "password": "p"}'\n""")
    assert resolver(tmp_path, file=".env", key="DB").resolve("s", "password").reveal() == "p"


@pytest.mark.parametrize("path", ["absent", "."])
def test_absent_file_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotFoundError, match="secret 's': there is no file"):
        resolver(tmp_path, file=path).resolve("s")


@pytest.mark.parametrize("data", [b"x" * 65537, b"\xff\xfe"])
def test_impossible_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "token").write_bytes(data)
    with pytest.raises(InvalidConfigError, match="secret 's'"):
        resolver(tmp_path, file="token").resolve("s")


def test_command(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a command\n")
    assert resolver(tmp_path, command=["cat", "token"]).resolve("s").reveal() == "from a command"


async def test_command_inside_a_running_loop(tmp_path: Path) -> None:
    secrets = resolver(tmp_path, command=["echo", "v"])
    assert secrets.resolve("s") == await secrets.fetch("s")


async def test_fetch_leaves_the_loop_free(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    waiting = [sys.executable, "-c", "import os\nwhile os.path.exists('go'): pass\nprint('v')"]
    task = asyncio.create_task(resolver(tmp_path, command=waiting).fetch("s"))
    await asyncio.sleep(0)
    (tmp_path / "go").unlink()
    assert (await task).reveal() == "v"


def test_failed_command_says_how_to_see_why(tmp_path: Path) -> None:
    with pytest.raises(ExecutionFailedError, match="secret 's': 'sh' failed: exit code 3") as caught:
        resolver(tmp_path, command=["sh", "-c", "echo hidden; exit 3"]).resolve("s")
    assert caught.value.suggestions == ["run it by hand: sh -c 'echo hidden; exit 3'"]


def test_endless_command_is_killed(tmp_path: Path) -> None:
    source = SecretSource(command=["sleep", "1000"], timeout=Duration(0.1))
    with pytest.raises(DeadlineExceededError, match=r"secret 's': 'sleep' did not end within 0.1 s"):
        Resolver({"s": source}, folder=tmp_path).resolve("s")


def test_absent_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="secret 's': program 'no-such-program' was not found"):
        resolver(tmp_path, command=["no-such-program"]).resolve("s")


def test_long_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="too long"):
        resolver(tmp_path, command=[sys.executable, "-c", "print('x' * 1_000_000)"]).resolve("s")


def test_unknown_name_says_how_to_set_it(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="secret 'databse' is not known") as caught:
        Resolver({"database": SecretSource(env="X")}, folder=tmp_path).resolve("databse")
    assert caught.value.suggestions == ["outrider secret set databse", "did you mean 'database'?"]


def test_store_serves_other_names(tmp_path: Path) -> None:
    SecretStore(tmp_path).set("token", '{"k": "v"}')
    secrets = Resolver({"s": SecretSource(env="X")}, store=tmp_path)
    assert secrets.resolve("token", "k").reveal() == "v"
    with pytest.raises(NotFoundError) as caught:
        secrets.resolve("tokn")
    assert caught.value.suggestions == ["outrider secret set tokn", "did you mean 'token'?"]


def test_absent_store_defines_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="not known"):
        Resolver({}, store=tmp_path / "absent").resolve("s")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("text", ["{}", '{"env": "A", "file": "b"}', '{"command": []}', '{"url": "x"}'])
def test_one_source_each(text: str) -> None:
    with pytest.raises(OutriderError) as caught:
        decode(text, SecretSource)
    assert caught.value.code == "INVALID_CONFIG"


def test_only_opened_values_are_masked_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    secrets = resolver(tmp_path, file="token")
    for number in range(300):
        (tmp_path / "token").write_text(f"value-{number:03}")
        secrets.resolve("s")
    assert secrets.mask("value-000 value-044 value-299") == "value-000 *** ***"
