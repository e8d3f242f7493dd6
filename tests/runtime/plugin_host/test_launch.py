from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.schema import convert
from outrider.runtime.plugin_host.launch import absolute_paths, grants
from outrider.runtime.plugins.manifest import PluginManifest


def manifest(**permissions: Any) -> PluginManifest:
    fields = {
        "id": "p",
        "type": "trigger",
        "version": "1",
        "summary": "s",
        "runtime": {"type": "sh", "entry_point": "p.sh"},
        "permissions": permissions,
    }
    return convert(fields, PluginManifest)


READS = manifest(filesystem={"read": ["path"]})
WRITES = manifest(filesystem={"write": ["path"]})


def test_nothing_is_granted_that_the_manifest_does_not_name(tmp_path: Path) -> None:
    found = grants(manifest(), {"path": "/etc/shadow", "url": "http://x:1/"}, tmp_path, [tmp_path / "state"])
    assert (found.read_paths, found.write_paths, found.network) == ([], [], False)


@pytest.mark.parametrize(
    ("url", "port"), [("http://h/", 80), ("https://h/x", 443), ("http://h:8085/", 8085), ("[::1]:99", 99), ("h:7", 7)]
)
def test_ports_come_from_the_configuration(url: str, port: int, tmp_path: Path) -> None:
    found = grants(manifest(network={"connect": ["url"]}), {"url": url}, tmp_path, [tmp_path / "state"])
    assert found.connect_ports == [port]


def test_an_address_without_port_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"config\.url"):
        grants(manifest(network={"connect": ["url"]}), {"url": "ftp://h/"}, tmp_path, [tmp_path / "state"])


def test_the_folder_of_a_file_is_granted(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    found = grants(READS, {"path": "logs/app.log"}, tmp_path, [tmp_path / ".outrider"])
    assert found.read_paths == [str(tmp_path / "logs")]


def test_beside_the_state_the_file_alone_is_granted(tmp_path: Path) -> None:
    (tmp_path / "app.log").touch()
    found = grants(READS, {"path": "app.log"}, tmp_path, [tmp_path / ".outrider"])
    assert found.read_paths == [str(tmp_path / "app.log")]


def test_beside_the_state_a_file_to_write_is_made(tmp_path: Path) -> None:
    found = grants(WRITES, {"path": "report.jsonl"}, tmp_path, [tmp_path / ".outrider"])
    assert found.write_paths == [str(tmp_path / "report.jsonl")]
    assert (tmp_path / "report.jsonl").is_file()


@pytest.mark.parametrize("path", [".", ".outrider", ".outrider/token", "/"])
def test_the_state_itself_is_never_granted(path: str, tmp_path: Path) -> None:
    (tmp_path / ".outrider").mkdir()
    (tmp_path / ".outrider" / "token").touch()
    with pytest.raises(InvalidConfigError, match="own state"):
        grants(READS, {"path": path}, tmp_path, [tmp_path / ".outrider"])


def test_beside_the_state_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"there is nothing at .*/gone\.log"):
        grants(READS, {"path": "gone.log"}, tmp_path, [tmp_path / ".outrider"])


def test_relative_paths_begin_at_the_platform(tmp_path: Path) -> None:
    assert absolute_paths(READS, {"path": "a/b", "other": "c"}, tmp_path) == {
        "path": str(tmp_path / "a/b"),
        "other": "c",
    }
