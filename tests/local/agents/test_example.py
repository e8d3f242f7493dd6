"""The example, as the guide shows it: a program on the SDK of OpenAI that knows nothing of its sidecar."""

import os
import shutil
from pathlib import Path

import pytest

from outrider.data import data_folder
from tests.local.agents.support import AgentFolder
from tests.peers.environments import install
from tests.peers.llm_clients import ENVIRONMENTS

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "run-an-ai-agent.md"


def test_the_example_does_what_the_guide_shows(tmp_path: Path) -> None:
    example = data_folder("examples") / "first-agent"
    assert (example / "agent.yaml").read_text() in GUIDE.read_text()
    agent = AgentFolder(tmp_path)
    shutil.copytree(example, agent.folder / "first-agent", ignore=shutil.ignore_patterns(".outrider"))
    path = f"{install('llm', ENVIRONMENTS['llm'])}:{os.environ['PATH']}"
    command = ["agent", "run", "first-agent", "--offline", "--input", "kernel: out of memory: killed web"]
    done = agent.outrider(*command, env={"PATH": path})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "The service was killed because it used more memory than it may.\n"
    assert done.stdout in GUIDE.read_text()
    assert "asks default (scripted)" in done.stderr


def test_the_triage_goes_by_what_its_tools_say(tmp_path: Path) -> None:
    """What it remembers is tried with its platform, in `tests/platform/test_demo_triage.py`."""
    agent = AgentFolder(tmp_path)
    example = data_folder("examples") / "incident-triage"
    shutil.copytree(example, agent.folder / "triage", ignore=shutil.ignore_patterns(".outrider", "*.log"))
    path = f"{install('llm', ENVIRONMENTS['llm'])}:{os.environ['PATH']}"
    command = ["agent", "run", "triage", "--offline", "--input", "web answers 503"]
    first = agent.outrider(*command, env={"PATH": path})
    assert first.returncode == 0, first.stderr
    assert first.stdout == "There is no log of web here, so I cannot tell what is wrong.\n"
    assert first.stdout in GUIDE.read_text()
    (agent.folder / "triage" / "web.log").write_text("ERROR MemoryError at /health: 13 reports are kept, 40 MiB\n")
    second = agent.outrider(*command, env={"PATH": path})
    for said in (
        "uses host_memory   ok",
        "uses host_file_tail   ok",
        "asks embed (scripted)",
        "uses incidents_search   ok",
        'wants host_service_restart service="web"   rejected: there is no terminal to ask on',
    ):
        assert said in second.stderr
    assert (
        second.stdout == "web has no memory left for its reports. A restart would help, and nobody has approved one.\n"
    )
