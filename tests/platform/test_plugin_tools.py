"""`outrider plugin new`, `test` and `run`: every template works in the real sandbox, and wrong plugins are found out."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.platform.harness import Platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
KINDS = ["trigger", "action", "output", "tool"]
SAID = {"trigger": "flag is gone", "action": "appended to", "output": "appended", "tool": "0 lines contain it"}


def new(platform: Platform, language: str, kind: str) -> Path:
    """Make a plugin and, where it must be, build it."""
    made = platform.json("plugin", "new", "my-own", "--type", kind, "--lang", language)
    folder: Path = platform.folder / made["folder"]
    if made["build"]:
        if shutil.which("go") is None:
            pytest.fail("go is missing: apt-get install golang-go")
        cache = platform.folder / "go-cache"
        subprocess.run(
            made["build"].split(), cwd=folder, check=True, env={**platform.environment, "GOCACHE": str(cache)}
        )
    return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["python", "nodejs", "go", "sh"])
def test_every_template_passes_its_own_test(platform: Platform, language: str, kind: str) -> None:
    folder = new(platform, language, kind)
    done = platform.command("plugin", "test", str(folder), "-o", "json")
    checks = {check["check"]: check for check in json.loads(done.stdout)}
    assert done.returncode == 0, done.stderr
    assert {check["state"] for check in checks.values()} == {"passed"}
    used = next(checks[name] for name in ("reports", "executes", "sends a report") if name in checks)
    assert SAID[kind] in used["detail"]


@pytest.mark.parametrize("language", ["python", "nodejs", "sh"])
def test_a_template_is_told_of_an_input_and_writes_what_it_got(platform: Platform, language: str) -> None:
    folder = new(platform, language, "output")
    report = json.dumps({"run": "R1", "steps": [{"text": 'a "quoted" \\ text', "number": 1.5}]}, separators=(",", ":"))
    done = platform.command("plugin", "run", str(folder), "--input", report)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if '"method":"send"' in line]
    assert said[0].startswith("<- ")
    assert '-> {"id":3,"result":{"summary":"appended"}}' in done.stdout.replace(" ", "").replace("->", "-> ")


def test_run_shows_the_dialogue_of_a_trigger(platform: Platform) -> None:
    folder = new(platform, "python", "trigger")
    done = platform.command(
        "plugin", "run", str(folder), "--config", '{"path": "flag", "every": 1}', "--seconds", "1.5"
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0].startswith('<- {"id":1,"method":"initialize"')
    assert any(line.startswith('-> {"method":"event"') and '"state":"gone"' in line for line in lines)
    assert any(line.startswith('<- {"method":"credit"') for line in lines)
    assert lines[-1].startswith("-> ")
    assert "sandbox: " in done.stderr


DIES = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    print(json.dumps({"id": message["id"], "result": {"ready": True, "protocol": 1}}), flush=True)
"""
WRONG = {
    "it ends at once": ("raise SystemExit(3)\n", "starts"),
    "it never answers": ("import time\ntime.sleep(60)\n", "starts"),
    "it speaks no protocol": ("import os\nos.write(1, b'hello\\n')\nimport time\ntime.sleep(60)\n", "starts"),
    "it dies of nonsense": (DIES, "survives what is no message"),
}


@pytest.mark.parametrize(("program", "failed"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_plugin_is_found_out(platform: Platform, program: str, failed: str) -> None:
    folder = new(platform, "python", "action")
    (folder / "my_own.py").write_text(program)
    done = platform.command("plugin", "test", str(folder), "-o", "json")
    assert done.returncode == 1, done.stdout
    assert failed in [check["check"] for check in json.loads(done.stdout) if check["state"] == "failed"]


def test_declarations_that_are_missing_are_named(platform: Platform) -> None:
    folder = new(platform, "sh", "trigger")
    manifest = folder / "plugin.yaml"
    text = manifest.read_text().replace("  additionalProperties: false\n", "")
    manifest.write_text(text.replace("description: seconds between two looks", "title: x"))
    (folder / "README.md").write_text("# my-own\n")
    done = platform.command("plugin", "test", str(folder))
    assert done.returncode == 1
    assert "FAILED  schemas are closed: additionalProperties: false is missing in configuration" in done.stdout
    assert "FAILED  fields are described: not described: every" in done.stdout
    assert "FAILED  README names every field: not named: path, every" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("new", "My_Plugin", "--type", "trigger"), 2, "no id of a plugin"),
        (("new", "my-own", "--type", "action"), 5, "is there already"),
        (("test", "nowhere"), 3, "plugin.yaml"),
        (("test", "plugins/my-own", "--config", "{"), 2, "--config: not JSON"),
        (("test", "plugins/my-own", "--config", "[]"), 2, "--config: not an object"),
        (("test", "plugins/my-own", "--config", '{"pth": "x"}'), 2, "unknown field 'pth'"),
        (("run", "plugins/my-own", "--input", '{"txt": "x"}'), 2, "unknown field 'txt'"),
    ],
)
def test_what_is_asked_wrongly_is_told(platform: Platform, words: tuple[str, ...], code: int, said: str) -> None:
    new(platform, "python", "action")
    done = platform.command("plugin", *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
