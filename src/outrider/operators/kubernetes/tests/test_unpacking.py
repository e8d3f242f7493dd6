"""Archives: what is packed comes out again, whoever packed it, and nothing of a hostile one reaches out of its folder."""

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, LimitedError, OutriderError
from outrider.operators.kubernetes.packing import Counted, count, packed
from outrider.operators.kubernetes.unpacking import Unpacker

MOST = 10_000_000
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 80
)
TREES = st.recursive(
    st.binary(max_size=2000), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
).filter(lambda tree: isinstance(tree, dict))
FORMATS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


class Archive:
    """An archive that is made member by member."""

    def __init__(self, form: int = tarfile.PAX_FORMAT) -> None:
        self._file = io.BytesIO()
        self.tar = tarfile.TarFile(fileobj=self._file, mode="w", format=form)

    def add(self, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object) -> "Archive":
        header = tarfile.TarInfo(name)
        header.type, header.size = kind, len(content)
        for field, value in fields.items():
            setattr(header, field, value)
        self.tar.addfile(header, io.BytesIO(content))
        return self

    def bytes(self) -> bytes:
        self.tar.close()
        return self._file.getvalue()


@contextmanager
def unpacked(data: bytes, *, name: str = "top", most: int = MOST, step: int = 0) -> Iterator[tuple[Path, Counted]]:
    """Unpack an archive that comes in pieces, into a folder beside which nothing else may change."""
    with tempfile.TemporaryDirectory() as around:
        folder = Path(around) / "stage"
        folder.mkdir()
        counted = Counted(most)
        unpacker = Unpacker(folder, name, counted)
        try:
            for start in range(0, len(data), step or len(data) or 1):
                unpacker.feed(data[start : start + (step or len(data))])
            if not unpacker.ended:
                raise ExecutionFailedError("it did not end")
            yield folder, counted
        finally:
            unpacker.close()
            assert [one.name for one in Path(around).iterdir()] == ["stage"]
            assert {one.name for one in folder.iterdir()} <= {name}


def refusal(data: bytes, **settings: int) -> OutriderError:
    with pytest.raises(OutriderError) as caught, unpacked(data, **settings):  # type: ignore[arg-type]  # numbers alone
        pass
    return caught.value


def tree_of(path: Path) -> object:
    if path.is_dir():
        return {one.name: tree_of(one) for one in path.iterdir()}
    return path.read_bytes()


def written(path: Path, tree: object) -> None:
    if isinstance(tree, dict):
        path.mkdir()
        for name, inner in tree.items():
            written(path / name, inner)
    elif isinstance(tree, bytes):
        path.write_bytes(tree)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=TREES, form=FORMATS, step=st.integers(1, 5000))
def test_what_tar_packs_is_unpacked(tree: object, form: int, step: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder) / "top", tree)
        archive = Archive(form)
        try:
            archive.tar.add(Path(folder) / "top", "./top")
        except ValueError:  # too long for the oldest format
            return
        with unpacked(archive.bytes(), step=step) as (found, _):
            assert tree_of(found / "top") == tree


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=TREES, step=st.integers(1, 5000))
async def test_what_is_packed_is_unpacked_by_tar_and_by_us(tree: object, step: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "here"
        written(root, tree)
        data = b"".join([piece async for piece in packed(root, "top")])
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(Path(folder) / "there", filter="data")
        assert tree_of(Path(folder) / "there" / "top") == tree
        with unpacked(data, step=step) as (found, counted):
            assert tree_of(found / "top") == tree
            assert counted == count(root, MOST)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_stays_in_its_folder(data: st.DataObject) -> None:
    archive = (
        Archive(data.draw(FORMATS))
        .add("top", kind=tarfile.DIRTYPE)
        .add("top/a", b"x" * 700)
        .add("top/" + "n" * 60 + "/" + "m" * 80, b"y")
    )
    whole = bytearray(archive.bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(1, 3))] = data.draw(st.binary(max_size=4))
    with suppress(OutriderError), unpacked(bytes(whole)):
        pass


@pytest.mark.parametrize(
    "name",
    ["/top/a", "../a", "top/../../a", "top/..", "./../a", "other", "other/top", "top//a", "top/./a", "", ".", "./", "//top", "top\0/a", "Top/a"],
)  # fmt: skip
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_that_lead_elsewhere_are_refused(name: str, form: int) -> None:
    if name == "top\0/a" and form != tarfile.PAX_FORMAT:
        return  # a name ends there
    data = Archive(form).add(name, b"x", pax_headers={"path": name} if form == tarfile.PAX_FORMAT else {}).bytes()
    assert refusal(data).code == "EXECUTION_FAILED"


@pytest.mark.parametrize("prefix", ["/", "../", "x/" * 60])
def test_long_names_are_judged_as_short_ones_are(prefix: str) -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        error = refusal(Archive(form).add(prefix + "n" * 200, b"x").bytes())
        assert "leads elsewhere" in error.message


@pytest.mark.parametrize(
    ("kind", "told"),
    [(tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a hard link"), (tarfile.CHRTYPE, "a device"), (tarfile.BLKTYPE, "a device"), (tarfile.FIFOTYPE, "a pipe"), (b"Z", "neither"), (tarfile.GNUTYPE_SPARSE, "neither")],
)  # fmt: skip
def test_links_and_devices_are_refused(kind: bytes, told: str) -> None:
    data = Archive().add("top", kind=tarfile.DIRTYPE).add("top/a", kind=kind, linkname="/etc/passwd").bytes()
    assert told in refusal(data).message


def test_sparse_files_in_the_newer_form_are_refused() -> None:
    records = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "/etc/x",
        "GNU.sparse.realsize": "9",
    }
    assert isinstance(refusal(Archive().add("top", b"x", pax_headers=records).bytes()), ExecutionFailedError)


def test_a_name_stands_once_and_is_either_file_or_folder() -> None:
    for second in ("top", "top/b"):
        assert "there already" in refusal(Archive().add("top", b"x").add(second, b"y").bytes()).message
    folder = Archive().add("top", kind=tarfile.DIRTYPE).add("top/a", b"1")
    assert "there already" in refusal(folder.add("top/a", kind=tarfile.DIRTYPE).bytes()).message


def test_there_are_bounds() -> None:
    data = Archive().add("top", kind=tarfile.DIRTYPE).add("top/a", b"x" * 600).add("top/b", b"x" * 600).bytes()
    with unpacked(data, most=1200) as (_, counted):
        assert (counted.files, counted.folders, counted.size) == (2, 1, 1200)
    assert isinstance(refusal(data, most=1199), LimitedError)
    endless = Archive().add("top", b"", pax_headers={"comment": "x" * 100_000}).bytes()
    assert "too long" in refusal(endless).message
    huge = bytearray(Archive(tarfile.GNU_FORMAT).add("top", b"x").bytes())
    header = tarfile.TarInfo("top")
    header.size = 2**62
    huge[:512] = header.tobuf(tarfile.GNU_FORMAT)
    assert isinstance(refusal(bytes(huge)), LimitedError)
    for size in ("-1", "1e3", "9" * 30, "٣"):
        assert "a size that is none" in refusal(Archive().add("top", b"", pax_headers={"size": size}).bytes()).message


@pytest.mark.parametrize(
    "data", [b"", b"x" * 512, b"x" * 100, b"\x1f\x8b" * 600, Archive().add("top", b"x" * 9).bytes()[:515]]
)
def test_what_is_no_archive_or_not_whole_is_no_success(data: bytes, tmp_path: Path) -> None:
    unpacker = Unpacker(tmp_path, "top", Counted(MOST))
    try:
        unpacker.feed(data)
    except ExecutionFailedError:
        pass
    else:
        assert not unpacker.ended
    finally:
        unpacker.close()


def test_modes_say_who_may_read_and_start_it_and_nothing_else() -> None:
    archive = Archive().add("top", kind=tarfile.DIRTYPE, mode=0o7700)
    modes = {"a": 0o6777, "b": 0o600, "c": 0o000, "d": 0o644}
    for name, mode in modes.items():
        archive.add(f"top/{name}", b"x", mode=mode)
    with unpacked(archive.bytes()) as (folder, _):
        found = {path.name: path.stat().st_mode & 0o7777 for path in (folder / "top").iterdir()}
        assert found == {"a": 0o755, "b": 0o600, "c": 0o600, "d": 0o644}
        assert (folder / "top").stat().st_mode & 0o7777 == 0o700


async def test_links_are_packed_as_links_and_pipes_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to("../secret")
    (root / "folder").symlink_to("/etc")
    data = b"".join([piece async for piece in packed(root, "top")])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert {one.name: one.linkname for one in tar.getmembers() if one.issym()} == {
            "top/link": "../secret",
            "top/folder": "/etc",
        }
    assert count(root, MOST) == Counted(MOST, files=2, folders=1)
    os.mkfifo(root / "pipe")
    with pytest.raises(InvalidConfigError, match="pipe"):
        count(root, MOST)


async def test_a_file_that_becomes_shorter_is_not_filled_up(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1_000_000)
    pieces = packed(tmp_path, "top")
    for _ in range(3):
        await anext(pieces)
    os.truncate(tmp_path / "a", 300_000)
    with pytest.raises(ExecutionFailedError, match="shorter"):
        _ = [piece async for piece in pieces]
