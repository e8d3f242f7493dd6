"""The `sitecustomize` that a program had before: it runs as it would without the wrapper, which hides it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wrapper.pythons import Python
from tests.wrapper.runs import PYTHON_FOLDER, Done, run, write

pytestmark = pytest.mark.real
IMPORT = "import sitecustomize; print(sitecustomize.__file__, sitecustomize.__name__, sitecustomize.__spec__.name)"
TWICE = """\
for attempt in (1, 2):
    try:
        import sitecustomize
    except BaseException as error:
        print(repr(error))
"""
RAISES = {
    "ValueError": "raise ValueError('bad')",
    "ImportError": "import missing_everywhere",
    "the same name": "raise ImportError('bad', name='sitecustomize')",
    "SyntaxError": "def",
}
ENDS = {
    "SystemExit": "raise SystemExit(3)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "at once": "import os; os._exit(4)",
    "without a text": "class Odd(Exception):\n    def __str__(self): return None\nraise Odd",
}


def both(python: Python, code: str, path: Path) -> tuple[Done, Done]:
    """Run code without and with the wrapper."""
    bare, wrapped = (run([python.program, "-c", code], path=[path], wrapped=wrapped) for wrapped in (False, True))
    return bare, wrapped


def test_one_on_the_path_runs_and_is_what_the_program_imports(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"sitecustomize.py": "print('theirs', __name__)"})
    bare, wrapped = both(python, IMPORT, tmp_path)
    assert wrapped == bare
    assert wrapped.lines == ["theirs sitecustomize", f"{tmp_path}/sitecustomize.py sitecustomize sitecustomize"]


def test_one_of_an_environment_runs(environment: Path) -> None:
    """Debian's own Python has one that comes before it."""
    bare, wrapped = (run([environment / "bin" / "python", "-c", IMPORT], wrapped=wrapped) for wrapped in (False, True))
    assert wrapped == bare
    assert wrapped.lines[0] == "of the environment" or wrapped.out.startswith("/usr/lib")


def test_the_first_of_several_runs(environment: Path, tmp_path: Path) -> None:
    write(tmp_path, {"a/sitecustomize.py": "print('a')", "b/sitecustomize.py": "print('b')"})
    command: list[str | Path] = [environment / "bin" / "python", "-c", "pass"]
    assert run(command, path=[tmp_path / "missing", tmp_path / "a", tmp_path / "b"]).out == "a\n"


def test_a_package_is_one_too(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"sitecustomize/__init__.py": "from . import part", "sitecustomize/part.py": "print('part')"})
    bare, wrapped = both(python, IMPORT, tmp_path)
    assert wrapped == bare
    assert wrapped.lines[0] == "part"


def test_a_bare_folder_of_that_name_is_passed_over(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"folder/sitecustomize/readme.txt": "", "own/sitecustomize.py": "print('own')"})
    done = run([python.program, "-c", "pass"], path=[tmp_path / "folder", tmp_path / "own"])
    assert (done.out, done.err) == ("own\n", "")


def test_the_program_runs_where_there_is_none(python: Python) -> None:
    """One that belongs to this machine's Python says nothing."""
    done = run([python.program, "-c", "import sitecustomize; print('program')"])
    assert (done.code, done.out, done.err) == (0, "program\n", "")


@pytest.mark.parametrize("text", RAISES.values(), ids=RAISES)
def test_what_it_raises_looks_as_without_the_wrapper(python: Python, tmp_path: Path, text: str) -> None:
    write(tmp_path, {"sitecustomize.py": text})
    bare, wrapped = both(python, "print('program')", tmp_path)
    assert wrapped == bare
    assert wrapped.out == "program\n"


def test_what_it_raises_is_raised_at_each_import(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"sitecustomize.py": "print('theirs'); raise ValueError('bad')"})
    bare, wrapped = both(python, TWICE, tmp_path)
    assert wrapped == bare
    assert wrapped.out.count("theirs") == 3


@pytest.mark.parametrize("text", ENDS.values(), ids=ENDS)
def test_what_ends_the_program_ends_it_as_without_the_wrapper(python: Python, tmp_path: Path, text: str) -> None:
    write(tmp_path, {"sitecustomize.py": text})
    bare, wrapped = both(python, "print('program')", tmp_path)
    assert (wrapped.code, wrapped.out) == (bare.code, bare.out)
    assert wrapped.err.splitlines()[-1:] == bare.err.splitlines()[-1:]


def test_hooks_run_after_it_and_although_it_failed(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"sitecustomize.py": "print('theirs'); raise ValueError('bad')", "hook.py": "print('hook')"})
    done = run([python.program, "-c", "print('program')"], path=[tmp_path], HOOKS=tmp_path / "hook.py")
    assert done.lines == ["theirs", "hook", "program"]
    assert done.err.splitlines()[-1] == "ValueError: bad"


def test_one_that_takes_itself_away_and_looks_for_the_next(python: Python, tmp_path: Path) -> None:
    """Other wrappers do that."""
    text = "import os, sys\nprint('other')\nsys.path.remove(os.path.dirname(__file__))\n"
    text += "del sys.modules['sitecustomize']\nimport sitecustomize\n"
    write(
        tmp_path, {"other/sitecustomize.py": text, "own/sitecustomize.py": "print('own')", "hook.py": "print('hook')"}
    )
    command = [python.program, "-c", "print('program')"]
    done = run(command, path=[tmp_path / "other", tmp_path / "own"], HOOKS=tmp_path / "hook.py")
    assert (done.lines, done.err) == (["other", "own", "hook", "program"], "")


def link_the_file(folder: Path) -> None:
    """As a mounted ConfigMap does."""
    folder.mkdir()
    (folder / "sitecustomize.py").symlink_to(PYTHON_FOLDER / "sitecustomize.py")


@pytest.mark.parametrize(
    "make",
    [
        link_the_file,
        lambda folder: folder.symlink_to(PYTHON_FOLDER),
        lambda folder: shutil.copytree(PYTHON_FOLDER, folder),
    ],
    ids=["file", "link", "copy"],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_wrapper_twice_on_the_path_runs_once(
    python: Python, tmp_path: Path, make: Callable[[Path], object], order: int
) -> None:
    make(tmp_path / "second")
    write(tmp_path, {"own/sitecustomize.py": "print('own')", "hook.py": "print('hook')"})
    path = [*[PYTHON_FOLDER, tmp_path / "second"][::order], tmp_path / "own"]
    done = run([python.program, "-c", "print('program')"], path=path, wrapped=False, HOOKS=tmp_path / "hook.py")
    assert (done.lines, done.err) == (["own", "hook", "program"], "")


def test_the_one_of_the_user_runs_as_ever(python: Python, tmp_path: Path) -> None:
    folder = f"lib/python{python.version[0]}.{python.version[1]}/site-packages"
    write(tmp_path, {f"{folder}/usercustomize.py": "print('user')"})
    command = [python.program, "-c", "print('program')"]
    assert run(command, PYTHONUSERBASE=tmp_path).lines == ["user", "program"]
    assert run([python.program, "-s", *command[1:]], PYTHONUSERBASE=tmp_path).lines == ["program"]
