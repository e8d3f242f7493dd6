"""Packages of languages in roots and images: what is told with its place, and what is left to the distribution."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import LimitedError, NotFoundError
from outrider.operators.packages.distributions import inventories as inventories_module
from outrider.operators.packages.distributions import layers, walking
from outrider.operators.packages.distributions.folders import FolderRoot
from outrider.operators.packages.distributions.images import image_root
from outrider.operators.packages.distributions.inventories import inventories
from outrider.operators.packages.operations import audit, diff, sbom, vex
from outrider.operators.packages.operations.audit import AuditParams
from outrider.operators.packages.operations.diff import DiffParams
from outrider.operators.packages.operations.sbom import SbomParams
from outrider.operators.packages.operations.vex import VexParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.root_files import (
    ALPINE,
    DEBIAN,
    ROCKY,
    Entry,
    HardLink,
    elf,
    entry,
    header,
    jar,
    layer,
    made,
    ndb,
    paragraph,
    program,
)
from outrider.operators.packages.tests.test_audit import context, folder, imported
from outrider.operators.packages.tests.test_images import put_on

__all__ = ["folder"]
STATUS, LIST = "var/lib/dpkg/status", "var/lib/dpkg/info/python3-web.list"
PACKED, OWN = "usr/lib/python3/dist-packages/web-1.0.dist-info/METADATA", "srv/lib/web-1.0.dist-info/METADATA"
METADATA = "Metadata-Version: 2.1\nName: web\nVersion: 1.0\n"
NODE = "srv/node_modules/web/package.json"
SHOP = json.dumps({"name": "web", "version": "1.0.0"})
MANY = {f"srv/node_modules/w{number}/package.json": SHOP for number in range(9)}


def told(root: Any) -> list[tuple[str, str, str]]:
    """Return what is told of packages of languages: the place, and the package; and of each file what could not be read."""
    found = []
    for path, lock in inventories(root, "shop"):
        found += [(path, one.name, one.version) for one in lock.packages if one.packed is None]
        found += [(path, "?", one) for one in lock.unreadable]
    return found


async def test_packages_of_languages_are_findings_with_their_place(folder: Path) -> None:
    fix = affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0")), name="web", ecosystem="PyPI")
    await imported(
        folder,
        record("PYSEC-1", fix),
        record("D-1", affected(ecosystem_range(("introduced", "0")), name="bash", ecosystem="Debian:12")),
    )
    files: dict[str, str | bytes] = {
        "etc/os-release": DEBIAN,
        STATUS: paragraph("bash", "5.2-1"),
        OWN: METADATA,
        NODE: SHOP,
    }
    root = made(folder / "root", files)
    found = await audit.run(AuditParams(path=str(root)), context(folder))
    assert [(one.name, one.file, one.update) for one in found.findings] == [
        ("debian/bash", f"{root}/{STATUS}", "apt-get install --only-upgrade bash"), ("web", f"{root}/{OWN}", ""),
    ]  # fmt: skip
    assert found.warnings == ["no advisories of npm are imported: nothing is known of its packages"]
    assert (found.packages, found.files) == (3, [f"{root}/{one}" for one in (STATUS, OWN, NODE)])
    assert audit.OPERATION.text is not None
    assert any(line.endswith(f"in {root}/{OWN}") for line in audit.OPERATION.text(found))
    await imported(folder, record("PYSEC-1", fix))
    found = await audit.run(AuditParams(path=str(root)), context(folder))
    # Of several files that were looked at, the one that has the only finding is told too.
    assert any(line.endswith(f"in {root}/{OWN}") for line in audit.OPERATION.text(found))


async def test_statements_are_about_packages_of_languages_too(folder: Path) -> None:
    fix = affected(ecosystem_range(("introduced", "0"), ("fixed", "2.0")), name="web", ecosystem="PyPI")
    await imported(folder, record("PYSEC-1", fix))
    root = made(folder / "root", {"etc/os-release": DEBIAN, STATUS: paragraph("bash", "5.2-1"), OWN: METADATA})
    stated = await vex.run(VexParams(path=str(root), stale="warn"), context(folder))
    assert stated.statements == {"affected": 1}


async def test_bills_have_packages_of_languages_and_say_what_they_do_not_know(folder: Path) -> None:
    await imported(
        folder, record("PYSEC-1", affected(ecosystem_range(("introduced", "0")), name="web", ecosystem="PyPI"))
    )
    installed = {
        "packages": [
            {"name": "acme/a", "version": "1", "dist": {}, "require": {"acme/b": "*"}},
            {"name": "acme/b", "version": "1"},
        ]
    }
    root = made(
        folder / "root",
        {"etc/os-release": DEBIAN, OWN: METADATA, "srv/vendor/composer/installed.json": json.dumps(installed)},
    )
    bill = await sbom.run(SbomParams(path=str(root)), context(folder))
    assert [one["purl"] for one in bill.document["components"]] == [
        "pkg:composer/acme/a@1",
        "pkg:composer/acme/b@1",
        "pkg:pypi/web@1.0",
    ]
    assert bill.document["compositions"] == [
        {"aggregate": "incomplete", "dependencies": ["root"]},
        {"aggregate": "unknown", "dependencies": ["pkg:pypi/web@1.0"]},
    ]
    assert bill.unreadable == [f"{root}: {inventories_module._NO_DATABASE}"]
    (folder / "bill.json").write_text(json.dumps(bill.document))
    same = await diff.run(DiffParams(before=str(root), after=str(folder / "bill.json")), context(folder))
    assert (same.changed, same.same) == ([], 3)


@pytest.mark.parametrize(
    "database",
    [
        {"etc/os-release": DEBIAN, STATUS: paragraph("python3-web", "1.0-1"), LIST: f"/.\n/usr\n/{PACKED}\n"},
        {"etc/os-release": DEBIAN, "var/lib/dpkg/status.d/web": paragraph("web", "1"), "var/lib/dpkg/status.d/web.md5sums": f"{'a' * 32}  {PACKED}\n"},
        {"etc/os-release": ALPINE, "lib/apk/db/installed": f"P:py3-web\nV:1.0-r0\nF:{PACKED.rpartition('/')[0]}\nR:METADATA\n\n"},
        {"etc/os-release": ROCKY, "var/lib/rpm/Packages.db": ndb(header(name="python3-web", version="1", release="1", files=["/usr/bin/web", f"/{PACKED}"]))},
    ],
)  # fmt: skip
def test_what_a_distribution_has_packed_is_told_by_its_name_alone(
    tmp_path: Path, database: dict[str, str | bytes]
) -> None:
    expected = [(f"shop/{OWN}", "web", "1.0")]
    files = {**database, PACKED: METADATA, OWN: METADATA}
    assert told(FolderRoot(made(tmp_path / "root", files))) == expected
    image = layer([(name, text.encode() if isinstance(text, str) else text) for name, text in files.items()])
    assert told(put_on(image)) == expected


def test_packages_may_have_files_where_a_link_leads(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "etc/os-release": DEBIAN,
        STATUS: paragraph("web", "1"),
        LIST: f"/{PACKED.removeprefix('usr/')}\n",
        PACKED: METADATA,
    }
    root = made(tmp_path / "root", files)
    (root / "lib").symlink_to("usr/lib")
    assert told(FolderRoot(root)) == []


def test_an_image_may_have_no_database(tmp_path: Path) -> None:
    (tmp_path / "shop.tar").write_bytes(layer([(OWN, METADATA.encode())]))
    assert told(image_root(tmp_path / "shop.tar")) == [
        ("shop", "?", inventories_module._NO_DATABASE),
        (f"shop/{OWN}", "web", "1.0"),
    ]
    with pytest.raises(NotFoundError, match="no package database in this root, and no package of a language"):
        told(put_on(layer([("etc/os-release", DEBIAN.encode())])))


def test_upper_layers_replace_and_take_away() -> None:
    def left(*upper: tuple[str, Any]) -> list[tuple[str, str, str]]:
        base = layer(
            [("lib/apk/db/installed", entry("musl", "1").encode()), (OWN, METADATA.encode()), (NODE, SHOP.encode())]
        )
        return told(put_on(base, layer(upper)))

    web, node = (f"shop/{OWN}", "web", "1.0"), (f"shop/{NODE}", "web", "1.0.0")
    assert left() == [web, node]
    assert left((OWN, METADATA.replace("1.0", "2.0").encode())) == [(f"shop/{OWN}", "web", "2.0"), node]
    assert left(("srv/lib/.wh.web-1.0.dist-info", b"")) == [node]
    assert left(("srv/.wh..wh..opq", b""), (NODE, SHOP.encode())) == [node]
    assert left((NODE, SHOP.encode()), ("srv/.wh.node_modules", b"")) == [web, node]
    assert left(("srv/lib", b"a file")) == [node]
    # What is written below a link comes to where that leads.
    assert left((".wh.srv", b""), ("srv", "opt"), (OWN, METADATA.encode())) == [
        (f"shop/opt/{OWN.removeprefix('srv/')}", "web", "1.0")
    ]


def test_what_is_taken_away_again_and_again_takes_no_time() -> None:
    links: list[Entry] = [(f"srv/lib/{number}", "x") for number in range(2000)]
    again: list[Entry] = [(name, b"") for name in ("srv/.wh..wh..opq", ".wh.srv") for _ in range(2000)]
    began = time.process_time()
    assert told(put_on(layer([*links, *again, (OWN, METADATA.encode())])))[1:] == [(f"shop/{OWN}", "web", "1.0")]
    # It was a hundred times as long where each of them went through all links.
    assert time.process_time() - began < 5


def test_hard_links_are_told_where_what_they_are_is_known() -> None:
    base: list[Entry] = [("lib/apk/db/installed", entry("musl", "1").encode())]
    first = put_on(layer([*base, (NODE, SHOP.encode()), (f"a/{NODE}", HardLink(NODE)), ("store/00ab", HardLink(NODE))]))
    assert told(first) == [(f"shop/a/{NODE}", "web", "1.0.0"), (f"shop/{NODE}", "web", "1.0.0")]
    lost = put_on(layer([*base, ("store/00ab", SHOP.encode()), (NODE, HardLink("store/00ab"))]))
    assert told(lost) == [(f"shop/{NODE}", "?", "it is the same file as store/00ab, which is not looked at")]


def test_programs_are_told_once_whatever_names_they_have(tmp_path: Path) -> None:
    shop = program({"name": "itoa", "version": "1.0.1", "source": "crates.io"})
    image: list[Entry] = [
        ("usr/bin/b", shop),
        ("usr/bin/a", HardLink("usr/bin/b")),
        ("usr/bin/sh", elf()),
        ("usr/bin/text", b"#!/bin/sh\n"),
    ]
    expected = [("shop", "?", inventories_module._NO_DATABASE), ("shop/usr/bin/a", "itoa", "1.0.1")]
    assert told(put_on(layer(image, mode=0o755))) == expected
    with pytest.raises(NotFoundError):
        told(put_on(layer(image, mode=0o644)))
    # A further name stays where the first one is taken away.
    assert told(put_on(layer(image, mode=0o755), layer([("usr/bin/.wh.b", b"")]))) == expected
    root = made(tmp_path / "root", {"usr/bin/a": shop, "usr/bin/c": elf()})
    for name in ("a", "c"):
        (root / "usr" / "bin" / name).chmod(0o755)
    (root / "usr" / "bin" / "b").hardlink_to(root / "usr" / "bin" / "a")
    assert told(FolderRoot(root)) == expected


def test_too_large_files_of_an_image_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "LARGEST_DATABASE", 1000)
    [_, large] = told(put_on(layer([("opt/shop.jar", jar({"x": os.urandom(2000)}))])))
    assert large[0] == "shop/opt/shop.jar"
    assert large[2].endswith("of what is in an image at most 1000 are looked at")


def test_a_folder_is_not_left_and_nothing_in_it_is_waited_for(tmp_path: Path) -> None:
    made(tmp_path / "outside", {OWN: METADATA})
    root = made(
        tmp_path / "root",
        {"etc/os-release": DEBIAN, STATUS: paragraph("bash", "5"), NODE: SHOP, f"proc/{OWN}": METADATA},
    )
    (root / "srv" / "more").symlink_to(tmp_path / "outside")
    (root / "srv" / "b-1.dist-info").mkdir()
    (root / "srv" / "b-1.dist-info" / "METADATA").symlink_to(tmp_path / "outside" / OWN)
    (root / "srv" / "c-1.dist-info").mkdir()
    os.mkfifo(root / "srv" / "c-1.dist-info" / "METADATA")
    assert told(FolderRoot(root)) == [(f"shop/{NODE}", "web", "1.0.0")]


def test_names_of_any_bytes_are_shown() -> None:
    entries: list[Entry] = [
        ("srv/\udcff\n\x1b[31m.dist-info/METADATA", METADATA.encode()),
        ("srv/ü.dist-info/METADATA", METADATA.encode()),
        (NODE, HardLink("store/\udcff\x1b")),
    ]
    found = told(put_on(layer(entries)))
    assert found[1:] == [
        (f"shop/{NODE}", "?", "it is the same file as store/\\udcff\\x1b, which is not looked at"),
        ("shop/srv/ü.dist-info/METADATA", "web", "1.0"),
        ("shop/srv/\\udcff\\n\\x1b[31m.dist-info/METADATA", "web", "1.0"),
    ]


def test_folders_that_may_not_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made(tmp_path / "root", {"etc/os-release": DEBIAN, STATUS: paragraph("bash", "5"), NODE: SHOP})
    opened = os.scandir

    def closed(path: Any) -> Any:
        if Path(path).name == "node_modules":
            raise PermissionError(13, "Permission denied")
        return opened(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert told(FolderRoot(root)) == [("shop", "?", "1 folders in it may not be read by you: srv/node_modules")]


def test_too_many_packages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = FolderRoot(made(tmp_path / "root", {"etc/os-release": DEBIAN, **MANY}))
    monkeypatch.setattr(inventories_module, "MOST_FILES", 5)
    with pytest.raises(LimitedError, match="too much in this root"):
        told(root)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = FolderRoot(made(tmp_path / "root", {"etc/os-release": DEBIAN, **MANY}))
    monkeypatch.setattr(walking, "_MOST", 5)
    with pytest.raises(LimitedError, match="too much in it"):
        told(root)


@pytest.mark.parametrize(
    "image", [layer([(name, SHOP.encode()) for name in MANY]), layer([(name, "x") for name in MANY])]
)
def test_too_much_that_is_kept_of_an_image_is_refused(image: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MOST_FILES", 5)
    with pytest.raises(LimitedError, match="too much of it in the image"):
        put_on(image)
