import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.ports.process.guardian import read_stat
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, refusal, running, until

pytestmark = pytest.mark.real


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    folder = tmp_path / "scripts"
    folder.mkdir()
    return folder


@pytest.fixture
async def plugin(scripts: Path) -> AsyncIterator[Running]:
    async with running("run-script", {"folder": str(scripts)}) as started:
        yield started


def script(folder: Path, text: str, name: str = "it") -> dict[str, Any]:
    (folder / name).write_text(text)
    return {"script": name}


async def failure(plugin: Running, given: dict[str, Any], timeout: float = 10.0) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await plugin.execute(given, timeout=timeout)
    return caught.value


def alive(pid_file: Path) -> bool:
    found = [read_stat(int(pid)) for pid in pid_file.read_text().split()]
    return any(stat is not None and stat.alive for stat in found)


async def test_an_object_on_stdout_is_the_result(plugin: Running, scripts: Path) -> None:
    given = script(scripts, "#!/bin/sh\necho '{\"freed\": 3}'\n")
    assert await plugin.execute(given) == {"freed": 3, "summary": "it done"}


@pytest.mark.parametrize("text", ["plain ä\n", "[1]\n", "NaN", "", "{"])
async def test_anything_else_is_output(plugin: Running, scripts: Path, text: str) -> None:
    (scripts / "text").write_text(text)
    assert (await plugin.execute(script(scripts, "#!/bin/cat text\n", "show")))["output"].startswith(text)


async def test_arguments_pass_no_shell_and_the_environment_is_empty(plugin: Running, scripts: Path) -> None:
    code = "import json, os, sys\nprint(json.dumps({'a': sys.argv[1:], 'e': sorted(os.environ), 'c': os.getcwd()}))"
    given = script(scripts, f"#!{sys.executable} -I\n{code}\n")
    arguments = ["$(id)", "a b", "", "--x=*", "'\"\\", "ü"]
    result = await plugin.execute({**given, "arguments": arguments})
    assert result["a"] == arguments
    assert set(result["e"]) <= {"LC_CTYPE"}  # set by the interpreter itself
    assert result["c"] == str(scripts)


async def test_an_exit_status_is_an_error_with_the_last_lines(plugin: Running, scripts: Path) -> None:
    given = script(scripts, "#!/bin/sh\nseq 1 9000 >&2\necho last words >&2\nexit 3\n")
    error = await failure(plugin, given)
    assert error.code == "EXECUTION_FAILED"
    assert "exit status 3" in error.message
    assert error.message.endswith("9000\nlast words")
    assert len(error.message) < 400


async def test_a_signal_is_named(plugin: Running, scripts: Path) -> None:
    assert "signal 9" in (await failure(plugin, script(scripts, "#!/bin/sh\nkill -9 $$\n"))).message


async def test_the_timeout_ends_the_whole_group(plugin: Running, scripts: Path) -> None:
    given = script(scripts, "#!/bin/sh\nsleep 60 &\necho $! $$ > pids\nwait\n")
    began = time.monotonic()
    error = await failure(plugin, given, timeout=0.3)
    assert error.code == "TIMEOUT"
    assert time.monotonic() - began < 2
    await until(lambda: not alive(scripts / "pids"))
    assert await plugin.execute(script(scripts, "#!/bin/sh\necho ok\n", "next"))  # the host lives on


async def test_cancellation_ends_the_whole_group(plugin: Running, scripts: Path) -> None:
    given = script(scripts, "#!/bin/sh\nsleep 60 &\necho $! $$ > pids\nwait\n")
    number, answer = plugin.host.execute("execute", {"input": given}, 30)
    await until(lambda: (scripts / "pids").exists() and (scripts / "pids").read_text() != "")
    await plugin.host.cancel(number, answer)
    with pytest.raises(OutriderError, match="cancelled"):
        await answer
    await until(lambda: not alive(scripts / "pids"))


async def test_stopping_while_busy_ends_the_script(scripts: Path) -> None:
    given = script(scripts, "#!/bin/sh\necho $$ > pids\nexec sleep 60\n")
    async with running("run-script", {"folder": str(scripts)}) as plugin:
        _, answer = plugin.host.execute("execute", {"input": given}, 30)
        await until(lambda: (scripts / "pids").exists() and (scripts / "pids").read_text() != "")
    with pytest.raises(OutriderError):
        await answer
    await until(lambda: not alive(scripts / "pids"))


async def test_a_child_that_stays_behind_is_ended(plugin: Running, scripts: Path) -> None:
    given = script(scripts, "#!/bin/sh\nsleep 60 &\necho $! > pids\necho done\n")
    began = time.monotonic()
    assert (await plugin.execute(given))["output"] == "done\n"
    assert time.monotonic() - began < 2
    await until(lambda: not alive(scripts / "pids"))


async def test_too_much_output_is_an_error(plugin: Running, scripts: Path) -> None:
    error = await failure(plugin, script(scripts, "#!/usr/bin/env yes\n"))
    assert "262144 bytes" in error.message


async def test_it_runs_several_at_a_time(plugin: Running, scripts: Path) -> None:
    given = script(
        scripts, '#!/bin/sh\n: > "$1"\nuntil [ -e a ] && [ -e b ] && [ -e c ]; do sleep 0.01; done\necho $1\n'
    )
    results = await asyncio.gather(*(plugin.execute({**given, "arguments": [name]}) for name in "abc"))
    assert [result["output"] for result in results] == ["a\n", "b\n", "c\n"]


async def test_only_plain_files_of_the_folder_run(plugin: Running, scripts: Path, tmp_path: Path) -> None:
    script(tmp_path, "#!/bin/sh\necho outside\n", "outside")
    (scripts / "link").symlink_to(tmp_path / "outside")
    (scripts / "folder").mkdir()
    os.mkfifo(scripts / "pipe")
    for name, code in {"link": "DENIED", "folder": "DENIED", "pipe": "DENIED", "none": "NOT_FOUND",
                       "../outside": "INVALID_CONFIG", "..": "INVALID_CONFIG", "": "INVALID_CONFIG",
                       str(tmp_path / "outside"): "INVALID_CONFIG"}.items():  # fmt: skip
        assert (await failure(plugin, {"script": name})).code == code, name


@pytest.mark.parametrize("text", ["echo no line\n", "", "#!\n", "#!sh\n", "#!/no/such/program\n", "\x00\x01"])
async def test_a_script_without_an_interpreter_is_an_error(plugin: Running, scripts: Path, text: str) -> None:
    assert (await failure(plugin, script(scripts, text))).code == "EXECUTION_FAILED"


async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "config.folder" in (await refusal("run-script", {"folder": str(tmp_path / "none")})).message


@pytest.mark.parametrize("bad", [{}, {"script": "../a"}, {"script": ".a"}, {"script": "a", "arguments": "b"},
                                 {"script": "a", "arguments": ["\x00"]}, {"script": "a", "x": 1}])  # fmt: skip
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    schema = read_plugin(PLUGINS / "run-script").manifest.input
    assert list(schema_faults(schema, bad, ("with",)))


def test_wrong_configurations() -> None:
    assert faults("run-script", {})
    assert faults("run-script", {"folder": ""})
