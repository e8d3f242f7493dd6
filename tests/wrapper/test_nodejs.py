"""The wrapper in Node.js: CommonJS and ESM, child processes, threads, hooks."""

import shutil
from pathlib import Path

import pytest

from tests.wrapper.runs import NODE_FILE, hooks, run_node, write

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("node") is None, reason="node is missing")]
GOES_ON = "; the program goes on without it\n"
ENDS = "; the program is not started, as OUTRIDER_WRAPPER_REQUIRED=1\n"
PROGRAM = "console.log('program'); process.exitCode = 7;"
FAILS = {
    "throws": ("throw new TypeError('two\\nlines')", "TypeError: two lines"),
    "throws nothing": ("throw undefined", "undefined"),
    "throws what has no text": ("throw Object.create(null)", "an error without a name"),
    "throws what has no end": ("throw { toString() { throw this; } }", "an error without a name"),
    "cannot be read": ("function", "SyntaxError: "),
    "requires": ("require('missing-everywhere')", "Cannot find module 'missing-everywhere'"),
}
CHILDREN = """
const { execFileSync, fork } = require("child_process");
console.log(execFileSync(process.execPath, ["-e", "console.log('child')"]).toString().trim());
fork(process.argv[2]).on("exit", (code) => console.log("forked", code));
"""
THREADS = """
const { Worker } = require("worker_threads");
const worker = new Worker("console.log(globalThis.hooked)", { eval: true });
worker.on("error", (error) => console.log("error", error)).on("exit", (code) => console.log("thread", code));
"""


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    folder = tmp_path / "seen"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["main.cjs", "main.mjs", "main.js"])
def test_a_program_is_wrapped_and_the_sidecar_sees_it(tmp_path: Path, seen: Path, name: str) -> None:
    text = "console.log(process.pid, process.argv.slice(2)); process.exitCode = 7;"
    write(tmp_path, {name: ("import 'node:fs';" if name == "main.mjs" else "") + text})
    done = run_node([tmp_path / name, "a b"], WRAPPER_SEEN=seen)
    assert (done.code, done.err) == (7, "")
    assert done.out.endswith(" [ 'a b' ]\n")
    assert names(seen) == [f"nodejs-{done.out.split()[0]}"]
    assert [path.stat().st_size for path in seen.iterdir()] == [0]


def test_child_processes_are_wrapped(tmp_path: Path, seen: Path) -> None:
    write(tmp_path, {"main.cjs": CHILDREN, "child.mjs": "process.exit(5);", "hook.cjs": "console.log('hook')"})
    done = run_node([tmp_path / "main.cjs", tmp_path / "child.mjs"], WRAPPER_SEEN=seen, HOOKS=tmp_path / "hook.cjs")
    assert (done.lines, done.err) == (["hook", "hook", "child", "hook", "forked 5"], "")
    assert len(names(seen)) == 3


def test_threads_have_the_hooks_and_are_not_counted(tmp_path: Path, seen: Path) -> None:
    write(tmp_path, {"main.cjs": THREADS, "hook.cjs": "globalThis.hooked = 'hooked'"})
    done = run_node([tmp_path / "main.cjs"], WRAPPER_SEEN=seen, HOOKS=tmp_path / "hook.cjs")
    assert (done.lines, done.err) == (["hooked", "thread 0"], "")
    assert len(names(seen)) == 1


def test_a_required_hook_that_fails_in_a_thread_ends_the_thread(tmp_path: Path) -> None:
    hook = "if (!require('worker_threads').isMainThread) throw new Error('bad')"
    write(tmp_path, {"main.cjs": THREADS, "hook.cjs": hook})
    done = run_node([tmp_path / "main.cjs"], HOOKS=tmp_path / "hook.cjs", WRAPPER_REQUIRED=1)
    assert (done.code, done.out) == (0, "thread 78\n")
    assert done.err == f"outrider: hook {tmp_path}/hook.cjs failed: Error: bad{ENDS}"


def test_hooks_run_in_order_and_those_of_other_runtimes_are_left_to_them(tmp_path: Path) -> None:
    files = {"b.cjs": "console.log('b')", "a.js": "console.log('a')", "c.py": "(", "d.mjs": "throw 1", "cjs": "throw 1"}
    write(tmp_path, files)
    done = run_node(["-e", PROGRAM], HOOKS=f":{hooks(*(tmp_path / name for name in files))}::", WRAPPER_REQUIRED=1)
    assert (done.code, done.lines, done.err) == (7, ["b", "a", "program"], "")


def test_what_hooks_change_holds_for_the_program(tmp_path: Path) -> None:
    write(tmp_path, {"hook.cjs": "require('os').hostname = () => 'changed'"})
    write(tmp_path, {"main.mjs": "import os from 'node:os'; console.log(os.hostname());"})
    assert run_node([tmp_path / "main.mjs"], HOOKS=tmp_path / "hook.cjs").out == "changed\n"


@pytest.mark.parametrize(("text", "words"), FAILS.values(), ids=FAILS)
def test_one_that_fails_is_named_and_the_program_goes_on(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, {"bad.cjs": text, "good.js": "console.log('good')"})
    done = run_node(["-e", PROGRAM], HOOKS=hooks(tmp_path / "bad.cjs", tmp_path / "good.js"))
    assert (done.code, done.lines) == (7, ["good", "program"])
    assert done.err.startswith(f"outrider: hook {tmp_path}/bad.cjs failed: ")
    assert words in done.err
    assert (done.err.endswith(GOES_ON), done.err.count("\n")) == (True, 1)


@pytest.mark.parametrize("text", [text for text, _ in FAILS.values()], ids=FAILS)
def test_one_that_fails_ends_the_program_where_it_is_required(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"good.js": "console.log('good')", "bad.cjs": text})
    done = run_node(["-e", PROGRAM], HOOKS=hooks(tmp_path / "good.js", tmp_path / "bad.cjs"), WRAPPER_REQUIRED=1)
    assert (done.code, done.out) == (78, "good\n")
    assert (done.err.endswith(ENDS), done.err.count("\n")) == (True, 1)


def test_one_that_is_missing_fails(tmp_path: Path) -> None:
    assert run_node(["-e", PROGRAM], HOOKS=tmp_path / "missing.cjs").lines == ["program"]
    assert run_node(["-e", PROGRAM], HOOKS=tmp_path / "missing.cjs", WRAPPER_REQUIRED=1).code == 78
    assert run_node(["-e", PROGRAM], HOOKS=tmp_path / "missing.cjs", WRAPPER_REQUIRED=0).code == 7


def test_where_no_mark_can_be_left_the_program_runs_in_silence(tmp_path: Path) -> None:
    write(tmp_path, {"file": ""})
    for folder in (tmp_path / "missing", tmp_path / "file", "/proc", ""):
        done = run_node(["-e", PROGRAM], WRAPPER_SEEN=folder)
        assert (done.code, done.out, done.err) == (7, "program\n", ""), folder


def test_a_path_with_spaces_is_quoted(tmp_path: Path, seen: Path) -> None:
    """A fact of Node.js: whoever sets NODE_OPTIONS puts quotes around the path."""
    write(tmp_path, {"with space/outrider.cjs": NODE_FILE.read_text()})
    done = run_node(["-e", PROGRAM], file=tmp_path / "with space" / "outrider.cjs", WRAPPER_SEEN=seen)
    assert (done.code, len(names(seen))) == (7, 1)


def test_without_the_file_of_the_wrapper_no_program_starts(tmp_path: Path) -> None:
    """A fact of Node.js, unlike Python: whoever fills the folder fails loudly before."""
    done = run_node(["-e", PROGRAM], file=tmp_path / "missing.cjs")
    assert (done.code, done.out) == (1, "")
