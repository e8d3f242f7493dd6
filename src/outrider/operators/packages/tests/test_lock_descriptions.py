import json
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.entries import UnusableEntry
from outrider.operators.packages.locks.package_urls import PackageUrl, package_url
from outrider.operators.packages.locks.reading import read_lock


@pytest.mark.parametrize(
    ("text", "ecosystem", "name", "version", "source"),
    [
        ("pkg:npm/%40s/n@1.0.0", "npm", "@s/n", "1.0.0", ""),
        ("pkg:npm/@s/n", "npm", "@s/n", "", ""),
        ("PKG://NPM/n@1.0.0#sub/path@2", "npm", "n", "1.0.0", ""),
        ("pkg:PyPI/A_.b@1%2Bl", "pypi", "a-b", "1+l", ""),
        ("pkg:maven/g.x/a@1?type=jar&classifier=x@y", "maven", "g.x:a", "1", ""),
        ("pkg:nuget/A.B@1", "nuget", "a.b", "1", ""),
        ("pkg:cargo/A_b@1", "cargo", "A_b", "1", ""),
        ("pkg:gem/x@1?vcs_url=git%2Bssh://h", "gem", "x", "1", "git"),
        ("pkg:gem/x@1?download_url=https://h", "gem", "x", "1", "url"),
    ],
)
def test_package_urls(text: str, ecosystem: str, name: str, version: str, source: str) -> None:
    assert package_url(text) == PackageUrl(ecosystem, name, version, source)


@pytest.mark.parametrize("text", ["", "npm/x", "pkg:", "pkg:npm", "pkg:npm/", "pkg:/x", "pkg:npm/@1"])
def test_what_is_no_package_url_is_refused(text: str) -> None:
    with pytest.raises(UnusableEntry):
        package_url(text)


def cyclonedx(**fields: Any) -> str:
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", **fields})


def test_components_within_components_and_in_circles() -> None:
    inner = {"type": "library", "name": "b", "version": "2", "purl": "pkg:npm/b", "bom-ref": "b"}
    outer = {"type": "library", "name": "a", "purl": "pkg:npm/a@1", "bom-ref": "a", "components": [inner, 7]}
    rest = [
        {"type": "operating-system", "name": "debian"},
        {"type": "file", "name": "x"},
        {"name": "d", "purl": "pkg:deb/d@1"},
        {"name": "e", "purl": "pkg:hex/e@1"},
    ]
    lock = read_lock("any.json", cyclonedx(
        components=[outer, *rest], dependencies=[{"ref": "a", "dependsOn": ["b"]}, {"ref": "b", "dependsOn": ["a", "gone"]}],
    ))  # fmt: skip
    assert [(one.name, one.version, one.needs) for one in lock.packages] == [("a", "1", ("b",)), ("b", "2", ("a",))]
    assert sorted(lock.unreadable) == [
        "1 of the type deb: they do not say of which release (distro), or in which version",
        "1 of the type hex: only cargo, composer, gem, maven, npm, nuget, pypi, apk, deb, rpm are read",
        "a component: int where a mapping should be",
        "debian: it has no package URL",
    ]


def test_an_spdx_file_about_several_packages_has_them_all() -> None:
    def package(name: str) -> dict[str, Any]:
        return {"SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": "1",
                "externalRefs": [{"referenceType": "purl", "referenceLocator": f"pkg:npm/{name}"}]}  # fmt: skip

    def relation(left: str, kind: str, right: str) -> dict[str, str]:
        return {"spdxElementId": f"SPDXRef-{left}", "relationshipType": kind, "relatedSpdxElement": f"SPDXRef-{right}"}

    relations = [
        relation("DOCUMENT", "DESCRIBES", "a"),
        relation("DOCUMENT", "DESCRIBES", "b"),
        relation("a", "DEPENDS_ON", "b"),
    ]
    document = {
        "spdxVersion": "SPDX-2.3",
        "packages": [package("a"), package("b"), {"name": "c"}, 7],
        "relationships": relations,
    }
    lock = read_lock("any.json", json.dumps(document))
    assert [(one.name, one.needs) for one in lock.packages] == [("a", ("b",)), ("b", ())]
    assert lock.unreadable == ("c: it has no package URL", "packages[4]: int where a mapping should be")


@pytest.mark.parametrize(
    ("name", "content"), [("bom.json", "{}"), ("a.spdx.json", '{"spdxVersion": "SPDX-3.0"}'), ("a.cdx.json", "[]")]
)
def test_other_descriptions_are_refused(name: str, content: str) -> None:
    with pytest.raises(InvalidConfigError):
        read_lock(name, content)
