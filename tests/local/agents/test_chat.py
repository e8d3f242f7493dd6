"""A talk with an agent: each line is a task, in one session."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.agents.support import AgentFolder

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
PROGRAM = """
import json, os, sys
task = json.load(sys.stdin)
if task == "fail":
    sys.exit(3)
print(f"{task} in {os.environ['OUTRIDER_SESSION']}")
"""


def chat(agent: AgentFolder, said: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "outrider", "agent", "chat", "--offline", *options], cwd=agent.folder, env=agent.environment,
        input=said, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_lines_of_a_pipe_are_tasks(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, PROGRAM)
    done = chat(agent, "one\n\n  two  \n", "--session", "s1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["one in s1", "two in s1"]
    assert "session s1" in done.stderr
    assert len(agent.outrider("agent", "runs", "-o", "json").stdout) > 0


def test_a_task_that_fails_ends_no_talk(tmp_path: Path) -> None:
    done = chat(AgentFolder(tmp_path, PROGRAM), "fail\nfine\n")
    assert done.returncode != 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("fine in 01")
    assert "exit code 3" in done.stderr


def test_a_talk_on_a_terminal(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, PROGRAM)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "outrider", "agent", "chat", "--offline", "--session", "s"], cwd=agent.folder,
        env=agent.environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    shown = b""
    for word in (b"hello\n", b"\n"):
        while not shown.endswith(b"> "):
            piece = os.read(process.stderr.fileno(), 1024)
            assert piece, shown
            shown += piece
        shown = b""
        os.write(ours, word)
    output, _ = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert output.decode() == "hello in s\n"
    assert process.returncode == 0


def test_bytes_that_are_no_text_are_told_as_such(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "outrider", "agent", "chat", "--offline", "--session", "s"], cwd=(agent := AgentFolder(tmp_path, PROGRAM)).folder,
        env=agent.environment, input=b"a\xffb\nlast", capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.decode() == "a\ufffdb in s\nlast in s\n", done.stderr


def test_lines_of_a_file_are_tasks(tmp_path: Path) -> None:
    agent = AgentFolder(tmp_path, PROGRAM)
    (tmp_path / "lines").write_text("one\ntwo")
    with (tmp_path / "lines").open() as lines:
        done = subprocess.run(
            [sys.executable, "-m", "outrider", "agent", "chat", "--offline", "--session", "s"], cwd=agent.folder,
            env=agent.environment, stdin=lines, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.stdout == "one in s\ntwo in s\n", done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_talk_whose_input_stays_open(tmp_path: Path, number: signal.Signals, code: int) -> None:
    agent = AgentFolder(tmp_path, PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "-m", "outrider", "agent", "chat", "--offline", "--session", "s"], cwd=agent.folder,
        env=agent.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"one in s\n"
    process.send_signal(number)
    assert process.wait(timeout=30) == code
    assert b"Traceback" not in process.communicate()[1]
