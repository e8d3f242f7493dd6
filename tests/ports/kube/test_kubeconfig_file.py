"""A context comes into the user's kubeconfig file and goes again; nothing else in it changes."""

import fcntl
import json
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.ports.kube import kubeconfig_file
from outrider.ports.kube.kubeconfig_file import add_context, remove_context
from outrider.ports.secrets.private_files import write_private
from tests.ports.kube.support import KUBECTL, needs_kubectl

PARTS = ("clusters", "users", "contexts")
OWN = "outrider-staging"
ADDER = """
import sys
from pathlib import Path
from outrider.ports.kube.kubeconfig_file import add_context
print("ready", flush=True)
sys.stdin.readline()
add_context(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def new(folder: Path, name: str = OWN, token: str = "t") -> Path:
    """A file with one context, as that of a cluster."""
    file = folder / f"{name}.new"
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": "https://10.251.0.2:6443"}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }  # fmt: skip
    file.write_text(json.dumps(document))
    return file


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def names(file: Path, part: str = "contexts") -> list[str]:
    return [entry["name"] for entry in read(file)[part]]


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The user's file, with a cluster of their own."""
    file = tmp_path / "config"
    new(tmp_path, "work").rename(file)
    return file


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / ".kube" / "config"
    assert add_context(file, new(tmp_path)) == ""
    assert read(file) == json.loads(new(tmp_path).read_text())
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_where_there_is_no_file_there_is_nothing_to_remove(tmp_path: Path) -> None:
    remove_context(tmp_path / "config", OWN)
    assert list(tmp_path.iterdir()) == []


def test_the_new_context_is_selected_and_the_one_before_is_told_and_comes_back(user: Path) -> None:
    assert add_context(user, new(user.parent)) == "work"
    assert (read(user)["current-context"], names(user)) == (OWN, ["work", OWN])
    remove_context(user, OWN, "work")
    assert (read(user)["current-context"], names(user)) == ("work", ["work"])


def test_a_context_that_was_selected_meanwhile_stays_selected(user: Path) -> None:
    add_context(user, new(user.parent))
    add_context(user, new(user.parent, "later"))
    remove_context(user, OWN, "work")
    assert (read(user)["current-context"], names(user)) == ("later", ["work", "later"])


def test_a_context_that_is_gone_is_not_selected_again(user: Path) -> None:
    add_context(user, new(user.parent))
    remove_context(user, "work")
    remove_context(user, OWN, "work")
    assert (read(user)["current-context"], names(user)) == ("", [])


def test_what_has_the_same_name_is_replaced_in_its_place(user: Path) -> None:
    add_context(user, new(user.parent, token="old"))
    add_context(user, new(user.parent, "later"))
    add_context(user, new(user.parent, token="new"))
    assert names(user, "users") == ["work", OWN, "later"]
    assert read(user)["users"][1]["user"] == {"token": "new"}
    assert add_context(user, new(user.parent)) == "", "it was selected already"


def test_only_the_owner_may_read_a_new_file_and_who_might_before_that_of_the_user(user: Path) -> None:
    added = new(user.parent)
    add_context(user.parent / "fresh", added)
    assert (user.parent / "fresh").stat().st_mode & 0o777 == 0o600
    for mode in (0o600, 0o640):
        user.chmod(mode)
        add_context(user, added)
        assert user.stat().st_mode & 0o777 == mode


def test_a_link_stays_one(user: Path) -> None:
    link = user.parent / "folder" / "link"
    link.parent.mkdir()
    link.symlink_to("../config")
    add_context(link, new(user.parent))
    remove_context(link, "work")
    assert link.is_symlink()
    assert names(user) == [OWN]
    assert [one.name for one in link.parent.iterdir()] == ["link"]


def test_a_link_to_nothing_gets_a_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there")
    add_context(link, new(tmp_path))
    assert names(tmp_path / "there") == [OWN]


def test_nothing_else_is_left_beside_it(user: Path) -> None:
    there = set(user.parent.iterdir()) | {new(user.parent)}
    add_context(user, new(user.parent))
    remove_context(user, OWN)
    assert set(user.parent.iterdir()) == there
    user.write_text("hello")
    with pytest.raises(InvalidConfigError):
        remove_context(user, OWN)
    assert set(user.parent.iterdir()) == there


def refusal(text: str, why: str = "") -> Any:
    return pytest.param(text, id=f"{text[:25]} {why}".strip())


@pytest.mark.parametrize(
    "text",
    [
        *map(refusal, ("- a", "hello", "a: b: c", "users: {a: b}", "users: [{}]", "contexts: [null]", "users: 7",
        "clusters: [a]", "a: *b", "\0")),
        refusal("x: !!int y", "ValueError of Python, no InvalidConfigError"),
        refusal("users: [{name: [a]}]", "TypeError of Python, no InvalidConfigError"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_and_stays_as_it_is(user: Path, text: str) -> None:
    user.write_text(text)
    with pytest.raises(InvalidConfigError, match="no kubeconfig file"):
        add_context(user, new(user.parent))
    assert user.read_text() == text


def test_bytes_that_are_no_text_are_refused_and_stay(user: Path) -> None:
    user.write_bytes(b"\xff\xfe\x80")
    for change in (lambda: add_context(user, new(user.parent)), lambda: remove_context(user, OWN)):
        with pytest.raises(InvalidConfigError, match=str(user)):
            change()
    assert user.read_bytes() == b"\xff\xfe\x80"


@pytest.mark.parametrize(
    "text", ["users: [{name: a, user: {token: s3cr3t", "users: [{name: a, user: {token: 's3cr3t}}]"]
)
def test_an_error_shows_no_secret(user: Path, text: str) -> None:
    user.write_text(text)
    with pytest.raises(InvalidConfigError) as caught:
        add_context(user, new(user.parent))
    assert "s3cr3t" not in str(caught.value.body())


TEXT = st.text(max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2), max_leaves=4,
)  # fmt: skip
ENTRIES = st.lists(
    st.builds(lambda name, more: {**more, "name": name}, TEXT, st.dictionaries(TEXT, VALUES, max_size=2)),
    max_size=3,
    unique_by=lambda entry: entry["name"],
)
DOCUMENTS = st.builds(
    lambda more, parts: {**more, **parts}, st.dictionaries(TEXT, VALUES, max_size=3),
    st.fixed_dictionaries({}, optional={**{part: ENTRIES | st.none() for part in PARTS}, "current-context": TEXT}),
)  # fmt: skip


def meaning(document: dict[str, Any]) -> dict[str, Any]:
    """The document, where a part that is not there, null and empty are one."""
    return {
        **document,
        **{part: document.get(part) or [] for part in PARTS},
        "current-context": document.get("current-context") or "",
    }


@given(DOCUMENTS)
@settings(max_examples=60, deadline=None)
def test_what_was_there_is_there_after_a_context_has_come_and_gone(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config"
        file.write_text(yaml.safe_dump(document))
        before = read(file) or {}
        selected = add_context(file, new(Path(folder)))
        during = read(file)
        remove_context(file, OWN, selected)
        after = read(file)
    assert [entry["name"] for entry in during["contexts"]] == [
        *(one["name"] for one in before.get("contexts") or ()),
        OWN,
    ]
    if any(entry["name"] == selected for entry in before.get("contexts") or ()):
        assert meaning(after) == meaning(before)
    else:
        assert {**meaning(after), "current-context": ""} == {**meaning(before), "current-context": ""}


def start_adder(file: Path, added: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", ADDER, str(file), str(added)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.real
def test_two_processes_at_once_lose_nothing(user: Path) -> None:
    both = [start_adder(user, new(user.parent, name)) for name in ("one", "two")]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.communicate("\n", timeout=30)
        assert process.returncode == 0
    assert sorted(names(user)) == ["one", "two", "work"]
    assert all(sorted(names(user, part)) == ["one", "two", "work"] for part in PARTS)


class Locks:
    """What writers do with the lock, and writers that wait within it until they are let go.

    Attributes:
        asked: Is set once a writer asks for the lock.
        inside: Is set once it writes.
        go: Lets it go on.
        held: Writers that had to wait.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *held_up: str) -> None:
        self.asked = defaultdict[str, threading.Event](threading.Event)
        self.inside, self.go = self.asked.copy(), self.asked.copy()
        self.held: list[str] = []
        self._held_up = held_up
        self._flock, self._write = fcntl.flock, write_private
        monkeypatch.setattr(fcntl, "flock", self._lock)
        monkeypatch.setattr(kubeconfig_file, "write_private", self._written)

    def _lock(self, descriptor: int, operation: int) -> None:
        name = threading.current_thread().name
        try:
            self._flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            self.held.append(name)
            self.asked[name].set()
            self._flock(descriptor, operation)
        self.asked[name].set()

    def _written(self, path: Path, data: bytes) -> None:
        name = threading.current_thread().name
        self.inside[name].set()
        assert name not in self._held_up or self.go[name].wait(20)
        self._write(path, data)


def test_a_third_one_waits_for_the_second(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locks = Locks(monkeypatch, "first", "second")
    first, second, third = (
        threading.Thread(target=add_context, args=(user, new(user.parent, name)), name=name)
        for name in ("first", "second", "third")
    )
    first.start()
    assert locks.inside["first"].wait(20)
    second.start()
    assert locks.asked["second"].wait(20)
    locks.go["first"].set()
    assert locks.inside["second"].wait(20), "it is its turn"
    third.start()
    assert locks.asked["third"].wait(20)
    locks.go["second"].set()
    for thread in (first, second, third):
        thread.join()
    assert (locks.held, names(user)) == (["second", "third"], ["work", "first", "second", "third"])


def kubectl(file: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(KUBECTL), "config", *arguments, "--kubeconfig", str(file)],
        env={"HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.real
@needs_kubectl
def test_kubectl_reads_and_writes_the_same_file(user: Path) -> None:
    kubectl(
        user, "set-credentials", "ci", "--token=12345", "--exec-command=login", "--exec-arg=-v", "--exec-env=A=true"
    )
    kubectl(user, "set-context", "2026-01-02", "--cluster=work", "--user=ci", "--namespace=12:30")
    before = kubectl(user, "view", "--raw", "-o", "json")
    selected = add_context(user, new(user.parent))
    assert kubectl(user, "current-context") == f"{OWN}\n"
    kubectl(user, "set-context", OWN, "--namespace=shop")
    remove_context(user, OWN, selected)
    assert kubectl(user, "view", "--raw", "-o", "json") == before


def untaken(written: str) -> Any:
    return pytest.param(
        written,
    )


@pytest.mark.real
@needs_kubectl
@pytest.mark.parametrize(
    "written",
    [
        "'1e3'",
        "'y'",
        "'0o17'",
        "'.5e1'",
        "'2026-01-01'",
        "'12:30'",
        "'null'",
        "'~'",
        "'='",
        "'<<'",
        "'a: b'",
        "'é'",
        "' '",
        r"'\'",
        *map(untaken, ("12:30", "2018-03-01T00:00:00Z", "2018-03-01T10:00:00+02:00", "2026-13-99")),
    ],
)
def test_what_kubectl_read_before_it_reads_after(user: Path, written: str) -> None:
    user.write_text(f"users: [{{name: a, user: {{token: {written}}}}}]\n")
    before = kubectl(user, "view", "--raw", "-o", "json")
    add_context(user, new(user.parent))
    remove_context(user, OWN)
    assert json.loads(kubectl(user, "view", "--raw", "-o", "json"))["users"] == json.loads(before)["users"]
