"""The programs of a cluster in one file: the very one that is meant, or none."""

import gzip
import hashlib
import io
import os
import random
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from outrider.core.errors import ConnectionFailedError, ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.core.http.messages import Request, Response
from outrider.local.cluster import bundle, programs
from outrider.local.cluster.bundle import read_bundle, write_bundle
from outrider.local.cluster.programs import lock_digest
from tests.ports.http.support import serving

CONTENT = {"one": b"#!/bin/sh\necho one\n", "two": random.Random(1).randbytes(20_000).hex().encode()}


@pytest.fixture(autouse=True)
def only_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of two programs."""
    for module in (bundle, programs):
        monkeypatch.setattr(module, "all_programs", lambda: list(CONTENT))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o755)
    (folder / "other").touch()
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def held(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


def address_of(file: Path) -> str:
    return f"{file}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}"


def packed(file: Path, *members: tuple[tarfile.TarInfo, bytes]) -> str:
    """The address of a bundle with some members beside the two programs."""
    with tarfile.open(file, "w:gz") as tar:
        for name, content in CONTENT.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
        for entry, content in members:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return address_of(file)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


async def test_what_is_written_is_read_back(built: Path, there: Path, tmp_path: Path) -> None:
    made = write_bundle(built, tmp_path / "bundle.tgz")
    assert (made.size, made.lock) == ((tmp_path / "bundle.tgz").stat().st_size, lock_digest())
    await read_bundle(f"{made.file}#sha256={made.sha256}", there)
    assert held(there) == CONTENT
    assert all(os.access(there / name, os.X_OK) for name in CONTENT)
    (built / "one").write_bytes(b"new")
    await read_bundle(address_of(write_bundle(built, tmp_path / "bundle.tgz").file), there)
    assert held(there)["one"] == b"new"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["built", "bundle.tgz", "there"]


def test_nothing_of_the_machine_is_in_it(built: Path, tmp_path: Path) -> None:
    with tarfile.open(write_bundle(built, tmp_path / "bundle").file) as tar:
        entries = [(entry.name, entry.uid, entry.uname, entry.mtime, entry.mode) for entry in tar]
    assert entries == [(name, 0, "", 0, 0o755) for name in CONTENT]


def test_a_program_that_is_missing_is_named_and_the_bundle_before_stays(built: Path, tmp_path: Path) -> None:
    before = write_bundle(built, tmp_path / "bundle").sha256
    (built / "two").unlink()
    with pytest.raises(ExecutionFailedError, match="two"):
        write_bundle(built, tmp_path / "bundle")
    assert address_of(tmp_path / "bundle").endswith(before)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["built", "bundle"]
    with pytest.raises(ExecutionFailedError, match="nowhere"):
        write_bundle(built, tmp_path / "nowhere" / "bundle")


def test_a_bundle_is_whole_as_soon_as_it_has_its_name(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    replace = Path.replace

    def watched(source: Path, target: Path) -> Path:
        seen.append(source.read_bytes())
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", watched)
    made = write_bundle(built, tmp_path / "bundle")
    assert seen == [made.file.read_bytes()]


async def test_a_program_that_is_a_link_is_packed_itself(built: Path, there: Path, tmp_path: Path) -> None:
    (built / "two").rename(tmp_path / "elsewhere")
    (built / "two").symlink_to(tmp_path / "elsewhere")
    await read_bundle(address_of(write_bundle(built, tmp_path / "bundle").file), there)
    assert held(there) == CONTENT


@pytest.mark.parametrize("fragment", ["", "#", "#md5=abc", "#abc"])
async def test_an_address_without_a_checksum_is_refused(
    built: Path, there: Path, tmp_path: Path, fragment: str
) -> None:
    made = write_bundle(built, tmp_path / "bundle")
    with pytest.raises(InvalidConfigError, match="without a checksum") as caught:
        await read_bundle(f"{made.file}{fragment}", there)
    assert caught.value.expected == f"{made.file}#sha256=DIGEST"
    assert held(there) == {}


@pytest.mark.parametrize("change", [lambda one: "0" * 64, lambda one: one[:-1], lambda one: "", lambda one: f"{one}#x"])
async def test_another_bundle_than_the_one_that_is_meant_is_refused(
    built: Path, there: Path, tmp_path: Path, change: Callable[[str], str]
) -> None:
    made = write_bundle(built, tmp_path / "bundle")
    with pytest.raises(InvalidConfigError, match="not the one that is meant") as caught:
        await read_bundle(f"{made.file}#sha256={change(made.sha256)}", there)
    assert made.sha256 in caught.value.found
    assert held(there) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"hello", b"\0" * 20_000, gzip.compress(b"hello", mtime=0), gzip.compress(CONTENT["two"], mtime=0)[:-9],
        gzip.compress(CONTENT["two"] + CONTENT["one"], mtime=0),
        pytest.param(b"cut", id="cut"),
        pytest.param(b"damaged", id="damaged"),
    ],
)  # fmt: skip
async def test_what_is_no_bundle_is_refused(built: Path, there: Path, tmp_path: Path, content: bytes) -> None:
    file = write_bundle(built, tmp_path / "bundle").file
    whole = file.read_bytes()
    packing = zlib.compressobj(wbits=31)
    damaged = packing.compress(gzip.decompress(whole)[:20_000]) + packing.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 400
    cut = {b"cut": whole[:-3000], b"damaged": damaged}
    file.write_bytes(cut.get(content, content))
    with pytest.raises(InvalidConfigError, match=r"is no bundle|lacks one, two"):
        await read_bundle(address_of(file), there)
    assert held(there) == {}


async def test_a_bundle_that_lacks_a_program_is_refused(there: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bundle", "w") as tar:
        tar.addfile(tarfile.TarInfo("one"))
    with pytest.raises(InvalidConfigError, match="lacks one, two"):  # that one is not executable
        await read_bundle(address_of(tmp_path / "bundle"), there)
    assert held(there) == {}


@pytest.mark.parametrize(
    "entry",
    [
        tarfile.TarInfo("../escaped"), tarfile.TarInfo("a/../../escaped"), link("one", "/etc/passwd"),
        link("one", "../../escaped"),
        link("a", "../..") , link("one", "../../built/other", tarfile.LNKTYPE), link("pipe", "", tarfile.FIFOTYPE),
        link("disk", "", tarfile.BLKTYPE),
    ],
    ids=lambda entry: f"{entry.name}-{entry.linkname}",
)  # fmt: skip
async def test_a_member_that_leads_out_of_the_folder_is_refused(
    built: Path, there: Path, tmp_path: Path, entry: tarfile.TarInfo
) -> None:
    with pytest.raises(InvalidConfigError, match="is no bundle"):
        await read_bundle(packed(tmp_path / "bundle", (entry, b"")), there)
    assert held(there) == {}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["built", "bundle", "there"]


async def test_an_absolute_path_stays_within_the_folder(there: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    await read_bundle(packed(tmp_path / "bundle", (tarfile.TarInfo(str(outside)), b"x")), there)
    assert held(there) == CONTENT
    assert not outside.exists()


async def test_other_members_are_left_out(there: Path, tmp_path: Path) -> None:
    there.mkdir()
    (there / "kept").write_bytes(b"kept")
    await read_bundle(packed(tmp_path / "bundle", (tarfile.TarInfo("more"), b"x")), there)
    assert held(there) == {**CONTENT, "kept": b"kept"}


async def test_it_is_fetched_over_http_with_its_query(built: Path, there: Path, tmp_path: Path) -> None:
    made, seen = write_bundle(built, tmp_path / "bundle"), []

    async def give(request: Request) -> Response:
        seen.append(request.target)
        return Response(200, body=made.file.read_bytes())

    async with serving(give) as (_, port):
        await read_bundle(f"http://127.0.0.1:{port}/a/bundle.tgz?token=x#sha256={made.sha256}", there)
    assert seen == ["/a/bundle.tgz?token=x"]
    assert held(there) == CONTENT


async def test_what_a_server_does_not_have_is_told(there: Path) -> None:
    async def missing(_: Request) -> Response:
        return Response(404, body=b"x" * 100_000)

    async with serving(missing) as (_, port):
        with pytest.raises(NotFoundError, match="status 404"):
            await read_bundle(f"http://127.0.0.1:{port}/bundle#sha256={'0' * 64}", there)
    with pytest.raises(ConnectionFailedError):
        await read_bundle(f"http://127.0.0.1:{port}/bundle#sha256={'0' * 64}", there)
    assert held(there) == {}


async def test_a_file_that_is_not_there_is_told(there: Path, tmp_path: Path) -> None:
    for where in (tmp_path / "absent", tmp_path):
        with pytest.raises(NotFoundError, match=str(where)):
            await read_bundle(f"{where}#sha256={'0' * 64}", there)


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://me:s3cr3t@host/x",
        pytest.param(
            "http://[::1/x",
        ),
    ],
)
async def test_an_address_that_is_none_is_refused(there: Path, address: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await read_bundle(f"{address}#sha256={'0' * 64}", there)
    assert "s3cr3t" not in str(caught.value.body())
