import json
import os
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, PreconditionFailedError, UnsupportedError
from outrider.operators.packages.fixing.fixes import FixParams, find_fix
from outrider.operators.packages.operations import audit, check, diff, sbom, vex
from outrider.operators.packages.operations.audit import AuditParams, AuditResult
from outrider.operators.packages.operations.check import CheckParams
from outrider.operators.packages.operations.diff import DiffParams
from outrider.operators.packages.operations.sbom import SbomParams
from outrider.operators.packages.operations.vex import VexParams
from outrider.operators.packages.tests.advisory_records import affected, ecosystem_range, record
from outrider.operators.packages.tests.root_files import (
    ALPINE,
    DEBIAN,
    ROCKY,
    entry,
    header,
    layer,
    made,
    ndb,
    paragraph,
)
from outrider.operators.packages.tests.test_audit import context, folder, imported

__all__ = ["folder"]
STATUS, APK, RPM = "var/lib/dpkg/status", "lib/apk/db/installed", "var/lib/rpm/Packages.db"
CURL = paragraph("libcurl4", "7.88.1-10+b1", Source="curl (7.88.1-10)") + paragraph("bash", "5.2-1")


def fixed(name: str, ecosystem: str, version: str) -> dict[str, Any]:
    return affected(ecosystem_range(("introduced", "0"), ("fixed", version)), name=name, ecosystem=ecosystem)


async def audited(folder: Path, files: dict[str, str | bytes], **params: Any) -> AuditResult:
    return await audit.run(AuditParams(path=str(made(folder / "root", files)), **params), context(folder))


def told(found: AuditResult) -> list[tuple[str, str, list[str]]]:
    return [(one.name, one.source, [each.id for each in one.vulnerabilities]) for one in found.findings]


async def test_debian_advises_by_source_and_release(folder: Path) -> None:
    await imported(
        folder,
        record("DEBIAN-CVE-2026-1", fixed("curl", "Debian:12", "7.88.1-10+deb12u1"), upstream=["CVE-2026-1"]),
        record("DEBIAN-CVE-2026-2", fixed("curl", "Debian:12", "7.88.1-10"), fixed("curl", "Debian:13", "9")),
        record("DEBIAN-CVE-2026-3", fixed("libcurl4", "Debian:12", "9")),
    )
    found = await audited(folder, {"etc/os-release": DEBIAN, STATUS: CURL})
    assert told(found) == [("debian/libcurl4", "curl 7.88.1-10", ["CVE-2026-1"])]
    [finding] = found.findings
    assert finding.vulnerabilities[0].fixed == ["7.88.1-10+deb12u1"]
    assert finding.update == "apt-get install --only-upgrade libcurl4"
    assert (found.packages, found.warnings, [one.ecosystem for one in found.advisories]) == (2, [], ["Debian:12"])
    assert audit.OPERATION.text is not None
    assert list(audit.OPERATION.text(found)) == [
        "1 of 2 packages have known vulnerabilities",
        "  UNKNOWN   debian/libcurl4 7.88.1-10+b1 (of curl 7.88.1-10)  CVE-2026-1  fixed in 7.88.1-10+deb12u1  DEBIAN-CVE-2026-1 is bad",
        "what a distribution has packed it updates itself: apt-get install --only-upgrade NAME",
    ]


async def test_alpine_advises_by_origin(folder: Path) -> None:
    await imported(folder, record("ALPINE-CVE-2026-1", fixed("curl", "Alpine:v3.19", "8.5.0-r1")))
    installed = entry("libcurl", "8.5.0-r0", "curl") + entry("curl", "8.5.0-r1", "curl")
    found = await audited(folder, {"etc/os-release": ALPINE, APK: installed})
    assert told(found) == [("alpine/libcurl", "curl 8.5.0-r0", ["ALPINE-CVE-2026-1"])]


async def test_rpm_is_advised_by_package_and_by_source(folder: Path) -> None:
    await imported(
        folder,
        record("RLSA-1", fixed("shop", "Rocky Linux:9", "2:1.5-1"), upstream=["CVE-2026-1"]),
        record("RLSA-2", fixed("libshop", "Rocky Linux:9", "1.5-1"), fixed("libshop", "Rocky Linux:8", "2:9-1")),
        record("RLSA-3", fixed("libshop", "Rocky Linux:9", "2:1.4-3.1"), fixed("shop", "Rocky Linux:9", "2:1.4-3.1")),
    )
    blob = header(2, name="libshop", version="1.4", release="3", arch="x86_64", source="shop-1.4-3.src.rpm")
    found = await audited(folder, {"usr/lib/os-release": ROCKY, RPM: ndb(blob)})
    assert told(found) == [("rocky/libshop", "shop 2:1.4-3", ["CVE-2026-1", "RLSA-3"])]
    assert found.findings[0].update == "dnf upgrade libshop"


async def test_parts_of_a_release_and_what_subscribers_get_count(folder: Path) -> None:
    await imported(
        folder,
        record(
            "USN-1",
            fixed("curl", "Ubuntu:Pro:22.04:LTS", "7.88.1-10+esm1"),
            severity=[{"type": "Ubuntu", "score": "high"}],
        ),
    )
    found = await audited(folder, {"etc/os-release": "ID=ubuntu\nVERSION_ID=22.04\n", STATUS: CURL})
    assert told(found) == [("ubuntu/libcurl4", "curl 7.88.1-10", ["USN-1"])]
    assert found.findings[0].vulnerabilities[0].severity == "high"


async def test_a_notice_is_told_only_where_its_vulnerabilities_are_not(folder: Path) -> None:
    flaw = fixed("curl", "Debian:12", "9")
    notice = record("DSA-1", flaw, upstream=["CVE-2026-1", "CVE-2026-2"])
    await imported(folder, notice, record("DEBIAN-CVE-2026-1", flaw, upstream=["CVE-2026-1"]))
    root: dict[str, str | bytes] = {"etc/os-release": DEBIAN, STATUS: CURL}
    assert told(await audited(folder, root))[0][2] == ["CVE-2026-1", "DSA-1"]
    await imported(folder, record("DEBIAN-CVE-2026-2", flaw, upstream=["CVE-2026-2"]), add=True)
    assert told(await audited(folder, root))[0][2] == ["CVE-2026-1", "CVE-2026-2"]


@pytest.mark.parametrize(
    ("release", "named"),
    [
        ("ID=debian\nVERSION_ID=13\n", "Debian:13"),
        ("ID=debian\n", "the distribution debian"),
        ("ID=shopos\nVERSION_ID=1\n", "the distribution shopos 1"),
        (None, "an unknown distribution"),
    ],
)
async def test_what_nobody_knows_is_never_safe(folder: Path, release: str | None, named: str) -> None:
    await imported(folder, record("DEBIAN-CVE-2026-1", fixed("curl", "Debian:12", "9")))
    files: dict[str, str | bytes] = {STATUS: CURL, **({"etc/os-release": release} if release is not None else {})}
    found = await audited(folder, files)
    assert found.warnings == [f"no advisories of {named} are imported: nothing is known of its packages"]
    with pytest.raises(PreconditionFailedError, match=named):
        await audited(folder, files, stale="fail")


async def test_versions_that_cannot_be_compared_are_told(folder: Path) -> None:
    await imported(folder, record("A", fixed("curl", "Alpine:v3.19", "8.5.0-r1")))
    installed = entry("curl", "8.5.0bc", "curl") + entry("other", "1bc", "other")
    found = await audited(folder, {"etc/os-release": ALPINE, APK: installed})
    assert found.warnings == [
        "alpine/curl 8.5.0bc: it is no version that apk compares; whether it is affected is not known"
    ]


async def test_damaged_and_missing_databases_are_never_safe(folder: Path) -> None:
    await imported(folder, record("RLSA-1", fixed("shop", "Rocky Linux:9", "2:1.5-1")))
    with pytest.raises(InvalidConfigError, match=r"Packages\.db"):
        await audited(folder, {"etc/os-release": ROCKY, RPM: ndb(b"x" * 100)[:-16]})
    (folder / "root" / RPM).unlink()
    with pytest.raises(NotFoundError, match="no package database"):
        await audited(folder, {"etc/os-release": ROCKY})


async def test_links_lead_to_the_same_root_alone(folder: Path) -> None:
    await imported(folder, record("DEBIAN-CVE-2026-1", fixed("curl", "Debian:12", "9")))
    root = made(folder / "root", {"usr/lib/os-release": DEBIAN, "data/status": CURL})
    (root / "var" / "lib" / "dpkg").mkdir(parents=True)
    (root / "etc").mkdir()
    # What stands there on this machine is another root's.
    (root / "etc" / "os-release").symlink_to("/usr/lib/os-release")
    (root / STATUS).symlink_to("/../../../data/status")
    assert told(await audited(folder, {}))[0][0] == "debian/libcurl4"
    (root / "data" / "status").unlink()
    os.mkfifo(root / "data" / "status")
    with pytest.raises(NotFoundError, match="no package database"):
        await audited(folder, {})
    (root / "data" / "status").unlink()
    (root / "data" / "status").symlink_to("status")
    with pytest.raises(InvalidConfigError, match="circles"):
        await audited(folder, {})


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
async def test_a_bill_of_a_root_is_audited_as_the_root(folder: Path, form: str) -> None:
    flaw = record(
        "A", fixed("curl", "Debian:12", "9"), fixed("shop", "Rocky Linux:9", "2:9"), fixed("curl", "Alpine:v3.19", "9")
    )
    await imported(folder, flaw)
    blob = header(2, name="libshop", version="1.4+1", release="3", arch="x86_64", source="shop-1.4+1-3.src.rpm")
    roots: list[dict[str, str | bytes]] = [
        {"etc/os-release": DEBIAN, STATUS: CURL}, {"etc/os-release": ALPINE, APK: entry("libcurl", "8.5.0-r0", "curl")},
        {"etc/os-release": ROCKY, RPM: ndb(blob)},
    ]  # fmt: skip
    for number, files in enumerate(roots):
        root = made(folder / str(number), files)
        made_bill = await sbom.run(SbomParams(path=str(root), format=form), context(folder))  # type: ignore[arg-type]
        path = folder / f"{number}.json"
        path.write_text(json.dumps(made_bill.document))
        before = await audit.run(AuditParams(path=str(root)), context(folder))
        after = await audit.run(AuditParams(path=str(path)), context(folder))
        assert told(after) == told(before) != []
        assert after.warnings == before.warnings == []
        same = await diff.run(DiffParams(before=str(root), after=str(path)), context(folder))
        assert (same.changed, same.same) == ([], before.packages)
        assert made_bill.unknown == made_bill.packages


async def test_package_urls_say_what_they_are_of(folder: Path) -> None:
    await imported(folder, record("A", fixed("curl", "Debian:12", "9")))
    root = made(folder / "root", {"etc/os-release": DEBIAN, STATUS: CURL})
    found = await sbom.run(SbomParams(path=str(root)), context(folder))
    url = "pkg:deb/debian/libcurl4@7.88.1-10%2Bb1?arch=amd64&distro=debian-12&upstream=curl%407.88.1-10"
    assert [one["purl"] for one in found.document["components"]] == [
        "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12", url,
    ]  # fmt: skip
    lines = [url, "pkg:deb/debian/curl@8", "pkg:rpm/fedora/bash@5-1?distro=fedora-39", "pkg:hex/x@1"]
    (folder / "shop.purls").write_text("\n".join(lines))
    listed = await audit.run(AuditParams(path=str(folder / "shop.purls")), context(folder))
    assert told(listed) == [("debian/libcurl4", "curl 7.88.1-10", ["A"])]
    assert [one.partition("purls: ")[2] or one for one in listed.warnings] == [
        "no advisories of the distribution fedora 39 are imported: nothing is known of its packages",
        "1 of the type hex: only cargo, composer, gem, maven, npm, nuget, pypi, apk, deb, rpm are read",
        "1 of the type deb: they do not say of which release (distro), or in which version",
        "1 of the type rpm: none names its source (upstream); advisories that name another are missed",
    ]


async def test_statements_hold_for_a_root_too(folder: Path) -> None:
    await imported(folder, record("A", fixed("curl", "Debian:12", "9")))
    root = made(folder / "root", {"etc/os-release": DEBIAN, STATUS: CURL})
    written = await vex.run(VexParams(path=str(root)), context(folder))
    [statement] = written.document["statements"]
    statement |= {"status": "not_affected", "justification": "component_not_present"}
    del statement["action_statement"]
    path = folder / "shop.openvex.json"
    path.write_text(json.dumps(written.document))
    found = await audit.run(AuditParams(path=str(root), vex=[str(path)]), context(folder))
    assert (found.findings, [one.id for one in found.suppressed], found.warnings) == ([], ["A"], [])


async def test_nothing_else_takes_a_root_for_its_own(folder: Path) -> None:
    root = made(folder / "root", {"etc/os-release": DEBIAN, STATUS: CURL})
    (folder / "shop.tar").write_bytes(layer([(STATUS, CURL.encode())]))
    await imported(folder, record("A", fixed("curl", "Debian:12", "9")))
    for path in (root, folder / "shop.tar"):
        with pytest.raises(UnsupportedError, match="not changed here") as raised:
            await find_fix(FixParams(path=str(path)), context(folder))
        assert "audit" in raised.value.suggestions[0]
    (folder / "shop.purls").write_text("pkg:deb/debian/bash@5?distro=debian-12&upstream=x")
    judged = await check.run(CheckParams(path=str(folder / "shop.purls")), context(folder))
    assert judged.packages == 0
    assert judged.warnings == ["1 of the type deb: policies are not about what distributions pack"]
