"""The support bundle of a real platform: what helps is in it, secrets are not."""

import json
import tarfile
from pathlib import Path

import pytest

from tests.platform.harness import eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
STORED, FROM_FILE, INLINE = "stored-Passw0rd!&x", "from-a-file-8271", "written-inline-4711"


def contents(path: Path) -> dict[str, bytes]:
    """Return the files of a bundle."""
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def test_a_bundle_has_what_helps_and_no_secret(hook: Hook) -> None:
    platform, run = hook.platform, hook.platform.command
    (platform.folder / "password").write_text(FROM_FILE + "\n")
    output = f"""
apiVersion: outrider.dev/v1alpha1
kind: Output
metadata: {{name: chat}}
spec:
  plugin: webhook
  config: {{url: "http://ana:{INLINE}@127.0.0.1:1/", headers: {{X-Token: "{INLINE}"}}}}
"""
    hook.declare(more=output, rule="  report: [chat]")
    text = (platform.folder / "outrider.yaml").read_text()
    platform.write(text.replace("spec: {groups:", "spec: {secrets: {db: {file: password}}, groups:"))
    with running(platform):
        assert run("secret", "set", "store", stdin=STORED).returncode == 0
        hook.post({"note": f"{STORED} and {FROM_FILE}", "password": INLINE})
        eventually(lambda: finished(platform, 1), what="a run")
        made = run("support-bundle", "bundle.tar.gz")
        assert made.returncode == 0, made.stderr
        assert run("support-bundle", "bundle.tar.gz").returncode == 5, "the file is there already"
    assert run("support-bundle", "later.tar.gz").returncode == 0, "of a platform that is stopped too"
    token = (platform.folder / ".outrider" / "token").read_text().strip()
    for name in ("bundle.tar.gz", "later.tar.gz"):
        path = platform.folder / name
        assert path.stat().st_mode & 0o777 == 0o600
        files = contents(path)
        whole = b"\n".join(files.values()).decode()
        for value in (STORED, FROM_FILE, INLINE, token):
            assert value not in whole
        assert "PRIVATE KEY-----\n" not in whole
        wanted = {"about.json", "status.json", "doctor.json", "audit.json", "files.txt", "logs/orchestrator.log"}
        wanted |= {f"store/{part}.json" for part in ("objects", "events", "runs", "rows", "agents")}
        assert wanted <= files.keys()
        assert not {name for name in files if name.endswith((".db", ".pem", "token"))}
        assert [chain["writer"] for chain in json.loads(files["audit.json"])["chains"]]
        assert json.loads(files["store/rows.json"])["runs"] == 1
        for part, content in files.items():
            if part.endswith(".json"):
                json.loads(content)
