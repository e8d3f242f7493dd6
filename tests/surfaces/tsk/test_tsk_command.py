"""`outrider tsk` and `outrider plan FILE`, as a person types them."""

import json
import os
from pathlib import Path

import pytest

from outrider.surfaces.cli.app import run

FILE = """\
# a flag file and its digest
$root: @var.root
[flag]
first: @host({ action: "file_write", path: $root + "/a", content: "1" })
second: @host("file_write", { path: $root + "/b", content: first.sha256 })
"""


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "deploy.tsk"
    path.write_text(FILE)
    return path


def test_plan_and_apply(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(file), f"root={home}", "-o", "json"]) == 6
    plan = json.loads(capsys.readouterr().out)
    assert [item["operation"] for item in plan["items"]] == ["host.file_write", "host.file_write"]
    assert not (home / "a").exists()
    assert run(["apply", plan["id"], "--yes"]) == 0
    assert len((home / "b").read_text()) == 64


def test_apply_in_one_step(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tsk", "apply", str(file), "--var", f"root={home}"]
    assert run(words) == 6
    assert not (home / "a").exists()
    assert "apply it with" in capsys.readouterr().out
    assert run([*words, "--yes"]) == 0
    assert (home / "a").read_text() == "1"


def test_eval_shows_values_and_changes_nothing(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reads = home / "reads.tsk"
    reads.write_text('[host]\nname: @host("facts").hostname\nshort: name == "x" ? 1 : 2\n')
    assert run(["tsk", "eval", str(reads)]) == 0
    assert json.loads(capsys.readouterr().out)["host"] == {"name": os.uname().nodename, "short": 2}
    assert run(["tsk", "eval", str(file), "--var", f"root={home}"]) == 2
    assert "outrider plan" in capsys.readouterr().err


def test_fmt_keeps_comments_and_tells_what_it_did(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "x.tsk"
    path.write_text("a=1   # why\n\n\n\n  b :2")
    assert run(["tsk", "fmt", "--check", str(path)]) == 6
    assert path.read_text().startswith("a=1")
    assert run(["tsk", "fmt", str(path)]) == 0
    assert path.read_text() == "a: 1   # why\n\nb: 2\n"
    capsys.readouterr()
    assert run(["tsk", "fmt", "--check", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_check_names_every_fault(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = home / "bad.tsk"
    bad.write_text('a: @host("factz")\nb: tru\n')
    assert run(["tsk", "check", str(bad)]) == 2
    shown = capsys.readouterr().err
    assert "bad.tsk:1:4" in shown
    assert "bad.tsk:2:4" in shown
    assert run(["tsk", "check", str(file)]) == 0


def test_to_yaml_and_back_plans_the_same(home: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tsk", "to-yaml", str(file)]) == 0
    yaml = home / "deploy.yaml"
    yaml.write_text(capsys.readouterr().out)
    digests = []
    for path in (file, yaml):
        assert run(["plan", str(path), f"root={home}", "-o", "json"]) == 6
        digests.append(json.loads(capsys.readouterr().out)["digest"])
    assert digests[0] == digests[1]
    assert run(["tsk", "to-yaml", str(yaml)]) == 0
    assert "@host(" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["tsk", "check", "nowhere.tsk"], 3, "no such file"),
        (["tsk", "eval", "deploy.tsk", "--var", "root"], 2, "NAME=VALUE"),
        (["tsk", "eval", "deploy.tsk", "--var", "a=1", "--var", "a=2"], 5, "twice"),
        (["plan", "deploy.tsk"], 3, "deploy.tsk:2:8"),
        (["tsk", "check", "."], 2, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(
    file: Path, words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == status
    assert message in capsys.readouterr().err
