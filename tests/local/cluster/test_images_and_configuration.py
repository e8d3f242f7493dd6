"""Archives of images, and the files that the processes of a cluster read."""

import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
import tomllib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.local.cluster import configuration
from outrider.local.cluster.components import Place
from outrider.local.cluster.configuration import _toml, resolver_file, write_configuration, write_resolvers
from outrider.local.cluster.images import ImageConfig, archive_images, import_command, layer, write_archive, write_pause
from outrider.local.cluster.layout import Addresses, ClusterLayout


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without clusters."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def archive(file: Path, members: dict[str, bytes | str]) -> Path:
    """A tar; what is a string is a link to it."""
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return file


# Large when it is packed too: damage hits what is in it.
PACKED = layer(
    {
        "blob": (random.Random(1).randbytes(15_000).hex().encode(), 0o644),
        "manifest.json": (b'[{"RepoTags": ["a:1"]}]', 0o644),
    }
)


def damaged(content: bytes) -> bytes:
    """Packed, but in the middle comes something that nobody can unpack."""
    packing = zlib.compressobj(wbits=31)
    return packing.compress(content[: len(content) // 2]) + packing.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 400


class TestImages:
    CONFIG = ImageConfig(entrypoint=["/a"], command=["-v"], environment={"B": "2", "A": "1"}, folder="/w", user="7:7")

    def test_the_same_input_gives_the_same_bytes(self, tmp_path: Path) -> None:
        files = {"bin/a": (b"program", 0o755), "etc/b": (b"text", 0o644)}
        first = layer(files)
        assert layer(dict(reversed(files.items()))) == first
        (tmp_path / "layer.tar").write_bytes(first)
        write_archive(tmp_path / "one", "a:1", [first, b"second"], self.CONFIG)
        write_archive(tmp_path / "two", "a:1", [tmp_path / "layer.tar", b"second"], self.CONFIG)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()

    def test_digests_and_settings_are_those_of_what_is_in_it(self, tmp_path: Path) -> None:
        layers: Sequence[bytes] = [layer({"a": (b"1", 0o755)}), layer({"b": (b"2" * 100_000, 0o600)})]
        write_archive(tmp_path / "image", "shop/a:1", layers, self.CONFIG)
        with tarfile.open(tmp_path / "image") as tar:
            content = {entry.name: (tar.extractfile(entry) or io.BytesIO()).read() for entry in tar}
        (manifest,) = json.loads(content["manifest.json"])
        settings_of = json.loads(content[manifest["Config"]])
        assert [content[name] for name in manifest["Layers"]] == list(layers)
        assert manifest["Config"] == hashlib.sha256(content[manifest["Config"]]).hexdigest() + ".json"
        assert settings_of["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers]
        assert settings_of["config"] == {
            "User": "7:7", "WorkingDir": "/w", "Entrypoint": ["/a"], "Cmd": ["-v"], "Env": ["A=1", "B=2"],
        }  # fmt: skip
        with tarfile.open(fileobj=io.BytesIO(layers[1])) as tar:
            assert [(entry.name, entry.mode, entry.size, entry.mtime, entry.uid) for entry in tar] == [
                ("b", 0o600, 100_000, 0, 0)
            ]

    def test_the_first_process_of_a_pod_is_its_program_alone(self, tmp_path: Path) -> None:
        (tmp_path / "pause").write_bytes(b"\x7fELF")
        write_pause(tmp_path / "image", tmp_path / "pause", "pause:1")
        assert archive_images(tmp_path / "image") == ["pause:1"]
        assert import_command(Path("/p/ctr"), "-")[-3:] == ["images", "import", "-"]

    @pytest.mark.parametrize(
        ("members", "names"),
        [
            ({"manifest.json": b'[{"RepoTags": ["a:1", "b:2"]}, {"RepoTags": null}, {"RepoTags": ["c:3"]}]'},
            ["a:1", "b:2", "c:3"]),
            ({"index.json": b'{"manifests": [{"annotations": {"org.opencontainers.image.ref.name": "a:1"}}, {}]}'},
            ["a:1"]),
            ({"index.json": b'{"manifests": [{"annotations": {"io.containerd.image.name": "x/a:1", '
                b'"org.opencontainers.image.ref.name": "1"}}]}'}, ["x/a:1"]),
            ({"index.json": b"{}"}, []), ({}, []), ({"other": b""}, []), ({"manifest.json": b"{"}, []),
            ({"index.json": b"\xff"}, []), ({"manifest.json": b""}, []),
            pytest.param({"manifest.json": b"7"}, []),
            pytest.param({"manifest.json": b'{"a": 1}'}, []),
            pytest.param({"manifest.json": b"[null]"}, []),
            pytest.param({"manifest.json": "none"}, []),
            pytest.param({"index.json": b"[]"}, []),
            pytest.param({"index.json": b'{"manifests": null}'}, []),
            pytest.param({"index.json": b'{"manifests": [{"annotations": null}]}'}, []),
        ],
        ids=range(16),
    )  # fmt: skip
    def test_names_are_read_from_archives_of_both_kinds(
        self, tmp_path: Path, members: dict[str, bytes | str], names: list[str]
    ) -> None:
        assert archive_images(archive(tmp_path / "image", members)) == names

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"hello", b"\0" * 1024, lzma.compress(b"hello"), PACKED[:3000],
            pytest.param(gzip.compress(PACKED, mtime=0)[:-5000]),
            pytest.param(lzma.compress(PACKED)[:-5000]), pytest.param(damaged(PACKED)),
        ],
        ids=range(8),
    )  # fmt: skip
    def test_what_is_no_archive_or_only_a_part_of_one_has_no_images(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "image").write_bytes(content)
        assert archive_images(tmp_path / "image") == []
        assert archive_images(tmp_path / "absent") == []
        assert archive_images(tmp_path) == []


PLAIN = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])
KEYS = st.text(PLAIN, max_size=5)
VALUES = (
    st.text(PLAIN) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
)
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES | st.lists(st.text(PLAIN), max_size=3), max_size=4),
    lambda inner: st.dictionaries(KEYS, inner | VALUES, max_size=3), max_leaves=6,
)  # fmt: skip


class TestConfiguration:
    @given(TABLES)
    @settings(max_examples=80, deadline=None)
    def test_what_is_written_as_toml_is_read_back(self, table: dict[str, Any]) -> None:
        assert tomllib.loads(_toml(table)) == table

    def test_every_character_can_be_written(self) -> None:
        assert tomllib.loads(_toml({"root": "/home/\U0001f680"})) == {"root": "/home/\U0001f680"}

    @pytest.mark.parametrize("sync", [False, True])
    def test_all_files_can_be_read_by_those_they_are_for(self, tmp_path: Path, sync: bool) -> None:
        layout = ClusterLayout("one")
        place = Place(layout, Addresses(2), tmp_path / "programs", "node", cgroup2=True, sync=sync)
        for registry in ("", "http://mirror:5000"):
            write_configuration(place, registry)
            write_resolvers(place)
            folder = layout.configuration
            documents = {
                name: json.loads((folder / name).read_text())
                for name in ("kubelet.yaml", "proxy.yaml", "authentication.yaml", "cni/10-outrider.conflist")
            }
            runtime = tomllib.loads((folder / "containerd.toml").read_text())
            hosts = tomllib.loads((folder / "registries/_default/hosts.toml").read_text())
            assert list(hosts.get("host", {})) == ([registry] if registry else [])
        assert documents["kubelet.yaml"]["clusterDNS"] == [place.addresses.dns]
        assert documents["cni/10-outrider.conflist"]["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.244.2.0/24"}]]
        assert ("io.containerd.metadata.v1.bolt" in runtime["plugins"]) is not sync
        assert f"bind {place.addresses.node} {place.addresses.dns}" in (folder / "Corefile").read_text()
        assert folder.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("nameserver 10.0.0.1\nsearch a.test\n", ["nameserver 10.0.0.1", "search a.test"]),
            ("nameserver 127.0.0.53\nnameserver 10.0.0.1", ["nameserver 10.0.0.1"]),
            ("options edns0\n  nameserver ::1\n", ["options edns0", "nameserver 10.251.2.1"]),
            ("", ["nameserver 10.251.2.1"]), (None, ["nameserver 10.251.2.1"]),
        ],
        ids=range(5),
    )  # fmt: skip
    def test_pods_ask_for_names_whom_they_can_reach(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, kept: list[str]
    ) -> None:
        source = tmp_path / "resolv.conf"
        if text is not None:
            source.write_text(text)
        monkeypatch.setattr(configuration, "_RESOLVERS", (tmp_path / "absent", source))
        place = Place(ClusterLayout("one"), Addresses(2), tmp_path, "node", cgroup2=True, sync=False)
        write_resolvers(place)
        assert resolver_file(place).read_text().splitlines() == kept
