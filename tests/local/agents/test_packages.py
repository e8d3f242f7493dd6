"""Packages that are put beside an agent's program, from the registry."""

import sys
from pathlib import Path

import pytest

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.kinds.agenttype.model import PackageTarget
from outrider.local.agents.packages import MARK, install
from tests.local.agents.support import AgentFolder

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
HOOK = "import humanize, sys\nsys.humanized = humanize.intcomma(1234567)\n"


def test_a_hook_uses_a_package_that_the_program_does_not_have(tmp_path: Path) -> None:
    wrapper = {"hooks": ["hook.py"], "packages": ["humanize==4.14.0"]}
    agent = AgentFolder(tmp_path, "import sys; print(sys.humanized, 'humanize' in sys.modules)", wrapper=wrapper)
    agent.environment |= {"PIP_CACHE_DIR": str(tmp_path.parent / "pip")}
    (agent.folder / "hook.py").write_text(HOOK)
    result = agent.run("--offline")
    assert (result["result"], result["wrapper"]) == ("1,234,567 True", "seen")
    installed = agent.state / "workloads/triage/shared/packages" / MARK
    first = installed.stat().st_mtime_ns
    agent.run("--offline")
    assert installed.stat().st_mtime_ns == first  # what is there is not installed again


async def test_only_wheels_of_pure_python_fit_every_program(tmp_path: Path) -> None:
    with pytest.raises(ExecutionFailedError) as caught:
        await install(["ujson==5.11.0"], None, tmp_path / "packages")
    assert "ujson" in caught.value.found
    assert "spec.wrapper.target" in caught.value.suggestions[0]
    assert list(tmp_path.iterdir()) == []
    await install(
        ["ujson==5.11.0"], PackageTarget(python="3.12", platform="manylinux_2_28_x86_64"), tmp_path / "packages"
    )
    assert [one.name for one in (tmp_path / "packages").glob("ujson*.so")] == ["ujson.cpython-312-x86_64-linux-gnu.so"]


async def test_another_list_takes_the_place_of_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    await install(["six==1.17.0"], None, folder)
    assert (folder / "six.py").stat().st_mode & 0o777 == 0o644
    await install(["iniconfig==2.1.0"], None, folder)
    assert not (folder / "six.py").exists()
    assert (folder / "iniconfig").is_dir()
    await install([], None, folder)
    assert not folder.exists()


async def test_without_pip_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingRequirementError, match="by pip, which is not there") as caught:
        await install(["six"], None, tmp_path / "packages")
    assert sys.executable in str(caught.value.suggestions)
