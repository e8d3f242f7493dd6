"""A platform is saved while it works, and made again elsewhere."""

import json
import shutil
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook, finished

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def copied(hook: Hook, name: str) -> Platform:
    """Return the platform's folder without its state, under another name."""
    folder = hook.platform.folder.parent / name
    shutil.copytree(hook.platform.folder, folder, ignore=shutil.ignore_patterns(".outrider"))
    (folder / "out").chmod(0o777)
    return Platform(folder, Path(hook.platform.environment["XDG_CACHE_HOME"]))


def test_a_platform_is_saved_under_load_and_made_again(hook: Hook) -> None:
    hook.declare()
    file = hook.platform.folder.parent / "shop.backup"
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            hook.post()

    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="a run")
        loader = threading.Thread(target=load)
        loader.start()
        try:
            saved = hook.platform.command("backup", str(file))
        finally:
            stop.set()
            loader.join()
        assert saved.returncode == 0, saved.stderr
        assert hook.platform.command("backup", str(file)).returncode == 5, "nothing is overwritten"
        assert hook.platform.command("audit", "verify").returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    other = copied(hook, "again")
    restored = hook.platform.command("restore", str(file), str(other.folder))
    assert restored.returncode == 0, restored.stderr
    assert hook.platform.command("restore", str(file), str(other.folder)).returncode == 5
    with running(other):
        assert "held: pause" in other.command("status").stdout
        verified = other.command("audit", "verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        before = other.runs()
        assert before
        hook.post()
        eventually(lambda: len(other.json("events", "list", "--limit", "500")) > 0)
        assert len(other.runs()) == len(before), "nothing begins while it is paused"
        assert other.command("resume").returncode == 0
        hook.post()
        eventually(lambda: finished(other, len(before) + 1), seconds=60, what="a new run, and the end of the old ones")


@pytest.fixture
def saved(hook: Hook) -> Path:
    hook.declare()
    file = hook.platform.folder.parent / "shop.backup"
    with running(hook.platform):
        hook.post()
        eventually(lambda: finished(hook.platform, 1), what="a run")
    assert hook.platform.command("backup", str(file)).returncode == 0, "a stopped one can be saved too"
    return file


def test_what_is_no_whole_backup_is_refused(hook: Hook, saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    foreign = tmp_path / "foreign.tar.gz"
    with tarfile.open(foreign, "w:gz") as archive:
        archive.add(__file__, arcname="../../evil")
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    (tmp_path / "turned").write_bytes(data[:-2000] + bytes(1000) + data[-1000:])
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("hello")
    for name in ("foreign.tar.gz", "cut", "turned", "empty", "text"):
        done = hook.platform.command("restore", str(tmp_path / name), str(tmp_path / "target"))
        assert done.returncode == 2, (name, done.stderr)
        assert "not a whole backup" in done.stderr
    assert hook.platform.command("restore", str(tmp_path / "nothing"), str(tmp_path / "target")).returncode == 3
    assert not (tmp_path / "target" / ".outrider").exists()
    assert not (tmp_path.parent / "evil").exists()


def test_no_path_leads_out_and_a_newer_form_is_named(hook: Hook, saved: Path, tmp_path: Path) -> None:
    with tarfile.open(saved) as archive:
        content = archive.extractfile("manifest.json")
        assert content is not None
        manifest = json.load(content)
    assert {"token", "orchestrator/orchestrator.db"} <= {file["path"] for file in manifest["files"]}
    assert not {"lock", "endpoint.json"} & {file["path"] for file in manifest["files"]}
    for name, changed, words in (
        ("out", {**manifest, "files": [{**manifest["files"][0], "path": "../x"}]}, "leads out"),
        ("newer", {**manifest, "format": 99}, "newer version"),
        ("no-store", {**manifest, "files": []}, "orchestrator.db is missing"),
    ):
        text = tmp_path / "manifest.json"
        text.write_text(json.dumps(changed))
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            archive.add(text, arcname="manifest.json")
        done = hook.platform.command("restore", str(tmp_path / name), str(tmp_path / "target"))
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr
