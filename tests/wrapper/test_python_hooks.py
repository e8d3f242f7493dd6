"""Hooks of the customer: Python that runs before the program."""

from pathlib import Path
from typing import Any

import pytest

from tests.wrapper.pythons import Python
from tests.wrapper.runs import Done, hooks, run, write

pytestmark = pytest.mark.real
PROGRAM = "print('program')"
FAILS = {
    "raises": ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    "has no words": ("raise ValueError", "ValueError"),
    "cannot be read": ("def", "SyntaxError: "),
    "ends": ("raise SystemExit(3)", "SystemExit: 3"),
    "imports": ("import missing_everywhere", "No module named 'missing_everywhere'"),
    "is odd": ("class Odd(BaseException):\n    def __str__(self): raise self\nraise Odd", "Odd"),
}


def with_hooks(python: Python, *files: Path, program: str = PROGRAM, **variables: Any) -> Done:
    return run([python.program, "-c", program], HOOKS=hooks(*files), **variables)


def test_they_run_in_order_each_in_a_module_of_its_own(python: Python, tmp_path: Path) -> None:
    text = "print(__name__, __file__, sorted(name for name in globals() if name[0] != '_'))\nleft = 1"
    write(tmp_path, {"b.py": text, "a.py": text})
    done = with_hooks(python, tmp_path / "b.py", tmp_path / "a.py")
    assert done.lines == [*(f"outrider_hook {tmp_path}/{name}.py []" for name in "ba"), "program"]
    assert (done.code, done.err) == (0, "")


def test_what_they_change_holds_for_the_program(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"hook.py": "import json\njson.dumps = lambda given: 'changed'"})
    assert with_hooks(python, tmp_path / "hook.py", program="import json; print(json.dumps({}))").out == "changed\n"


def test_they_know_the_declared_packages(python: Python, tmp_path: Path) -> None:
    write(tmp_path, {"packages/declared.py": "print('declared')", "hook.py": "import declared"})
    done = with_hooks(python, tmp_path / "hook.py", PACKAGES=tmp_path / "packages")
    assert done.lines == ["declared", "program"]


def test_they_may_define_what_looks_its_module_up(python: Python, tmp_path: Path) -> None:
    text = "from typing import NamedTuple\nclass Pair(NamedTuple):\n    left: 'int'\nprint(Pair(1).left)\n"
    if python.version >= (3, 7):
        text = "from __future__ import annotations\nfrom dataclasses import dataclass, field\n" + text
        text += "@dataclass\nclass Data:\n    values: list[int] = field(default_factory=list)\nData()\n"
    write(tmp_path, {"hook.py": text})
    done = with_hooks(python, tmp_path / "hook.py")
    assert (done.lines, done.err) == (["1", "program"], "")


def test_files_of_other_runtimes_are_left_to_them(python: Python, tmp_path: Path) -> None:
    write(
        tmp_path, {"hook.cjs": "throw 1", "hook.js": "throw 1", "hook.jar": "", "hook": "", "hook.py": "print('hook')"}
    )
    files = [tmp_path / name for name in ("hook.cjs", "hook.js", "hook.jar", "hook", "hook.py")]
    done = run([python.program, "-c", PROGRAM], HOOKS=":" + hooks(*files) + "::", WRAPPER_REQUIRED=1)
    assert (done.lines, done.err) == (["hook", "program"], "")


@pytest.mark.parametrize(("text", "words"), FAILS.values(), ids=FAILS)
def test_one_that_fails_is_named_and_the_program_goes_on(python: Python, tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, {"bad.py": text, "good.py": "print('good')"})
    done = with_hooks(python, tmp_path / "bad.py", tmp_path / "good.py")
    assert (done.code, done.lines) == (0, ["good", "program"])
    assert done.err.startswith(f"outrider: hook {tmp_path}/bad.py failed: ")
    assert done.err.endswith("; the program goes on without it\n")
    assert words in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("text", [text for text, _ in FAILS.values()], ids=FAILS)
def test_one_that_fails_ends_the_program_where_it_is_required(python: Python, tmp_path: Path, text: str) -> None:
    write(tmp_path, {"good.py": "print('good')", "bad.py": text})
    done = with_hooks(python, tmp_path / "good.py", tmp_path / "bad.py", WRAPPER_REQUIRED=1)
    assert (done.code, done.out) == (78, "good\n")
    assert done.err.endswith("; the program is not started, as OUTRIDER_WRAPPER_REQUIRED=1\n")
    assert done.err.count("\n") == 1


def test_one_that_is_missing_fails(python: Python, tmp_path: Path) -> None:
    missing = tmp_path / "missing.py"
    done = with_hooks(python, missing)
    assert done.out == "program\n"
    assert f"hook {missing} failed: FileNotFoundError: " in done.err
    assert with_hooks(python, missing, WRAPPER_REQUIRED=1).code == 78
    assert with_hooks(python, missing, WRAPPER_REQUIRED=0).code == 0


def test_who_interrupts_the_start_is_heard(python: Python, tmp_path: Path) -> None:
    text = "import os, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # these tests may ignore it
    write(tmp_path, {"hook.py": text + "os.kill(os.getpid(), signal.SIGINT)\nwhile True: pass"})
    done = with_hooks(python, tmp_path / "hook.py")
    assert done.code != 0
    assert done.out == ""
