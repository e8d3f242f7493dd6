"""Roots and images that other tools made, and what these tools say of them."""

import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from outrider.operators.packages.distributions import rpm_berkeley, rpm_ndb, rpm_sqlite
from outrider.operators.packages.distributions.folders import FolderRoot
from outrider.operators.packages.distributions.images import image_root
from outrider.operators.packages.distributions.inventories import inventories
from outrider.operators.packages.distributions.rpm_headers import paths, read_header
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.tests.root_files import ALPINE, DEBIAN, ROCKY, entry, layer, made, paragraph
from tests.peers.rpm_readers import Row, by_go, by_rpm, databases

pytestmark = pytest.mark.real
QUERY = "${db:Status-Status}\t${Package}\t${Version}\t${source:Package}\t${source:Version}\n"
SPEC = """
Name: shop
Epoch: 2
Version: 1.4~rc1
Release: 3.el9
Summary: A shop
License: MIT
BuildArch: noarch
%description
A shop.
%package -n libshop
Summary: Its library
Version: 7
%description -n libshop
Its library.
%install
mkdir -p %{buildroot}/opt/shop/lib %{buildroot}/opt/other
touch %{buildroot}/opt/shop/shop %{buildroot}/opt/shop/lib/one %{buildroot}/opt/other/two
%files
/opt/shop
%files -n libshop
/opt/other/two
"""


def run(*command: str, folder: Path | None = None) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=300).stdout


def packages(root: Path) -> list[LockedPackage]:
    return [one for _, lock in inventories(FolderRoot(root), str(root)) for one in lock.packages]


def rows(path: Path) -> "Counter[Row]":
    content = path.read_bytes()
    if path.name == "rpmdb.sqlite":
        blobs = rpm_sqlite.headers(content, b"")
    else:
        blobs = rpm_berkeley.headers(content) if path.name == "Packages" else rpm_ndb.headers(content)
    found = [read_header(one) for one in blobs]
    return Counter(
        (one.name, one.epoch or "0", one.version, one.release, one.architecture, one.source)
        for one in found
        if one.name != "gpg-pubkey"
    )


def test_this_machine_has_what_dpkg_says(tmp_path: Path) -> None:
    lines = [line.split("\t") for line in run("dpkg-query", "--show", "--showformat", QUERY).splitlines()]
    said = {(name, version, source, of) for status, name, version, source, of in lines if status == "installed"}
    # In an image of Debian the system says of itself what it is; the machine of this test may be another one.
    root = made(tmp_path, {"etc/os-release": DEBIAN})
    (root / "var").mkdir()
    (root / "var" / "lib").mkdir()
    shutil.copytree(
        "/var/lib/dpkg", root / "var" / "lib" / "dpkg", ignore=lambda folder, names: {"info", "lock", "lock-frontend"}
    )
    ours = set()
    for one in packages(root):
        assert one.packed is not None
        ours.add((one.name.removeprefix("debian/"), one.version, *one.packed.names[-1]))
    assert ours == said
    assert len(ours) > 50


def test_a_root_of_rpm_has_what_rpm_says(tmp_path: Path) -> None:
    (tmp_path / "shop.spec").write_text(SPEC)
    run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tmp_path}/built", "shop.spec", folder=tmp_path)
    root = made(tmp_path / "root", {"etc/os-release": ROCKY})
    rpm = ["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm"]
    run(*rpm, "--initdb")
    run(*rpm, "--install", "--nodeps", *map(str, tmp_path.glob("built/RPMS/*/*.rpm")))
    folder = root / "var" / "lib" / "rpm"
    blobs = rpm_sqlite.headers((folder / "rpmdb.sqlite").read_bytes(), b"")
    assert sorted(f"/{path}" for blob in blobs for path in paths(blob)) == sorted(run(*rpm, "-qal").split())
    assert rows(folder / "rpmdb.sqlite") == by_rpm(folder, "rpmdb.sqlite") != Counter()
    assert [(one.name, one.version, one.advised_as[0]) for one in packages(root)] == [
        # The file of a source has no epoch, and RPM gives that of the source to what is made of it.
        ("rocky/libshop", "2:7-3.el9", ("shop", "2:1.4~rc1-3.el9")),
        ("rocky/shop", "2:1.4~rc1-3.el9", ("shop", "2:1.4~rc1-3.el9")),
    ]


def test_images_of_podman_are_what_was_put_into_them(tmp_path: Path) -> None:
    # It wants a short path for what it is doing.
    with tempfile.TemporaryDirectory(prefix="podman-") as short:
        _save_images(
            tmp_path, ["podman", "--root", f"{short}/kept", "--runroot", f"{short}/run", "--storage-driver", "vfs"]
        )
    for form in ("docker-archive.tar", "oci-archive.tar", "oci-dir", "zstd", "zstd-chunked"):
        found = [
            (path, one.name, one.version) for path, lock in inventories(image_root(tmp_path / form), "shop") for one in lock.packages
        ]  # fmt: skip
        assert found == [
            ("shop/var/lib/dpkg/status", "alpine/bash", "5.2-1"), ("shop/lib/apk/db/installed", "alpine/musl", "1.2.4-r9")
        ], form  # fmt: skip


def _save_images(tmp_path: Path, podman: list[str]) -> None:
    status = paragraph("bash", "5.2-1").encode()
    old, new = entry("musl", "1.2.4-r2", "musl"), entry("musl", "1.2.4-r9", "musl")
    base: list[tuple[str, str | bytes | None]] = [
        ("usr/lib/os-release", ALPINE.encode()),
        ("etc/os-release", "../usr/lib/os-release"),
        ("usr/lib/apk/db/installed", old.encode()),
    ]
    (tmp_path / "base.tar").write_bytes(layer([*base, ("lib", "usr/lib"), ("var/lib/dpkg/status", status)]))
    run(*podman, "import", str(tmp_path / "base.tar"), "localhost/base")
    made(
        tmp_path / "context",
        {"installed": new, "Containerfile": "FROM localhost/base\nCOPY installed /lib/apk/db/installed\n"},
    )
    run(*podman, "build", "--isolation", "chroot", "--tag", "localhost/shop", str(tmp_path / "context"))
    for form in ("docker-archive", "oci-archive", "oci-dir"):
        target = tmp_path / (form if form == "oci-dir" else f"{form}.tar")
        run(*podman, "save", "--format", form, "--output", str(target), "localhost/shop")
    for packer in ("zstd", "zstd:chunked"):
        # A colon ends the name of a folder there.
        target = tmp_path / packer.replace(":", "-")
        run(*podman, "push", "--compression-format", packer, "localhost/shop", f"oci:{target}")
        assert any(blob.read_bytes()[:4] == b"\x28\xb5\x2f\xfd" for blob in target.glob("blobs/sha256/*"))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_databases_of_real_systems_have_what_others_say(tmp_path: Path) -> None:
    found = databases()
    by_others = by_go([path for path in found if path.name != "rpmdb.sqlite"])
    forms: Counter[str] = Counter()
    for number, path in enumerate(found):
        ours = rows(path)
        forms[path.name] += sum(ours.values())
        if path.name != "Packages.db":
            folder = tmp_path / str(number)
            folder.mkdir()
            shutil.copy(path, folder)
            assert ours == by_rpm(folder, path.name), path
        if path.name != "rpmdb.sqlite":
            assert ours == by_others[str(path)], path
    assert forms["Packages"] > 2000
    assert forms["rpmdb.sqlite"] > 400
    assert forms["Packages.db"] > 30
