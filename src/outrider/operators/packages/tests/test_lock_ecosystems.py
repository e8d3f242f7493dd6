"""What the samples of Rust, Java, .NET, Ruby and PHP do not show."""

import json

import pytest

from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.reading import read_lock

DIGITS = "a" * 64


def named(lock: Lock) -> dict[str, str]:
    return {one.name: one.version for one in lock.packages}


def test_version_1_of_cargo_has_checksums_at_the_end() -> None:
    registry = "registry+https://packages.example/crates.io-index"
    lock = read_lock(
        "Cargo.lock",
        f"""
[root]
name = "app"
version = "0.1.0"
dependencies = ["serde 1.0.0 ({registry})"]
[[package]]
name = "serde"
version = "1.0.0"
source = "{registry}"
dependencies = ["itoa 1.0.0 ({registry})"]
[[package]]
name = "far"
version = "0.1.0"
source = "git+https://packages.example/far#abc"
[metadata]
"checksum serde 1.0.0 ({registry})" = "{DIGITS}"
"checksum far 0.1.0 (git+https://packages.example/far#abc)" = "<none>"
""",
    )
    far, serde = lock.packages
    assert (far.source, far.hashes) == ("git", {})
    assert (serde.source, serde.hashes, serde.needs) == ("", {"sha256": (DIGITS,)}, ("itoa",))


def test_the_later_versions_of_cargo_name_versions_only_where_they_must() -> None:
    lock = read_lock(
        "Cargo.lock",
        """
version = 4
[[package]]
name = "a"
version = "1.0.0"
source = "sparse+https://packages.example/"
dependencies = ["b 1.0.0", "c"]
[[package]]
name = "b"
source = "sparse+https://packages.example/"
""",
    )
    assert lock.packages[0].needs == ("b", "c")
    assert lock.unreadable == ("b: it has no version",)


def test_gradle_reports_lines_of_another_form_and_reads_the_old_one() -> None:
    lock = read_lock(
        "buildscript-gradle.lockfile",
        "a:b:1\na:b=x\n:b:1=x\nc:d:2=latestClasspath,testClasspath\ne:f:3=debugUnitTest\n",
    )
    assert [(one.name, one.version, one.development) for one in lock.packages] == [
        ("a:b", "1", False), ("c:d", "2", False), ("e:f", "3", True),
    ]  # fmt: skip
    assert [one.partition(":")[0] for one in lock.unreadable] == ["line 2", "line 3"]


def pom(version: str, properties: str = "", more: str = "") -> Lock:
    return read_lock("pom.xml", (
        f"<project><groupId>g</groupId><version>1</version><properties>{properties}</properties><dependencies><dependency>"
        f"<groupId>a</groupId><artifactId>b</artifactId><version>{version}</version>{more}</dependency></dependencies></project>"
    ))  # fmt: skip


@pytest.mark.parametrize(
    "version", ["${a}", "${a}${b}", "${${a}}", "LATEST", "RELEASE", "(,1]", "", "${env.X}", "x${b}"]
)
def test_versions_that_are_open_or_go_in_circles_are_reported(version: str) -> None:
    lock = pom(version, "<a>${b}${b}</a><b>${a}${a}</b>")
    assert named(lock) == {}
    assert len(lock.unreadable) == 1
    assert lock.unreadable[0].startswith("dependency b: ")


def test_maven_knows_the_project_and_what_is_on_this_machine() -> None:
    assert named(pom("${project.version}-x")) == {"a:b": "1-x"}
    assert pom("1", more="<scope>system</scope>").packages[0].source == "path"


def test_projects_of_net_may_have_a_namespace_and_conditions() -> None:
    lock = read_lock(
        "App.fsproj",
        '<Project xmlns="x"><ItemGroup Condition="true"><PackageReference Include="A.B" VersionOverride="2" Version="1"/>'
        '</ItemGroup><Choose><When><ItemGroup><PackageReference Include="C" Version="1.0-rc.1"/></ItemGroup></When></Choose></Project>',
    )
    assert named(lock) == {"a.b": "2", "c": "1.0-rc.1"}


def test_a_package_of_several_frameworks_is_one() -> None:
    content = {"A": {"type": "Transitive", "resolved": "1.0.0", "dependencies": {"B": "1"}}, "C": {"type": "Direct"}}
    other = {"A": {"type": "Transitive", "resolved": "1.0.0", "dependencies": {"D": "1"}}}
    lock = read_lock(
        "packages.lock.json", json.dumps({"version": 2, "dependencies": {"net6.0": content, "net8.0": other}})
    )
    assert named(lock) == {"a": "1.0.0"}
    assert lock.packages[0].needs == ("b", "d")
    assert lock.unreadable == ("net6.0: C: it has no resolved",)


def test_a_broken_gem_does_not_hide_the_others() -> None:
    lock = read_lock(
        "gems.locked", "GEM\n  specs:\n    a (1)\n\nGEM\n  specs:\n    b\n    c (1.0.pre)\n      d (= 1)!\n"
    )
    assert named(lock) == {"a": "1", "c": "1.0.pre"}
    assert lock.unreadable == ("line 7: b is no gem with its version",)


def test_platform_packages_of_composer_are_no_needs() -> None:
    package = {
        "name": "a/b",
        "version": "v1.0.0",
        "require": {"php": "*", "ext-json": "*", "C/D": "*"},
        "dist": {"type": "zip"},
    }
    lock = read_lock("composer.lock", json.dumps({"packages": [package, {"name": "e/f"}, 7], "packages-dev": None}))
    assert named(lock) == {"a/b": "v1.0.0"}
    assert lock.packages[0].needs == ("c/d",)
    assert lock.unreadable == ("e/f: it has no version", "packages[3]: int where a mapping should be")
