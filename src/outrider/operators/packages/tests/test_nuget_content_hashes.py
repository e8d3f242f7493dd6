"""The hash of a package without its signature: that of the same archive as it was before."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.nuget.content_hashes import SIGNATURE, NotAnArchiveError, content_hash
from outrider.operators.packages.nuget.package_files import FileRecord, read_package_file
from outrider.operators.packages.tests.nuget_feed import NugetFeed, Version
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.nuget_locks import restore
from outrider.operators.packages.tests.nuget_oracle import nuget_program
from outrider.operators.packages.tests.nuget_projects import project_text

NAMES = st.text(st.sampled_from("abcdé/._-"), min_size=1, max_size=12).filter(lambda name: name != SIGNATURE.decode())
FILES = st.dictionaries(NAMES, st.binary(max_size=60), min_size=1, max_size=8)


def packed(files: Mapping[str, bytes], comment: bytes = b"", *, deflated: bool = True) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.comment = comment
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = (
                zipfile.ZIP_DEFLATED if deflated and name != SIGNATURE.decode() else zipfile.ZIP_STORED
            )
            archive.writestr(entry, content)
    return made.getvalue()


@given(FILES, st.binary(min_size=1, max_size=300), st.integers(0, 8), st.binary(max_size=20))
def test_wherever_the_signature_stands_the_hash_is_that_without_it(
    files: dict[str, bytes], signature: bytes, at: int, comment: bytes
) -> None:
    items = list(files.items())
    signed = dict([*items[:at], (SIGNATURE.decode(), signature), *items[at:]])
    unsigned = packed(files, comment)
    assert content_hash(io.BytesIO(packed(signed, comment))) == hashlib.sha512(unsigned).hexdigest()
    assert content_hash(io.BytesIO(unsigned)) == hashlib.sha512(unsigned).hexdigest()


@given(FILES, st.integers(0, 2_000), st.integers(0, 255))
def test_no_archive_ends_in_one_error(files: dict[str, bytes], at: int, byte: int) -> None:
    """Whatever is cut off or changed: a hash, or that it is none."""
    content = packed(files)
    changed = bytearray(content)
    changed[at % len(content)] = byte
    for one in (content[:at], bytes(changed)):
        with suppress(NotAnArchiveError):
            assert len(content_hash(io.BytesIO(one))) == 128


def test_what_the_file_tells() -> None:
    made = NugetFile("Acme.Web", "1.0.0")
    content = made.packed()
    assert read_package_file("acme.web 1.0.0", io.BytesIO(content)) == FileRecord(
        "Acme.Web", hashlib.sha512(content).hexdigest(), False, []
    )
    made.files["runtime.json"] = b'{"runtimes": {"win": {"#import": ["any"],}}} // of machines alone'
    assert not read_package_file("acme.web 1.0.0", io.BytesIO(made.packed())).has_runtimes
    made.files["runtime.json"] = b'{"runtimes": {"win": {"#import": ["any"], "acme.web": {"acme.web.win": "1.0.0"}}}}'
    assert read_package_file("acme.web 1.0.0", io.BytesIO(made.packed())).has_runtimes


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_manifest_with_a_mark_at_its_beginning(encoding: str) -> None:
    made = NugetFile("Acmé", "1.0.0")
    made.manifest = made.nuspec().decode().replace("utf-8", encoding.removesuffix("-sig")).encode(encoding)
    assert read_package_file("acmé 1.0.0", io.BytesIO(made.packed())).name == "Acmé"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("runtimes/win/native/a.dll", [""]),
        ("runtimes/win/lib/net6.0/a.dll", ["net6.0"]),
        ("runtimes/win/lib/net6.0/de/a.resources.dll", ["net6.0"]),
        ("runtimes/win/lib/net6.0/a.xml", []),
        ("runtimes/win/lib/a.dll", []),
        ("runtimes/win/nativeassets/net48/a.dll", ["net48"]),
        ("runtimes/a.txt", []),
        ("lib/net6.0/a.dll", []),
    ],
)
def test_for_which_frameworks_machines_have_other_files(place: str, expected: list[str]) -> None:
    file = io.BytesIO(NugetFile("A", "1.0.0", files={place: b""}).packed())
    assert read_package_file("a 1.0.0", file).machines == expected


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no archive", "no end of a zip archive"),
        (packed({"lib/a.dll": b"a"}), "it has no manifest"),
        (packed({"a.nuspec": b"<package>"}), "nuspec"),
        (packed({"a.nuspec": b"\xff"}), "decode"),
        (packed({"a.nuspec": b"<package/>", "runtime.json": b"["}), "runtime.json"),
        (packed({"a.nuspec": b"<package/>"}), "it is one without a name"),
        (NugetFile("B", "1.0.0").packed(), "it is B"),
    ],
)
def test_what_is_no_package(content: bytes, why: str) -> None:
    with pytest.raises(ExecutionFailedError, match=why) as caught:
        read_package_file("a 1.0.0", io.BytesIO(content))
    assert caught.value.message.startswith("nuget a 1.0.0: its file cannot be read")


class SignedVersion(Version):
    """A version whose file has a signature, of which nuget.exe does not ask with Mono who made it."""

    def file(self) -> bytes:
        """Return it as a file."""
        files = {
            f"{self.name}.nuspec": self.manifest(),
            SIGNATURE.decode(): b"a signature",
            "lib/netstandard1.0/_._": b"",
        }
        return packed(files)


@pytest.mark.real
@pytest.mark.skipif(nuget_program() is None, reason="Mono or nuget.exe is not installed")
async def test_nuget_has_the_same_hash(tmp_path: Path) -> None:
    project = tmp_path / "App" / "App.csproj"
    project.parent.mkdir()
    project.write_text(project_text("netcoreapp3.1", {"Signed": "1.0.0", "Plain": "1.0.0"}))
    async with NugetFeed() as feed:
        feed.add("Plain@1.0.0")
        feed.packages["signed"] = [SignedVersion("Signed", "1.0.0", {}, {})]
        said = await restore([project], feed.url, tmp_path / "native")
        assert (project.parent / "packages.lock.json").is_file(), said
        entries = json.loads((project.parent / "packages.lock.json").read_text())["dependencies"]
        for name, entry in entries[".NETCoreApp,Version=v3.1"].items():
            content = feed.packages[name.lower()][0].file()
            ours = content_hash(io.BytesIO(content))
            assert base64.b64encode(bytes.fromhex(ours)).decode() == entry["contentHash"], name
            assert (ours == hashlib.sha512(content).hexdigest()) is (name == "Plain")
