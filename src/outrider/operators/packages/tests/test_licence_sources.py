import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import MissingRequirementError
from outrider.operators.packages.licences import asking
from outrider.operators.packages.licences.asking import Answers
from outrider.operators.packages.licences.gathering import Gathered, gathered
from outrider.operators.packages.licences.installed.found import Installed, Places, finder_of
from outrider.operators.packages.licences.sources import Sources, Told
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests import installed_packages as have
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex


def find(ecosystem: str, project: Path, name: str, version: str, **environment: str) -> Installed | None:
    others = (project / "others",)
    return finder_of(
        ecosystem, Places(project=project, others=others, environment={"HOME": str(project / "home"), **environment})
    )(name, version)


def expression(found: Installed | None) -> str:
    assert found is not None
    return found.licence.expression


def test_packages_of_npm(tmp_path: Path) -> None:
    top = have.npm(tmp_path, "web", "1.0.0", license="MIT")
    have.npm(tmp_path, "@acme/view", "1.0.0", license={"type": "ISC", "url": "x"})
    have.npm(tmp_path, "web/node_modules/deep", "2.0.0", licenses=[{"type": "MIT"}, {"type": "Apache-2.0"}])
    have.npm(tmp_path, ".pnpm/far@3.0.0/node_modules/far", "3.0.0", license="Zlib")
    have.npm(tmp_path, "silent", "1.0.0")
    have.written(tmp_path / "node_modules" / "broken" / "package.json", "{")
    have.written(tmp_path / "node_modules" / "odd" / "package.json", '{"name": 7, "version": "1.0.0"}')
    (tmp_path / "node_modules" / "linked").symlink_to(tmp_path)
    (top / "node_modules" / "loop").symlink_to(top)
    assert expression(find("npm", tmp_path, "web", "1.0.0")) == "MIT"
    assert expression(find("npm", tmp_path, "@acme/view", "1.0.0")) == "ISC"
    assert expression(find("npm", tmp_path, "deep", "2.0.0")) == "MIT OR Apache-2.0"
    assert expression(find("npm", tmp_path, "far", "3.0.0")) == "Zlib"
    assert expression(find("npm", tmp_path, "silent", "1.0.0")) == ""
    assert find("npm", tmp_path, "web", "2.0.0") is None
    assert find("npm", tmp_path / "nowhere", "web", "1.0.0") is None


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        (["License-Expression: MIT OR Apache-2.0", "License: BSD"], "MIT OR Apache-2.0"),
        (["License: MIT", "Classifier: License :: OSI Approved :: BSD License"], "MIT"),
        (["License: BSD", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (["License: BSD 2-Clause", "Classifier: License :: OSI Approved :: BSD License"], "BSD-2-Clause"),
        (
            [
                "License: UNKNOWN",
                "Classifier: License :: OSI Approved",
                "Classifier: License :: OSI Approved :: ISC License (ISCL)",
            ],
            "ISC",
        ),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: zlib/libpng License",
            ],
            "MIT AND Zlib",
        ),
        (["License: MIT License", "        ", "        Copyright (c) Ana"], "MIT"),
        (["Classifier: Programming Language :: Python"], ""),
        ([], ""),
    ],
)
def test_distributions_of_python(tmp_path: Path, fields: list[str], known: str) -> None:
    have.pypi(tmp_path / ".venv" / "lib" / "python3.12" / "site-packages", "My_Web", "1.0.0", *fields)
    assert expression(find("pypi", tmp_path, "my-web", "1.0")) == known
    assert find("pypi", tmp_path, "my-web", "1.1") is None
    assert find("pypi", tmp_path, "my-web", "no version") is None


def test_environments_of_python(tmp_path: Path) -> None:
    have.pypi(tmp_path / "venv" / "Lib" / "site-packages", "web", "1.0", "License: MIT")
    have.pypi(tmp_path / "others", "view", "1.0", "License: ISC")
    have.pypi(tmp_path / "__pypackages__" / "3.12" / "lib", "core", "1.0", "License: Zlib")
    have.written(tmp_path / "others" / "old.egg-info" / "PKG-INFO", "Name: old\nVersion: 1.0\nLicense: 0BSD\n\n")
    have.written(tmp_path / "others" / "none-1.0.dist-info" / "METADATA", "\x00\xff")
    found = [expression(find("pypi", tmp_path, name, "1.0")) for name in ("web", "view", "core", "old")]
    assert found == ["MIT", "ISC", "Zlib", "0BSD"]


@pytest.mark.parametrize("old", [False, True])
def test_packages_of_composer(tmp_path: Path, old: bool) -> None:
    have.composer(
        tmp_path, {"name": "Acme/Web", "version": "v1.0.0", "license": ["MIT", "GPL-2.0+"]}, {"name": "acme/none", "version": "1.0"},
        {"name": 7}, {"name": "../../x", "version": "1.0"}, old=old,
    )  # fmt: skip
    assert expression(find("composer", tmp_path, "acme/web", "v1.0.0")) == "MIT OR GPL-2.0-or-later"
    assert expression(find("composer", tmp_path, "acme/none", "1.0")) == ""
    outside = find("composer", tmp_path, "../../x", "1.0")
    assert outside is not None
    assert outside.folders == ()
    have.written(tmp_path / "vendor" / "composer" / "installed.json", '{"packages": 7}')
    assert find("composer", tmp_path, "acme/web", "v1.0.0") is None


def test_crates(tmp_path: Path) -> None:
    have.cargo(tmp_path / "vendor" / "web", "web", "1.0.0", 'license = "MIT/Apache-2.0"')
    have.cargo(tmp_path / "vendor" / "web-2.0.0", "web", "2.0.0", 'license-file = "LICENSE"')
    have.cargo(
        tmp_path / "home" / ".cargo" / "registry" / "src" / "index-1" / "view-1.0.0", "view", "1.0.0", 'license = "ISC"'
    )
    have.written(tmp_path / "vendor" / "broken" / "Cargo.toml", "[package")
    assert expression(find("cargo", tmp_path, "web", "1.0.0")) == "MIT OR Apache-2.0"
    assert expression(find("cargo", tmp_path, "web", "2.0.0")) == ""
    assert expression(find("cargo", tmp_path, "view", "1.0.0")) == "ISC"
    for name in ("broken", "../vendor/web", "..", ""):
        assert find("cargo", tmp_path, name, "1.0.0") is None
    have.cargo(tmp_path / "cargo" / "registry" / "src" / "x" / "far-1.0.0", "far", "1.0.0", 'license = "Zlib"')
    assert expression(find("cargo", tmp_path, "far", "1.0.0", CARGO_HOME=str(tmp_path / "cargo"))) == "Zlib"


def licence(name: str, url: str = "") -> str:
    return f"<license><name>{name}</name><url>{url}</url></license>"


def parent(version: str) -> str:
    return f"<parent><groupId>org.acme</groupId><artifactId>top</artifactId><version>{version}</version></parent>"


def test_artifacts_of_maven(tmp_path: Path) -> None:
    home = tmp_path / "home"
    have.maven(
        home, "org.acme", "web", "1.0", f"<licenses>{licence('The Apache Software License, Version 2.0')}</licenses>"
    )
    both = licence("EPL 2.0") + licence("Custom", "https://www.gnu.org/licenses/old-licenses/lgpl-2.1.html")
    have.maven(home, "org.acme", "both", "1.0", f"<licenses>{both}</licenses>")
    have.maven(home, "org.acme", "top", "1", f"<licenses>{licence('MIT')}</licenses>")
    have.maven(home, "org.acme", "child", "1.0", parent("1"))
    have.maven(home, "org.acme", "orphan", "1.0", parent("9"))
    have.maven(home, "org.acme", "top", "2", parent("2"))
    have.maven(home, "org.acme", "broken", "1.0", "<!DOCTYPE x>")
    names = ("web", "both", "child", "orphan")
    assert [expression(find("maven", tmp_path, f"org.acme:{name}", "1.0")) for name in names] == [
        "Apache-2.0", "EPL-2.0 OR LGPL-2.1-only", "MIT", ""
    ]  # fmt: skip
    assert expression(find("maven", tmp_path, "org.acme:top", "2")) == ""
    for name in ("org.acme:broken", "org.acme:none", "org.acme", "org..acme:web", "org.acme:../web"):
        assert find("maven", tmp_path, name, "1.0") is None


def test_packages_of_nuget(tmp_path: Path) -> None:
    packages = tmp_path / "home" / ".nuget" / "packages"
    have.nuget(
        packages,
        "Acme.Web",
        "1.0.0",
        '<license type="expression">MIT OR Apache-2.0</license><licenseUrl>https://x/y</licenseUrl>',
    )
    have.nuget(packages, "Acme.Old", "1.0.0", "<licenseUrl>https://www.apache.org/licenses/LICENSE-2.0</licenseUrl>")
    have.nuget(
        packages,
        "Acme.File",
        "1.0.0",
        '<license type="file">docs\\LICENSE.txt</license><licenseUrl>https://x/y</licenseUrl>',
    )
    have.nuget(packages, "Acme.None", "1.0.0", "")
    have.written(packages / "acme.broken" / "1.0.0" / "acme.broken.nuspec", "<package>")
    have.written(packages / "acme.empty" / "1.0.0" / "acme.empty.nuspec", "<package/>")
    names = ("web", "old", "file", "none", "broken", "empty")
    found = [expression(find("nuget", tmp_path, f"acme.{name}", "1.0.0")) for name in names]
    assert found == ["MIT OR Apache-2.0", "Apache-2.0", "", "", "", ""]
    file = find("nuget", tmp_path, "Acme.File", "1.0.0")
    assert file is not None
    assert file.licence.raw == "SEE LICENSE IN docs\\LICENSE.txt"
    assert find("nuget", tmp_path, "../x", "1.0.0") is None
    assert find("nuget", tmp_path, "acme.web", "1.0.0", NUGET_PACKAGES=str(tmp_path)) is None


def test_gems(tmp_path: Path) -> None:
    have.gem(
        tmp_path / "vendor" / "bundle" / "ruby" / "3.3.0", "web", "1.0", '  s.licenses = ["MIT".freeze, "Ruby".freeze]'
    )
    have.gem(tmp_path / "home" / ".gem" / "ruby" / "3.3.0", "view", "1.0", '  s.licenses = ["Apache-2.0".freeze]')
    have.gem(tmp_path / "gems", "none", "1.0", "")
    have.gem(tmp_path / "more", "nasty", "1.0", '  s.licenses = [`touch here`, "MIT"]')
    variables = {"GEM_HOME": str(tmp_path / "gems"), "GEM_PATH": f"{tmp_path}/nowhere:{tmp_path}/more"}
    found = [expression(find("gem", tmp_path, name, "1.0", **variables)) for name in ("web", "view", "none", "nasty")]
    assert found == ["MIT OR Ruby", "Apache-2.0", "", "MIT"]
    assert find("gem", tmp_path, "../x", "1.0", **variables) is None


LOCK: dict[str, Any] = {
    "name": "shop", "lockfileVersion": 3,
    "packages": {
        "": {"license": "UNLICENSED"},
        "node_modules/web": {"version": "1.0.0", "license": "MIT", "dependencies": {"deep": "^1"}},
        "node_modules/deep": {"version": "1.0.0", "license": "SEE LICENSE IN EULA"},
        "node_modules/old": {"version": "1.0.0", "license": [{"type": "MIT"}, {"type": "Zlib"}]},
        "node_modules/odd": {"version": "1.0.0", "license": 7},
        "node_modules/none": {"version": "1.0.0"},
    },
}  # fmt: skip


def gather(project: Path, **environment: str) -> Gathered:
    return gathered(project, "", {"HOME": str(project / "home"), **environment})


def known(told: list[Told]) -> dict[str, tuple[str, str]]:
    return {one.package.name: (one.licence.expression, one.origin) for one in told}


def test_what_is_installed_counts_before_the_lock(tmp_path: Path) -> None:
    have.written(tmp_path / "package-lock.json", json.dumps(LOCK))
    assert known(gather(tmp_path).told) == {
        "web": ("MIT", "lock"), "deep": ("", "lock"), "old": ("MIT OR Zlib", "lock"), "odd": ("", "lock"), "none": ("", "")
    }  # fmt: skip
    have.npm(tmp_path, "web", "1.0.0", license="ISC")
    have.npm(tmp_path, "deep", "1.0.0", license="SEE LICENSE IN EULA")
    have.npm(tmp_path, "old", "1.0.0", license="Acme")
    found = gather(tmp_path)
    assert known(found.told)["web"] == ("ISC", "installed")
    assert known(found.told)["deep"] == ("", "installed")
    # What says something that is understood counts before what does not.
    assert known(found.told)["old"] == ("MIT OR Zlib", "lock")
    assert found.needed_by["npm", "deep", "1.0.0"] == ["web"]


def test_a_package_of_several_locks_is_told_once(tmp_path: Path) -> None:
    have.written(tmp_path / "requirements.txt", "web==1.0\n")
    have.written(tmp_path / "inner" / "requirements.txt", "web==1.0\nview==2.0\n")
    have.pypi(tmp_path / ".venv" / "lib" / "python3.12" / "site-packages", "web", "1.0", "License: MIT")
    have.pypi(tmp_path / "inner" / ".venv" / "lib" / "python3.12" / "site-packages", "view", "2.0", "License: ISC")
    found = gather(tmp_path)
    assert known(found.told) == {"view": ("ISC", "installed"), "web": ("MIT", "installed")}
    assert len(found.found_in["pypi", "web", "1.0"]) == 2
    assert found.title == tmp_path.name


def test_packages_of_other_ecosystems_are_not_looked_for(tmp_path: Path) -> None:
    told = Sources(tmp_path, (), {}).told(
        LockedPackage(ecosystem="golang", name="web", version="1.0", licence="MIT"), tmp_path
    )
    assert (told.licence.expression, told.installed) == ("MIT", None)


@pytest.mark.parametrize(
    ("licences", "raw"),
    [
        ([{"license": {"id": "MIT"}}], "MIT"),
        ([{"license": {"name": "Acme EULA"}}], "Acme EULA"),
        ([{"license": {"url": "https://opensource.org/licenses/MIT"}}], "https://opensource.org/licenses/MIT"),
        ([{"expression": "MIT OR Zlib"}], "MIT OR Zlib"),
        ([{"license": {"id": "MIT"}}, {"license": {"name": "BSD License"}}], "MIT AND (BSD License)"),
        ([{"license": 7}, 7, {}], ""),
        ({"license": "MIT"}, ""),
        (None, ""),
    ],
)
def test_bills_in_cyclonedx_tell_licences(licences: Any, raw: str) -> None:
    component = {
        "type": "library",
        "name": "web",
        "version": "1.0.0",
        "purl": "pkg:npm/web@1.0.0",
        "licenses": licences,
    }
    document = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]})
    assert [one.licence for one in read_lock("bom.json", document).packages] == [raw]


@pytest.mark.parametrize(
    ("fields", "raw"),
    [
        ({"licenseDeclared": "MIT"}, "MIT"),
        ({"licenseConcluded": "Zlib", "licenseDeclared": "MIT"}, "Zlib"),
        ({"licenseConcluded": "NOASSERTION", "licenseDeclared": "NONE"}, ""),
        ({"licenseDeclared": "LicenseRef-1"}, "Acme EULA"),
        ({"licenseDeclared": "LicenseRef-Acme"}, "LicenseRef-Acme"),
        ({"licenseDeclared": 7}, ""),
        ({}, ""),
    ],
)
def test_bills_in_spdx_tell_licences(fields: Mapping[str, Any], raw: str) -> None:
    reference = {"referenceType": "purl", "referenceLocator": "pkg:npm/web@1.0.0"}
    package = {"SPDXID": "SPDXRef-1", "name": "web", "versionInfo": "1.0.0", "externalRefs": [reference], **fields}
    texts = [
        {"licenseId": "LicenseRef-1", "extractedText": "Acme EULA"},
        {"licenseId": "LicenseRef-Acme", "extractedText": "x"},
        7,
        {},
    ]
    document = json.dumps({"spdxVersion": "SPDX-2.3", "packages": [package], "hasExtractedLicensingInfos": texts})
    assert [one.licence for one in read_lock("web.spdx.json", document).packages] == [raw]


def told(name: str, version: str = "1.0", ecosystem: str = "pypi") -> Told:
    return Told(package=LockedPackage(ecosystem=ecosystem, name=name, version=version))


async def test_registries_are_asked_for_the_rest(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0", licence="MIT")
        index.add("view", "1.0", licence="Apache-2.0")
        index.add("view", "2.0", licence="MIT")
        index.add("silent", "1.0")
        index.add("odd", "1.0", licence="Acme")
        answers = Answers(Asking(tmp_path, index.url).question())
        found = await answers.completed([told(name) for name in ("web", "view", "silent", "odd", "nothing")])
    assert [one.licence.expression for one in found] == ["MIT", "Apache-2.0", "", "", ""]
    assert [one.origin for one in found] == ["registry", "registry", "", "registry", ""]
    assert found[3].licence.raw == "Acme"
    assert answers.notes == []


async def test_the_registry_of_npm_tells_licences_too(tmp_path: Path) -> None:
    async with NpmRegistry() as registry:
        registry.add("web@1.0.0", license="MIT")
        registry.add("web@2.0.0", licenses=[{"type": "MIT"}, {"type": "Apache-2.0"}])
        question = NpmAsking(tmp_path, registry.url).question()
        found = await Answers(question).completed(
            [told("web", version, "npm") for version in ("1.0.0", "2.0.0", "3.0.0")]
        )
    assert [one.licence.expression for one in found] == ["MIT", "MIT OR Apache-2.0", ""]


class CountingSession:
    """A session that answers when eight are asked at once, and not before."""

    def __init__(self) -> None:
        self.active = self.most = self.asked = 0
        self._full = asyncio.Event()

    async def facts(self, question: Question, name: str, version: str) -> PackageFacts:
        del question
        self.active += 1
        self.asked += 1
        self.most = max(self.most, self.active)
        if self.active == 8:
            self._full.set()
        await self._full.wait()
        self.active -= 1
        if name == "p7":
            raise MissingRequirementError("no registry of pypi is known here")
        return PackageFacts(ecosystem="pypi", name=name, latest="1.0", version=version, licence="MIT")


async def test_at_most_eight_are_asked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = CountingSession()
    monkeypatch.setattr(asking, "session_of", lambda _: session)
    answers = Answers(Asking(tmp_path, "http://127.0.0.1:1").question())
    names = [told(f"p{number}", version) for number in range(50) for version in ("1.0", "2.0")]
    found = await answers.completed(names)
    assert (session.most, session.asked) == (8, 100)
    assert sum(bool(one.licence.expression) for one in found) == 98
    assert answers.notes == ["pypi: no registry of pypi is known here"]


async def test_what_is_known_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = CountingSession()
    monkeypatch.setattr(asking, "session_of", lambda _: session)
    one = Sources(tmp_path, (), {}).told(
        LockedPackage(ecosystem="pypi", name="web", version="1.0", licence="MIT"), tmp_path
    )
    question = Asking(tmp_path, "http://127.0.0.1:1").question()
    assert await Answers(question).completed([one]) == [one]
    assert session.asked == 0
