import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.cluster import why_not


@pytest.mark.real
@pytest.mark.timeout(240)
def test_a_version_that_crashes_is_rolled_back(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "KUBECONFIG"}, "XDG_STATE_HOME": str(tmp_path),
    }  # fmt: skip
    command = [sys.executable, "-m", "outrider", "demo", "self-healing-cluster"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Corefile: no such file or directory" in done.stdout
    assert "rolled back" in done.stdout
    report = next(line for line in done.stdout.splitlines() if line.startswith("Read the report:")).split()[-1]
    run = json.loads((tmp_path / report).read_text().splitlines()[-1])
    assert [step["state"] for step in run["steps"]] == ["completed"] * 3
    assert not list((tmp_path / "outrider" / "clusters").glob("self*")), "the cluster is gone"
