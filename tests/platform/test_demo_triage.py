"""`outrider demo incident-triage`, as users run it from an installed package: with a terminal and without."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import outrider
from tests.peers.environments import install
from tests.peers.llm_clients import ENVIRONMENTS
from tests.platform.harness import ROOT, Platform, eventually
from tests.platform.terminals import Terminal, terminal

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
DEMO = ("demo", "incident-triage")
GUIDE = ROOT / "docs" / "how-to" / "run-an-ai-agent.md"
HEALED = "triage: web answers again after a restart. Its reports had used up its memory; this is remembered for the next time."


def packaged(folder: Path) -> Path:
    """Lay Outrider out as its wheel does: the package, and in it the data."""
    package = folder / "outrider"
    (package / "_data").mkdir(parents=True)
    for entry in Path(outrider.__file__).parent.iterdir():
        if entry.is_file():  # a link would lead back to the checkout, and so to its examples
            shutil.copyfile(entry, package / entry.name)
        elif entry.name != "_data":
            (package / entry.name).symlink_to(entry)
    for name in ("plugins", "examples"):
        (package / "_data" / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Platform]:
    """Return where the demo works in a copy of its own, with the SDK of OpenAI on the path; nothing of it is left running."""
    found = Platform(tmp_path / "here", tmp_path / "cache")
    found.folder.mkdir()
    found.environment["PYTHONPATH"] = str(packaged(tmp_path / "site"))
    found.environment["PATH"] = f"{install('llm', ENVIRONMENTS['llm'])}:{found.environment['PATH']}"
    yield found
    copy = Platform(tmp_path / "cache" / "outrider" / "demo" / "incident-triage", tmp_path / "cache")
    eventually(lambda: not copy.processes(), seconds=3, what=f"left over: {copy.processes()}")


def ended(opened: Terminal) -> int:
    return opened.process.wait(60)


def test_it_heals_the_service_and_remembers_it_the_next_time(stage: Platform) -> None:
    first = stage.command(*DEMO, "--approve")
    assert first.returncode == 0, first.stdout + first.stderr
    for said in (
        "a script answers in place of a model",
        "triage remembers no earlier incidents",
        "eyes/web  down: 503",
        "says: The log says that web has no memory left for reports",
        '"ERROR MemoryError at /',
        "uses host_file_tail   ok",
        "uses incidents_search   ok",
        "Nothing like it is remembered.",
        "host.service_restart  waits for oncall",
        "host.service_restart  approved by",
        "uses incidents_add   ok",
        HEALED,
        "web answers again: 200",
        "answers of a script",
        "0.00 USD",
        "1 incident remembered",
        "records verified",
    ):
        assert said in first.stdout
        assert first.stderr == ""
    assert first.stdout.count("See it remember this") == 1
    assert HEALED in GUIDE.read_text()
    with terminal(stage, *DEMO) as second:
        second.wait_for("approve? [y/N]")
        assert "triage remembers 1 earlier incident" in second.shown
        assert "This is known." in second.shown
        second.type("y")
        second.wait_for("Keep it running")
        assert "2 incidents remembered" in second.shown
        assert ended(second) == 0
    # What it has learnt on its platform it knows without one, too; there is no service there that it could restart.
    folder = Path(stage.environment["XDG_CACHE_HOME"]) / "outrider" / "demo" / "incident-triage"
    (folder / "web.log").write_text("ERROR MemoryError at /health: 13 reports are kept, 40 MiB\n")
    alone = stage.command("agent", "run", str(folder), "--offline", "--input", "web answers 503")
    assert alone.returncode == 0, alone.stderr
    assert "This is known." in alone.stderr
    assert "nobody has approved one" in alone.stdout


def test_a_no_on_the_terminal_leaves_the_service_as_it_is(stage: Platform) -> None:
    with terminal(stage, *DEMO) as opened:
        opened.wait_for("approve? [y/N]")
        opened.type("n")
        opened.wait_for("Keep it running")
        assert "web answers 503: the restart was rejected" in opened.shown
        assert "A restart would help, and nobody has approved one." in opened.shown
        assert ended(opened) == 5


def test_without_a_terminal_it_says_how_to_approve_and_waits_for_it(stage: Platform) -> None:
    command = [sys.executable, "-m", "outrider", *DEMO]
    with subprocess.Popen(
        command, cwd=stage.folder, env=stage.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = next(line for line in process.stdout if "outrider --context" in line)
        done = stage.command(*told.split("outrider ", 1)[1].split())
        assert done.returncode == 0, done.stderr
        assert HEALED in process.stdout.read()
        assert process.wait(60) == 0


def test_without_a_terminal_and_an_approval_it_ends(stage: Platform) -> None:
    done = stage.command(*DEMO, "--wait", "1")
    assert done.returncode == 7, done.stdout + done.stderr
    assert "nobody approved host.service_restart" in done.stderr
    assert "outrider demo incident-triage --approve" in done.stderr


def test_it_says_what_is_to_be_installed(stage: Platform) -> None:
    stage.environment["PATH"] = str(Path(sys.executable).parent)
    done = stage.command(*DEMO)
    assert done.returncode == 1
    assert f"install: {sys.executable} -m pip install openai" in done.stderr
