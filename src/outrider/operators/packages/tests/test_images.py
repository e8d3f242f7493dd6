import gzip
import hashlib
import io
import json
import sys
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import (
    InvalidConfigError,
    LimitedError,
    MissingRequirementError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
)
from outrider.operators.packages.distributions import images, streams
from outrider.operators.packages.distributions.images import image_root, is_image
from outrider.operators.packages.distributions.inventories import inventories
from outrider.operators.packages.distributions.kept import Kept
from outrider.operators.packages.distributions.layers import LayeredRoot
from outrider.operators.packages.distributions.streams import Budget
from outrider.operators.packages.tests.root_files import ALPINE, berkeley, entry, header, layer, made, ndb

APK = "lib/apk/db/installed"
OLD, NEW = entry("musl", "1.2.4-r2", "musl").encode(), entry("musl", "1.2.4-r9", "musl").encode()
RELEASE = ("etc/os-release", ALPINE.encode())
BASE = layer([RELEASE, (APK, OLD)])
# A frame that says nothing of the content: builders put an index of the layer into one.
PASSED_OVER = b"\x50\x2a\x4d\x18\x04\0\0\0more"


def put_on(*layers: bytes, budget: Budget | None = None) -> LayeredRoot:
    root = LayeredRoot(budget or Budget())
    for number, one in enumerate(layers):
        root.put_on(io.BufferedReader(io.BytesIO(one)), f"layer {number}")
    return root


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def versions(root: Any) -> list[str]:
    return [one.version for _, lock in inventories(root, "shop") for one in lock.packages]


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def saved(*layers: bytes, images: int = 1) -> bytes:
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": "x.json", "RepoTags": None, "Layers": names}] * images).encode()
    return layer([*zip(names, layers, strict=True), ("manifest.json", manifest)])


def layout(*layers: bytes, nested: bool = False, others: int = 0) -> dict[str, str | bytes]:
    """Return the files of a layout of OCI, with what builders say of it beside the image."""
    manifest = json.dumps({"layers": [{"digest": digest(one), "mediaType": "x"} for one in layers]}).encode()
    blobs = [*layers, manifest]
    top = [{"digest": digest(manifest), "mediaType": "application/vnd.oci.image.manifest.v1+json"}]
    top.append({"digest": digest(b"no image"), "annotations": {"vnd.docker.reference.type": "attestation-manifest"}})  # type: ignore[dict-item]
    top += [{"digest": digest(b"%d" % number)} for number in range(others)]
    if nested:
        blobs.append(json.dumps({"manifests": top}).encode())
        top = [{"digest": digest(blobs[-1]), "mediaType": "application/vnd.oci.image.index.v1+json"}]
    files: dict[str, str | bytes] = {f"blobs/sha256/{digest(one)[7:]}": one for one in blobs}
    return {**files, "index.json": json.dumps({"manifests": top}), "oci-layout": '{"imageLayoutVersion": "1.0.0"}'}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([[(APK, NEW)]], ["1.2.4-r9"]),
        ([[("./lib/apk/db/.wh.installed", b"")], [(f"/{APK}", NEW)]], ["1.2.4-r9"]),
        # What a layer has itself stays, whatever it takes away of lower ones.
        ([[(APK, NEW), ("lib/apk/db/.wh..wh..opq", b"")]], ["1.2.4-r9"]),
        ([[("lib/.wh..wh..opq", b""), (APK, NEW)]], ["1.2.4-r9"]),
        # What is written below a link comes to where that leads.
        ([[("usr/lib", None), (".wh.lib", b""), ("lib", "usr/lib")], [(APK, NEW)]], ["1.2.4-r9"]),
        # A folder in the place of a link is a folder.
        ([[("lib", "usr/lib")], [("lib", None), (APK, NEW)]], ["1.2.4-r9"]),
        ([[("other/file", b"x"), ("var/lib/dpkg/status", b"")]], ["1.2.4-r2"]),
        # What leads out of the root is nowhere; of links that do, the top is the end.
        ([[(f"../{APK}", NEW), (f"x/../../{APK}", NEW)]], ["1.2.4-r2"]),
        ([[("usr/lib/apk/db/installed", "/../../../../lib/apk/db/installed")]], ["1.2.4-r2"]),
    ],
)
def test_layers_lie_over_each_other(layers: list[list[tuple[str, Any]]], expected: list[str]) -> None:
    assert versions(put_on(BASE, *map(layer, layers))) == expected


@pytest.mark.parametrize(
    "gone", [("lib/apk/db/.wh.installed", b""), (".wh.lib", b""), (".wh..wh..opq", b""), ("lib", b"a file"), ("lib/apk", "x")]
)  # fmt: skip
def test_what_is_taken_away_is_gone(gone: tuple[str, Any]) -> None:
    with pytest.raises(NotFoundError, match="no package database"):
        versions(put_on(BASE, layer([gone])))


def test_each_way_of_saving_an_image_is_read(tmp_path: Path) -> None:
    over = layer([(APK, NEW)])
    packed, smaller = gzip.compress(over), zstd(over) + PASSED_OVER
    files = {
        "root.tar.zst": smaller, "smaller.tar": saved(BASE, smaller),
        "root.tar": over, "root.tar.gz": packed, "root.tgz": packed, "saved.tar": saved(BASE, over), "packed.tar": saved(BASE, packed),
        "layout.tar": layer([(name, text.encode() if isinstance(text, str) else text) for name, text in layout(BASE, packed).items()]),
    }  # fmt: skip
    made(tmp_path, files)
    made(tmp_path / "layout", layout(BASE, packed))
    made(tmp_path / "nested", layout(BASE, packed, nested=True))
    made(tmp_path / "smaller", layout(zstd(BASE), smaller))
    for name in (*files, "layout", "nested", "smaller"):
        assert is_image(tmp_path / name)
        assert versions(image_root(tmp_path / name)) == ["1.2.4-r9"], name


def test_an_archive_of_very_many_files_is_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_ENTRIES", 5)
    files: list[tuple[str, str | bytes | None]] = [
        ("manifest.json", b"[]"),
        *((f"srv/{number}", b"") for number in range(9)),
    ]
    (tmp_path / "root.tar").write_bytes(layer([*files, (APK, NEW)]))
    assert versions(image_root(tmp_path / "root.tar")) == ["1.2.4-r9"]


def test_layers_that_are_shared_are_links(tmp_path: Path) -> None:
    inner = json.dumps([{"Layers": ["a/layer.tar"]}]).encode()
    (tmp_path / "shop.tar").write_bytes(layer([("b.tar", BASE), ("a/layer.tar", "../b.tar"), ("manifest.json", inner)]))
    assert versions(image_root(tmp_path / "shop.tar")) == ["1.2.4-r2"]


def test_each_form_of_the_database_of_rpm_is_read_the_newest_first() -> None:
    shop = header(name="shop", version="1", release="2")
    assert versions(put_on(layer([("usr/lib/sysimage/rpm/Packages.db", ndb(shop))]))) == ["1-2"]
    assert versions(put_on(layer([("var/lib/rpm/Packages", berkeley(shop))]))) == ["1-2"]
    both = [
        ("usr/share/rpm/Packages.db", ndb(shop)),
        ("usr/share/rpm/Packages", b"what was before"),
        ("var/lib/rpm", "/usr/share/rpm"),
    ]
    assert versions(put_on(layer(both))) == ["1-2"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "error", "match"),
    [
        (b"no archive", InvalidConfigError, "no archive"),
        (BASE[:700], InvalidConfigError, "no archive"),
        (BASE[:1024], InvalidConfigError, "ends without an end"),
        (gzip.compress(BASE, mtime=0)[:-20], InvalidConfigError, "no archive"),
        (b"BZh91AY", UnsupportedError, "bzip2"),
        (saved(BASE, BASE, images=2), UnsupportedError, "2 images"),
        (saved(), NotFoundError, "no package database"),
        (layer([("manifest.json", b"{}")]), InvalidConfigError, "cannot be read"),
        (layer([("manifest.json", b'[{"Layers": ["gone"]}]')]), InvalidConfigError, "gone is missing"),
        (layer([RELEASE, ("var/lib/rpm", "/opt/rpm")]), UnsupportedError, "leads to what is not looked at"),
        (layer([RELEASE, ("lib", "usr"), ("usr", "lib")]), InvalidConfigError, "circles"),
        (layer([RELEASE]), NotFoundError, "no package database"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes, error: type[OutriderError], match: str) -> None:
    (tmp_path / "shop.tar").write_bytes(content)
    with pytest.raises(error, match=match):
        versions(image_root(tmp_path / "shop.tar"))


def test_a_layout_is_what_it_says_or_nothing(tmp_path: Path) -> None:
    files = layout(BASE)
    blob = f"blobs/sha256/{digest(BASE)[7:]}"
    cases: list[tuple[dict[str, str | bytes], type[OutriderError], str]] = [
        ({blob: layer([(APK, NEW)])}, InvalidConfigError, "not what its image says"),
        ({blob: BASE + b"more"}, InvalidConfigError, "not what its image says"),
        ({"index.json": json.dumps({"manifests": [{"digest": "sha256:../../x"}]})}, UnsupportedError, "checksum"),
        ({"index.json": json.dumps({"manifests": []})}, UnsupportedError, "0 images"),
        ({"index.json": '{"manifests": [{"digest": "sha256:%s"}]}' % ("a" * 64)}, InvalidConfigError, "is missing"),
    ]
    for number, (change, error, match) in enumerate(cases):
        made(tmp_path / str(number), {**files, **change})
        with pytest.raises(error, match=match):
            image_root(tmp_path / str(number))
    with pytest.raises(UnsupportedError, match="3 images"):
        image_root(made(tmp_path / "several", layout(BASE, others=2)))


def test_what_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(layer([("zeros", bytes(4 << 20))]))
    with pytest.raises(LimitedError, match="too large"):
        put_on(bomb, budget=Budget(bytes_left=1 << 20))
    with pytest.raises(LimitedError, match="too large"):
        put_on(layer([(f"{number}", b"") for number in range(20)]), budget=Budget(members_left=10))
    # A head of a member is read as a whole.
    monkeypatch.setattr(streams, "LARGEST_PART", 1 << 16)
    with pytest.raises(LimitedError) as raised:
        put_on(gzip.compress(_with_head(1 << 20)))
    assert raised.value.found.startswith("a part of")


def test_layers_of_zstd_are_frames_in_a_row() -> None:
    middle = len(BASE) // 2
    parts = PASSED_OVER + zstd(BASE[:middle]) + PASSED_OVER * 3 + zstd(b"") + zstd(BASE[middle:])
    assert versions(put_on(parts)) == ["1.2.4-r2"]


@pytest.mark.parametrize(
    "content", [zstd(BASE)[:-1], zstd(BASE)[:40], zstd(BASE)[:-2] + b"xx", zstd(BASE) + b"more", zstd(BASE) + PASSED_OVER[:-1], PASSED_OVER]
)  # fmt: skip
def test_damaged_layers_of_zstd_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidConfigError, match="no archive that can be read"):
        put_on(content)


def test_layers_of_zstd_that_grow_are_refused() -> None:
    bomb = zstd(layer([("zeros", bytes(64 << 20))]))
    assert len(bomb) < 10_000
    with pytest.raises(LimitedError, match="too large"):
        put_on(bomb, budget=Budget(bytes_left=1 << 20))
    # What a frame refers back to has to be kept while it is unpacked.
    wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=30)).compressobj()
    with pytest.raises(InvalidConfigError, match="too much memory"):
        put_on(wide.compress(BASE) + wide.flush())


def test_without_the_library_for_zstd_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = zstd(BASE)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.delitem(sys.modules, "outrider.operators.packages.distributions.zstd", raising=False)
    with pytest.raises(MissingRequirementError) as raised:
        put_on(packed)
    assert raised.value.suggestions == ["pip install 'outrider[packages]'"]
    assert versions(put_on(BASE)) == ["1.2.4-r2"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("prs"), st.lists(st.sampled_from("ab"), max_size=4).map("/".join)), max_size=12)
)
def test_what_is_kept_is_what_a_plain_list_would_have(steps: list[tuple[str, str]]) -> None:
    kept: Kept[int] = Kept()
    plain: dict[str, int] = {}
    spared: set[str] = set()
    for number, (step, path) in enumerate(steps):
        below = f"{path}/" if path else ""
        if step == "p" and path:
            kept.put(path, number)
            plain[path] = number
            spared = {path}
        elif step != "p":
            itself = step == "r"
            kept.remove(path, itself=itself, spared=spared)
            gone = {one for one in plain if one.startswith(below) or (itself and one == path)} - spared
            plain = {one: value for one, value in plain.items() if one not in gone}
        assert dict(kept.items()) == plain
        assert sorted(kept.names("")) == sorted({one.partition("/")[0] for one in plain})


def _with_head(size: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("x")
        member.pax_headers = {"comment": "x" * size}
        archive.addfile(member)
    return buffer.getvalue()


def test_hard_links_to_what_is_kept_are_files_and_others_are_refused() -> None:
    def linked(target: str) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("usr/lib/apk/db/installed")
            member.type, member.linkname = tarfile.LNKTYPE, target
            archive.addfile(member)
        return buffer.getvalue()

    assert versions(put_on(BASE, linked(APK))) == ["1.2.4-r2", "1.2.4-r2"]
    with pytest.raises(UnsupportedError, match="not looked at"):
        put_on(BASE, linked("opt/file"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_in_an_archive_nothing_breaks(data: st.DataObject) -> None:
    content = bytearray(BASE[:4096])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, 1600))] = data.draw(st.integers(0, 255))
    with suppress(OutriderError):
        versions(put_on(bytes(content)))
