"""Lock files that native tools wrote, or that are written by hand from their documentation, against what the tools list."""

from pathlib import Path

import pytest

from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.locks.reading import read_lock

SAMPLES = Path(__file__).parent / "locks"
# What the tools list for their one small project: `uv tree`, `poetry show`, `npm ls`, `yarn list`, `pnpm ls`, `cargo tree`;
# for Ruby what LockfileParser of Bundler reads, for Composer what `composer show --locked` prints.
UV = "colorama@0.4.6 iniconfig@2.1.0 iniconfig@2.3.1 jinja2@3.1.6 markupsafe@3.0.4 pluggy@1.6.0 pluggy@1.7.0"
NPM = (
    "@types/ms@2.1.0 ansi-regex@5.0.1 ansi-regex@6.6.0 fsevents@2.3.3 is-number@6.0.0 is-odd@3.0.1 ms@2.1.2 ms@2.1.3"
    " once@1.4.0 strip-ansi@7.2.0 wrappy@1.0.2"
)
LISTED = {
    "uv/uv.lock": f"{UV} helper-tool@0.3.0",
    "uv/pylock.toml": UV,
    "uv/requirements.txt": UV,
    "uv/bom.json": UV,
    "poetry/poetry.lock": "colorama@0.4.6 jinja2@3.1.6 markupsafe@3.0.4 pluggy@1.7.0",
    "pdm/pdm.lock": "colorama@0.4.6 helper-tool@0.3.0 iniconfig@2.3.1 jinja2@3.1.6 markupsafe@3.0.4 pluggy@1.7.0",
    "pipenv/Pipfile.lock": "iniconfig@2.3.1 jinja2@3.1.6 markupsafe@3.0.4 pluggy@1.7.0",
    "npm1/package-lock.json": NPM,
    "npm2/package-lock.json": NPM,
    "npm3/package-lock.json": NPM,
    "npm3/bom.json": f"{NPM} inner@1.0.0 local-one@1.0.0",
    "npm3/sample.spdx.json": f"{NPM} inner@1.0.0 local-one@1.0.0",
    "yarn1/yarn.lock": f"{NPM} local-one@1.0.0",
    "pnpm7/pnpm-lock.yaml": f"{NPM} local-one@1.0.0",
    "pnpm8/pnpm-lock.yaml": f"{NPM} local-one@file:local",
    "pnpm9/pnpm-lock.yaml": f"{NPM} local-one@file:local",
    "pnpm12/pnpm-lock.yaml": f"{NPM} local-one@file:local is-number@7.0.0",
    "bun/bun.lock": f"{NPM} local-one@file:local",
    "cargo/Cargo.lock": (
        "bitflags@1.3.2 bitflags@2.13.2 itoa@1.0.19 memchr@2.8.3 proc-macro2@1.0.107 quote@1.0.47 serde@1.0.229"
        " serde_core@1.0.229 serde_derive@1.0.229 syn@3.0.10 unicode-ident@1.0.27"
    ),
    "gradle/gradle.lockfile": (
        "com.google.code.findbugs:jsr305@3.0.2 com.google.guava:guava@31.1-jre junit:junit@4.13.2"
        " org.hamcrest:hamcrest-core@1.3"
    ),
    "maven/pom.xml": (
        "com.fasterxml.jackson.core:jackson-databind@2.15.2 com.google.guava:guava@31.1-jre"
        " org.mockito:mockito-core@5.4.0 org.sample:sample-core@7.1"
    ),
    "nuget/packages.lock.json": "newtonsoft.json@13.0.3 serilog@2.10.0 serilog.sinks.file@5.0.0",
    "nuget/packages.config": "jquery@3.1.1 nlog@4.3.10 stylecop.analyzers@1.1.118",
    "nuget/Sample.csproj": "newtonsoft.json@13.0.3 nunit@3.14.0 serilog@2.10.0",
    "gem/Gemfile.lock": (
        "helper@0.1.0 mini_portile2@2.8.5 nokogiri@1.16.0 racc@1.7.3 rack@2.2.8 rake@13.1.0 tiny@0.2.0"
    ),
    "composer/composer.lock": (
        "acme/fork@dev-fix acme/local@dev-main doctrine/deprecations@1.1.2 monolog/monolog@3.5.0 psr/log@3.0.0"
    ),
    "urls/purls.txt": (
        "@types/node@20.1.0 django-rest-framework@3.14.0 monolog/monolog@3.5.0 newtonsoft.json@13.0.3 nokogiri@1.16.0"
        " org.apache.commons:commons-lang3@3.14.0 serde@1.0.0+build tiny@1.0.0"
    ),
}
REPORTED = {
    "uv/pylock.toml": ["helper-tool: it has no version"],
    "uv/requirements.txt": ["line 3: ./helper is not pinned with =="],
    "uv/bom.json": ["helper-tool: it has no package URL"],
    "pipenv/Pipfile.lock": ["default: colorama: * is no pinned version", "default: helper-tool: it has no version"],
    "maven/pom.xml": [
        "import junit-bom: what it sets is not in this file",
        "parent sample-parent: what it sets is not in this file",
        "profile ci: its dependencies are not always there, and not read",
        "dependency junit-jupiter: it has no version in this file",
        "dependency slf4j-api: [1.7,2.0) is no fixed version",
        "dependency other: ${other.version} is not set in this file",
    ],
    "nuget/Sample.csproj": [
        "PackageReference Central.One: it has no version in this file",
        "PackageReference Floating.One: 1.* is no fixed version",
        "PackageReference Ranged.One: (1.0,2.0) is no fixed version",
        "PackageReference Elsewhere.One: $(elsewhereversion) is not set in this file",
    ],
    "urls/purls.txt": [
        "line 13: it has no version",
        "line 14: not a package URL is no package URL",
        "2 of the type deb: they do not say of which release (distro), or in which version",
    ],
}
DEVELOPMENT = {
    "uv/uv.lock": {"pluggy"},
    "poetry/poetry.lock": {"pluggy"},
    "pdm/pdm.lock": {"pluggy"},
    "pipenv/Pipfile.lock": {"pluggy"},
    **{name: {"once", "wrappy"} for name in LISTED if name.startswith(("npm", "pnpm", "bun"))},
    "pnpm12/pnpm-lock.yaml": {"once", "wrappy", "is-number"},
    "gradle/gradle.lockfile": {"junit:junit", "org.hamcrest:hamcrest-core"},
    "maven/pom.xml": {"org.mockito:mockito-core"},
    "nuget/packages.config": {"stylecop.analyzers"},
    "composer/composer.lock": {"doctrine/deprecations"},
}
SOURCES = {
    "uv/uv.lock": {"helper-tool": "path"},
    "pdm/pdm.lock": {"helper-tool": "path"},
    **{name: {"local-one": "path"} for name in LISTED if name.startswith(("yarn", "pnpm", "bun"))},
    "gem/Gemfile.lock": {"helper": "path", "tiny": "git"},
    "composer/composer.lock": {"acme/local": "path", "acme/fork": "git"},
    "urls/purls.txt": {"tiny": "git"},
}


def sample(name: str) -> Lock:
    return read_lock(name, (SAMPLES / name).read_text())


def package(lock: Lock, name: str) -> LockedPackage:
    return next(one for one in lock.packages if one.name == name)


@pytest.mark.parametrize("name", LISTED)
def test_packages_are_those_that_the_tool_lists(name: str) -> None:
    lock = sample(name)
    assert sorted(f"{one.name}@{one.version}" for one in lock.packages) == sorted(LISTED[name].split())
    assert list(lock.unreadable) == REPORTED.get(name, [])


@pytest.mark.parametrize("name", LISTED)
def test_what_only_development_needs_is_marked(name: str) -> None:
    assert {one.name for one in sample(name).packages if one.development} == DEVELOPMENT.get(name, set())


@pytest.mark.parametrize("name", LISTED)
def test_what_no_registry_has_tells_where_it_comes_from(name: str) -> None:
    assert {one.name: one.source for one in sample(name).packages if one.source} == SOURCES.get(name, {})


@pytest.mark.parametrize(
    "name", [name for name in LISTED if name.startswith(("npm", "yarn1", "pnpm", "bun")) and "npm1" not in name]
)
def test_hashes_and_needs_are_the_same_in_all_files_of_npm(name: str) -> None:
    model, lock = sample("npm3/package-lock.json"), sample(name)
    for expected in model.packages:
        found = next(one for one in lock.packages if (one.name, one.version) == (expected.name, expected.version))
        assert found.hashes["sha512"] == expected.hashes["sha512"]
        assert found.needs == expected.needs


@pytest.mark.parametrize(
    "name", [name for name in (*LISTED, "yarn4/yarn.lock") if name.startswith(("npm", "yarn", "pnpm", "bun"))]
)
def test_which_version_is_needed_is_the_same_in_all_files_of_npm(name: str) -> None:
    model, lock = sample("npm3/package-lock.json"), sample(name)
    known = {(one.name, one.version): one for one in lock.packages}
    for expected in model.packages:
        found = known[expected.name, expected.version]
        if expected.name != "fsevents":  # a peer of it is told by some
            assert found.needed_versions == expected.needed_versions
        # Version 1 of npm and Yarn 1 do not say it; in bills members are packages.
        if not name.startswith(("npm1", "yarn1")) and not name.endswith("json"):
            assert found.direct == (expected.direct and f"{found.name}@{found.version}" != "ms@2.1.3")


def test_which_version_is_needed_and_what_is_asked_for() -> None:
    assert package(sample("uv/uv.lock"), "helper-tool").needed_versions == {"iniconfig": ("2.1.0", "2.3.1")}
    direct = {name: {one.name for one in sample(name).packages if one.direct} for name in LISTED}
    assert direct["uv/uv.lock"] == {"colorama", "helper-tool", "jinja2", "pluggy"}
    assert direct["cargo/Cargo.lock"] == {"bitflags", "itoa", "memchr", "serde"}
    assert direct["nuget/packages.lock.json"] == {"newtonsoft.json", "serilog.sinks.file"}
    assert direct["gem/Gemfile.lock"] == {"helper", "nokogiri", "rack", "rake", "tiny"}
    assert not any(direct[name] for name in ("poetry/poetry.lock", "composer/composer.lock", "gradle/gradle.lockfile"))


def test_later_yarns_have_what_npm_has_and_what_builds_it() -> None:
    lock = sample("yarn4/yarn.lock")
    found = {f"{one.name}@{one.version}" for one in lock.packages}
    assert {*NPM.split(), "local-one@1.0.0"} < found
    assert {"inner", "sample", "regex-alias"}.isdisjoint(one.name for one in lock.packages)
    assert package(lock, "fsevents").needs == ("node-gyp",)
    assert package(lock, "local-one").source == "path"
    assert lock.unreadable == ()


def test_hashes_of_wheels_and_sources_stand_together() -> None:
    for name in ("uv/uv.lock", "uv/pylock.toml", "uv/requirements.txt", "poetry/poetry.lock", "pipenv/Pipfile.lock"):
        digits = package(sample(name), "jinja2").hashes["sha256"]
        assert [one[:8] for one in digits] == ["0137fb05", "85ece445"]


def test_gems_of_several_platforms_are_one_package_with_all_checksums() -> None:
    nokogiri = package(sample("gem/Gemfile.lock"), "nokogiri")
    assert nokogiri.needs == ("mini_portile2", "racc")
    assert [one[:8] for one in nokogiri.hashes["sha256"]] == ["34138818", "77040506"]


def test_crates_have_checksums_and_needs() -> None:
    serde = package(sample("cargo/Cargo.lock"), "serde")
    assert serde.needs == ("serde_core", "serde_derive")
    assert serde.hashes["sha256"][0].startswith("4148590a")


def test_content_hashes_of_nuget_are_no_hashes_of_files() -> None:
    assert set(package(sample("nuget/packages.lock.json"), "newtonsoft.json").hashes) == {"sha512-content"}
