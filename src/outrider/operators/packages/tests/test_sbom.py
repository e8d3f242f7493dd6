import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.locks.package_urls import package_url, written
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import sbom
from outrider.operators.packages.operations.sbom import SbomParams, SbomResult
from outrider.operators.packages.sboms.bill import Bill, bill_of
from outrider.operators.packages.sboms.cyclonedx import cyclonedx
from outrider.operators.packages.sboms.spdx import spdx
from outrider.operators.packages.tests.root_files import DEBIAN, entry, header, made, ndb, paragraph
from outrider.operators.packages.tests.test_audit import context
from tests.peers.environments import PROGRAMS, install

SAMPLES = Path(__file__).parent / "locks"
VALIDATOR = Path(__file__).parents[5] / "tests" / "peers" / "programs" / "sbom_validator.py"
CREATED = "2026-11-29T10:00:00Z"
FILES = sorted(
    path
    for path in SAMPLES.rglob("*")
    if path.name in ("uv.lock", "package-lock.json", "Cargo.lock", "composer.lock", "Gemfile.lock", "packages.lock.json", "gradle.lockfile")
)  # fmt: skip


async def bill(folder: Path, path: Path, **params: Any) -> SbomResult:
    return await sbom.run(SbomParams(path=str(path), **{"created": CREATED, **params}), context(folder))


def all_kinds(folder: Path) -> Path:
    """Return a root with packages of each kind."""
    blob = header(2, name="libshop", version="1.4+1", release="3", arch="x86_64", source="shop-1.4+1-3.src.rpm")
    files: dict[str, str | bytes] = {
        "etc/os-release": DEBIAN, "var/lib/rpm/Packages.db": ndb(blob), "lib/apk/db/installed": entry("libcurl", "8.5.0-r0", "curl"),
        "var/lib/dpkg/status": paragraph("libcurl4", "1:7.88.1-10+b1", Source="curl (1:7.88.1-10)"),
    }  # fmt: skip
    return made(folder / "root", files)


def faults(python: Path, form: str, path: Path) -> str:
    command = [str(python), str(VALIDATOR), form, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=50).stdout


def locked(name: str, version: str, *needs: str, **more: Any) -> LockedPackage:
    return LockedPackage(ecosystem="npm", name=name, version=version, needs=needs, **more)


def of(*packages: LockedPackage) -> Bill:
    return bill_of([Lock(form="a lock", packages=packages)], name="shop", version="1.0", created=CREATED)


@pytest.mark.real
@pytest.mark.timeout(240)
@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
async def test_the_official_validators_find_nothing_wrong(tmp_path: Path, form: str) -> None:
    python = install("sbom", PROGRAMS["sbom"]) / "python"
    assert len(FILES) >= 7
    for number, path in enumerate([*FILES, all_kinds(tmp_path)]):
        found = await bill(tmp_path, path, format=form, name="shop", version="1.0")
        assert found.packages
        written_to = tmp_path / f"{number}.{'spdx' if form == 'spdx' else 'cdx'}.json"
        written_to.write_text(json.dumps(found.document))
        assert faults(python, form, written_to) == "", path


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_what_is_written_is_read_again(tmp_path: Path, form: str, path: Path) -> None:
    found = await bill(tmp_path, path, format=form)
    before = read_lock(path.name, path.read_text())
    after = read_lock("bom.json" if form == "cyclonedx" else "shop.spdx.json", json.dumps(found.document))
    assert [(one.ecosystem, one.name, one.version) for one in after.packages] == sorted(
        (one.ecosystem, one.name, one.version) for one in before.packages
    )


def test_who_needs_whom_is_written() -> None:
    made = of(locked("top", "1.0.0", "deep"), locked("deep", "2.0.0", "top"), locked("@acme/alone", "1.0.0"))
    alone, deep, top = "pkg:npm/%40acme/alone@1.0.0", "pkg:npm/deep@2.0.0", "pkg:npm/top@1.0.0"
    assert cyclonedx(made)["dependencies"] == [
        {"ref": "root", "dependsOn": [alone]},
        {"ref": alone, "dependsOn": []},
        {"ref": deep, "dependsOn": [top]},
        {"ref": top, "dependsOn": [deep]},
    ]
    pairs = [(one["spdxElementId"], one["relatedSpdxElement"]) for one in spdx(made)["relationships"]]
    assert ("SPDXRef-Package-2", "SPDXRef-Package-3") in pairs
    assert ("SPDXRef-Package-3", "SPDXRef-Package-2") in pairs


def test_what_a_lock_does_not_say_is_called_incomplete() -> None:
    made = of(locked("top", "1.0.0", "deep", "away"), locked("deep", "1.0.0"), locked("deep", "2.0.0"))
    document = cyclonedx(made)
    # What the project itself asks for this lock does not say either.
    assert document["compositions"] == [{"aggregate": "incomplete", "dependencies": ["root", "pkg:npm/top@1.0.0"]}]
    assert {"ref": "pkg:npm/top@1.0.0", "dependsOn": []} in document["dependencies"]


def test_what_is_asked_for_and_in_which_version_something_is_needed_is_written() -> None:
    made = of(
        locked("top", "1.0.0", "deep", needed_versions={"deep": ("1.0.0",)}, direct=True),
        locked("deep", "1.0.0", optional=True), locked("deep", "2.0.0", direct=True), locked("spare", "1.0.0"),
    )  # fmt: skip
    document = cyclonedx(made)
    deep, other, top = "pkg:npm/deep@1.0.0", "pkg:npm/deep@2.0.0", "pkg:npm/top@1.0.0"
    assert document["dependencies"][0] == {"ref": "root", "dependsOn": [other, top]}
    assert {"ref": top, "dependsOn": [deep]} in document["dependencies"]
    assert "compositions" not in document
    assert [one["scope"] for one in document["components"]] == ["optional", "required", "required", "required"]
    ids = {one["name"] + one.get("versionInfo", ""): one["SPDXID"] for one in spdx(made)["packages"]}
    relations = [(one["spdxElementId"], one["relatedSpdxElement"]) for one in spdx(made)["relationships"]]
    assert relations.count((ids["top1.0.0"], ids["deep1.0.0"])) == 1
    assert (ids["shop1.0"], ids["spare1.0.0"]) not in relations


def test_a_lock_that_tells_no_needs_says_nothing_of_them() -> None:
    lock = read_lock("requirements.txt", "web==1.0\napi==2.0\n")
    document = cyclonedx(bill_of([lock], name="shop", version="", created=CREATED))
    both = ["pkg:pypi/api@2.0", "pkg:pypi/web@1.0"]
    assert document["dependencies"] == [{"ref": "root", "dependsOn": both}]
    assert document["compositions"] == [
        {"aggregate": "incomplete", "dependencies": ["root"]}, {"aggregate": "unknown", "dependencies": both}
    ]  # fmt: skip


def test_a_need_is_met_by_the_same_lock() -> None:
    def lock(version: str) -> Lock:
        return Lock(form="a lock", packages=(locked("top", version, "deep", direct=True), locked("deep", version)))

    document = cyclonedx(bill_of([lock("1.0.0"), lock("2.0.0")], name="shop", version="", created=CREATED))
    assert {"ref": "pkg:npm/top@2.0.0", "dependsOn": ["pkg:npm/deep@2.0.0"]} in document["dependencies"]
    assert "compositions" not in document


def test_only_the_hash_of_one_file_is_that_of_a_package() -> None:
    made = of(
        locked("one", "1.0.0", hashes={"sha512": ("ab" * 64,), "sha512-content": ("cd" * 64,)}, development=True),
        locked("two", "1.0.0", hashes={"sha256": ("ab" * 32, "cd" * 32)}),
    )
    one, two = cyclonedx(made)["components"]
    assert (one["hashes"], one["scope"]) == ([{"alg": "SHA-512", "content": "ab" * 64}], "excluded")
    assert "hashes" not in two
    assert "checksums" not in spdx(made)["packages"][2]


async def test_the_same_lock_gives_the_same_bytes(tmp_path: Path) -> None:
    path = SAMPLES / "uv" / "uv.lock"
    one, two = await bill(tmp_path, path), await bill(tmp_path, path)
    assert json.dumps(one.document) == json.dumps(two.document)
    other = await bill(tmp_path, path, created="2026-11-30T10:00:00+01:00")
    assert other.document["metadata"]["timestamp"] == "2026-11-30T09:00:00Z"
    assert other.document["serialNumber"] != one.document["serialNumber"]


@pytest.mark.parametrize(
    ("ecosystem", "name", "version", "url"),
    [
        ("pypi", "ruamel-yaml", "1.0+cu118", "pkg:pypi/ruamel-yaml@1.0%2Bcu118"),
        ("npm", "@acme/web", "1.0.0", "pkg:npm/%40acme/web@1.0.0"),
        ("maven", "org.acme:web", "1.0", "pkg:maven/org.acme/web@1.0"),
        ("composer", "acme/web", "dev-main", "pkg:composer/acme/web@dev-main"),
        ("gem", "web", "1.0 beta", "pkg:gem/web@1.0%20beta"),
    ],
)
def test_package_urls_are_written_and_read(ecosystem: str, name: str, version: str, url: str) -> None:
    assert written(ecosystem, name, version) == url
    read = package_url(url)
    assert (read.ecosystem, read.name, read.version) == (ecosystem, name, version)


async def test_a_folder_gives_its_name(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    (project / "requirements.txt").write_text("web==1.0\nweb>=2\n")
    found = await bill(tmp_path, project)
    assert found.document["metadata"]["component"] == {"type": "application", "bom-ref": "root", "name": "shop"}
    assert len(found.unreadable) == 2
    assert sbom.OPERATION.text is not None
    lines = list(sbom.OPERATION.text(found))
    assert json.loads("\n".join(lines)) == found.document
    assert len(lines) > 20
    # What is not in it does not go into the file, and is told all the same.
    assert list(sbom.OPERATION.notes(found))[1:] == [
        f"warning: {project}/requirements.txt: line 2: web>=2 is not pinned with ==",
        "warning: no lock says the needs of 1 package",
    ]


async def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await bill(tmp_path, tmp_path)
    with pytest.raises(InvalidConfigError, match="is not a time"):
        await bill(tmp_path, SAMPLES / "uv" / "uv.lock", created="yesterday")


@pytest.mark.real
def test_a_bill_goes_into_a_file_and_what_is_missing_to_whoever_looks(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("web==1.0\nweb>=2\n")
    for quiet, told in (([], "warning: "), (["--quiet"], "")):
        command = [sys.executable, "-m", "outrider", *quiet, "packages", "sbom", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
        assert json.loads(done.stdout)["bomFormat"] == "CycloneDX"
        assert done.stdout.count("\n") > 20
        assert done.stderr.startswith(told)
        assert bool(done.stderr) is bool(told)
