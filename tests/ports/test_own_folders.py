"""A folder goes away with the process that has it, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from outrider.ports.own_folders import own_folder

HELD = """
import sys, time
from pathlib import Path
from outrider.ports.own_folders import own_folder

with own_folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_it_is_empty_and_goes_away(tmp_path: Path) -> None:
    with own_folder(tmp_path / "place") as folder:
        assert (folder.parent, list(folder.iterdir())) == (tmp_path / "place", [])
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "file").write_text("x")
    assert list((tmp_path / "place").iterdir()) == []


def test_what_a_killed_process_leaves_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HELD, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    try:
        killed, living = (Path(one.stdout.readline().strip()) for one in started if one.stdout is not None)
        started[0].kill()
        assert started[0].wait() == -signal.SIGKILL
        assert (killed / "file").is_file()
        with own_folder(tmp_path) as own, own_folder(tmp_path) as other:
            assert sorted(tmp_path.iterdir()) == sorted([living, own, other])
            assert (living / "file").is_file()
    finally:
        for one in started:
            one.kill()
            one.communicate()


def test_what_is_no_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "link").symlink_to(tmp_path / "others")
    (tmp_path / "place" / "file").write_text("x")
    with own_folder(tmp_path / "place"):
        assert (tmp_path / "others").is_dir()
        assert (tmp_path / "place" / "file").is_file()
