import json
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError
from outrider.ports.secrets.private_files import create_private, read_private, write_private
from outrider.ports.secrets.store import SecretStore

SETTER = """
import sys
from pathlib import Path
from outrider.ports.secrets.store import SecretStore
for number in range(10):
    SecretStore(Path(sys.argv[1])).set(f"{sys.argv[2]}-{number}", sys.argv[2])
"""


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "state")


def test_set_get_list_remove(store: SecretStore) -> None:
    store.set("b", "välue\n")
    store.set("a", "1")
    store.set("a", "2")
    assert (store.list(), store.get("a").reveal(), store.get("b").reveal()) == (["a", "b"], "2", "välue\n")
    store.remove("a")
    assert store.list() == ["b"]


def test_files_hold_no_value_and_are_private(store: SecretStore) -> None:
    store.set("token", "s3cr3t-value")
    assert b"s3cr3t" not in store.path.read_bytes()
    assert [path.stat().st_mode & 0o777 for path in (store.path, store.key_path, store.path.parent)] == [
        0o600,
        0o600,
        0o700,
    ]
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["secrets.json", "secrets.key"]


def test_empty_store_makes_no_files(store: SecretStore) -> None:
    assert store.list() == []
    with pytest.raises(NotFoundError):
        store.get("a")
    assert not store.path.parent.exists()


@pytest.mark.parametrize("call", ["get", "remove"])
def test_unknown_name(store: SecretStore, call: str) -> None:
    store.set("token", "v")
    with pytest.raises(NotFoundError, match="secret 'tokn' is not known") as caught:
        getattr(store, call)("tokn")
    assert caught.value.suggestions == ["outrider secret set tokn", "did you mean 'token'?"]


@pytest.mark.parametrize("name", ["", "Upper", "a b", "-a", "a" * 64, "a\n", "../a"])
def test_impossible_names(store: SecretStore, name: str) -> None:
    with pytest.raises(InvalidConfigError, match="cannot be the name of a secret"):
        store.set(name, "v")


@pytest.mark.parametrize("value", ["", "x" * 65537, "\ud800"])
def test_impossible_values(store: SecretStore, value: str) -> None:
    with pytest.raises(InvalidConfigError, match="secret 'a'"):
        store.set("a", value)
    assert store.list() == []


@pytest.mark.parametrize("file", ["secrets.json", "secrets.key"])
def test_open_modes_are_refused(store: SecretStore, file: str) -> None:
    store.set("a", "v")
    path = store.path.with_name(file)
    path.chmod(0o644)
    with pytest.raises(DeniedError, match="has mode 0644") as caught:
        store.get("a")
    assert caught.value.suggestions == [f"chmod 600 {path}"]


def test_swapped_values_are_refused(store: SecretStore) -> None:
    store.set("a", "1")
    store.set("b", "2")
    document = json.loads(store.path.read_text())
    document["secrets"]["a"] = document["secrets"]["b"]
    write_private(store.path, json.dumps(document).encode())
    with pytest.raises(InvalidConfigError, match="secret 'a' cannot be opened"):
        store.get("a")


@pytest.mark.parametrize("sealed", ["", "AAAA", "no base64!"])
def test_damaged_value_is_refused(store: SecretStore, sealed: str) -> None:
    store.set("a", "1")
    write_private(store.path, json.dumps({"version": 1, "secrets": {"a": sealed}}).encode())
    with pytest.raises(InvalidConfigError, match="secret 'a' cannot be opened"):
        store.get("a")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"version": 1, "other": {}}'])
def test_damaged_file_is_refused_and_kept(store: SecretStore, data: bytes) -> None:
    store.set("a", "1")
    write_private(store.path, data)
    with pytest.raises(InvalidConfigError, match="is not a secret store"):
        store.set("b", "2")
    assert store.path.read_bytes() == data


def test_another_key_opens_nothing(store: SecretStore) -> None:
    store.set("a", "1")
    write_private(store.key_path, b"k" * 32)
    with pytest.raises(InvalidConfigError, match="cannot be opened"):
        store.get("a")
    write_private(store.key_path, b"short")
    with pytest.raises(InvalidConfigError, match="is not a key"):
        store.get("a")


def test_lost_key_is_not_replaced(store: SecretStore) -> None:
    store.set("a", "1")
    store.key_path.unlink()
    with pytest.raises(NotFoundError, match=r"secrets.key is missing"):
        store.set("b", "2")
    assert not store.key_path.exists()


@pytest.mark.real
def test_writers_do_not_lose_each_others_values(store: SecretStore) -> None:
    argv = [sys.executable, "-c", SETTER, str(store.path.parent)]
    writers = [subprocess.Popen([*argv, name]) for name in ("a", "b", "c")]
    assert [writer.wait(50) for writer in writers] == [0, 0, 0]
    assert len(store.list()) == 30
    assert store.get("b-7").reveal() == "b"


def test_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_private(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Exception, match="No space left on device") as caught:
        write_private(path, b"new")
    assert getattr(caught.value, "code", "") == "EXECUTION_FAILED"
    assert ([file.name for file in tmp_path.iterdir()], read_private(path)) == (["file"], b"old")


def test_first_creator_wins(tmp_path: Path) -> None:
    assert create_private(tmp_path / "key", b"first")
    assert not create_private(tmp_path / "key", b"second")
    assert read_private(tmp_path / "key") == b"first"
