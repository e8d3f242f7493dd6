"""The wrapper in every CPython at hand: where it runs, where it does not, and that the program never notices."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wrapper.pythons import Python, old_pythons
from tests.wrapper.runs import PYTHON_FOLDER, hooks, run, start, write

pytestmark = pytest.mark.real
ARGUMENTS = "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(7)"


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    folder = tmp_path / "seen"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_script_is_wrapped_and_the_sidecar_sees_it(python: Python, tmp_path: Path, seen: Path) -> None:
    write(tmp_path, {"main.py": ARGUMENTS})
    done = run([python.program, tmp_path / "main.py", "a b"], WRAPPER_SEEN=seen)
    assert (done.code, done.err) == (7, "")
    assert done.out.endswith(" ['a b']\n")
    assert names(seen) == [f"python-{done.out.split()[0]}"]
    assert [path.stat().st_size for path in seen.iterdir()] == [0]


def test_a_module_is_wrapped(python: Python, tmp_path: Path, seen: Path) -> None:
    write(tmp_path, {"package/__init__.py": "", "package/__main__.py": ARGUMENTS})
    done = run([python.program, "-m", "package"], cwd=tmp_path, WRAPPER_SEEN=seen)
    assert (done.code, len(names(seen))) == (7, 1)


def test_a_virtual_environment_and_its_console_script_are_wrapped(environment: Path, seen: Path) -> None:
    for command in (["bin/app"], ["bin/python", "-c", "import app; app.main()"]):
        done = run([environment / command[0], *command[1:], "x"], WRAPPER_SEEN=seen)
        assert (done.lines[-1], done.err) == (f"app {environment} ['x']", "")
    assert len(names(seen)) == 2


def test_options_that_keep_the_wrapper(python: Python, seen: Path) -> None:
    options = ["-s", "-B", "-O", "-u", *(["-P"] if python.can_be_safe else [])]
    for option in options:
        assert run([python.program, option, "-c", ARGUMENTS], WRAPPER_SEEN=seen).code == 7
    assert len(names(seen)) == len(options)


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_options_that_leave_it_out(python: Python, seen: Path, option: str) -> None:
    assert run([python.program, option, "-c", ARGUMENTS], WRAPPER_SEEN=seen).code == 7
    assert names(seen) == []


def test_safe_paths_stay_safe(python: Python, tmp_path: Path) -> None:
    """Before 3.11 there are none."""
    write(tmp_path, {"other.py": ""})
    done = run([python.program, "-c", "import other"], cwd=tmp_path, PYTHONSAFEPATH=1)
    assert ("No module named 'other'" in done.err) is python.can_be_safe


def test_without_the_folder_of_the_wrapper_the_program_runs_in_silence(python: Python, tmp_path: Path) -> None:
    done = run([python.program, "-c", ARGUMENTS], path=[tmp_path / "missing"], wrapped=False)
    assert (done.code, done.err) == (7, "")


def test_where_no_mark_can_be_left_the_program_runs_in_silence(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"file": ""})
    for folder in (tmp_path / "missing", tmp_path / "file", "/proc", ""):
        done = run([python.program, "-c", ARGUMENTS], WRAPPER_SEEN=folder)
        assert (done.code, done.err) == (7, ""), folder


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_is_no_fault(seen: Path) -> None:
    seen.chmod(0o555)
    done = run([sys.executable, "-c", ARGUMENTS], WRAPPER_SEEN=seen)
    assert (done.code, done.err, names(seen)) == (7, "", [])


def test_the_wrapper_imports_nothing(python: Python, tmp_path: Path) -> None:
    """Its cost is its own text: each import would cost more."""
    settings: dict[str, Any] = {"WRAPPER_SEEN": tmp_path, "GATEWAY": "http://127.0.0.1:1", "PACKAGES": tmp_path}
    question = [python.program, "-c", "import sys; print(*sorted(sys.modules))"]
    modules, bare = (set(run(question, wrapped=wrapped, **settings).out.split()) for wrapped in (True, False))
    assert modules - bare <= {"sitecustomize"}


def test_child_processes_are_wrapped(python: Python, tmp_path: Path, seen: Path) -> None:
    text = "import multiprocessing as m, os, subprocess as s, sys\nif __name__ == '__main__':\n"
    text += "    s.check_call([sys.executable, '-c', 'pass'])\n    m.set_start_method('spawn')\n"
    text += "    p = m.Process(target=print, args=('spawned',)); p.start(); p.join()\n"
    write(tmp_path, {"main.py": text})
    done = run([python.program, tmp_path / "main.py"], WRAPPER_SEEN=seen)
    assert (done.code, done.out, done.err) == (0, "spawned\n", "")
    assert len(names(seen)) >= 3, "the program, its child and the spawned one"


def test_a_forked_process_does_not_start_again(python: Python, tmp_path: Path, seen: Path) -> None:
    write(tmp_path, {"hook.py": "print('hook', flush=True)"})
    fork = "import os\nif os.fork(): os.wait()\nelse: import sitecustomize"
    assert run([python.program, "-c", fork], WRAPPER_SEEN=seen, HOOKS=tmp_path / "hook.py").out == "hook\n"
    assert len(names(seen)) == 1


def test_packages_come_last(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"declared/both.py": "print('declared')", "declared/only.py": "print('only')"})
    write(tmp_path, {"own/both.py": "print('own')"})
    question = "import both, only, sys; print(sys.path[-1] == sys.argv[1])"
    command = [python.program, "-c", question, str(tmp_path / "declared")]
    done = run(command, path=[tmp_path / "own"], PACKAGES=tmp_path / "declared")
    assert (done.lines, done.err) == (["own", "only", "True"], "")


def test_packages_of_an_environment_win_over_declared_ones(environment: Path, tmp_path: Path) -> None:
    write(tmp_path, {"app.py": "raise SystemExit('the declared one')"})
    assert run([environment / "bin" / "app"], PACKAGES=tmp_path).code == 5


@pytest.mark.parametrize(
    ("template", "found"), [("{}", False), ("{}:", True), (":{}", True), ("{}::/nonexistent", True)]
)
def test_an_empty_piece_of_the_path_is_the_working_directory(
    python: Python, tmp_path: Path, template: str, found: bool
) -> None:
    """A fact of Python: whoever sets PYTHONPATH joins only pieces that are not empty."""
    write(tmp_path, {"here/other.py": "", "main.py": "import other"})
    environment = {"PYTHONPATH": template.format(PYTHON_FOLDER)}
    done = start([python.program, tmp_path / "main.py"], environment, tmp_path / "here")
    assert (done.code == 0) is found


def test_a_program_without_stderr_survives_what_there_is_to_say(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"hook.py": "raise ValueError"})
    shell = 'exec "$0" -c "raise SystemExit(7)" 2>&-'
    assert run(["sh", "-c", shell, python.program], HOOKS=tmp_path / "hook.py").code == 7


def test_a_path_with_letters_of_any_kind(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"ordner ä/häken.py": "raise ValueError('ü')"})
    done = run(
        [python.program, "-c", ARGUMENTS], HOOKS=hooks(tmp_path / "ordner ä" / "häken.py"), WRAPPER_SEEN=tmp_path
    )
    assert (done.code, done.err.count("\n")) == (7, 1)


@pytest.mark.parametrize("old", old_pythons(), ids=str)
def test_an_old_python_runs_as_ever(old: Python, tmp_path: Path) -> None:
    write(tmp_path, {"hook.py": "raise ValueError"})
    done = run([old.program, "-c", ARGUMENTS], WRAPPER_SEEN=tmp_path / "seen", HOOKS=tmp_path / "hook.py")
    assert (done.code, done.err) == (7, "")
