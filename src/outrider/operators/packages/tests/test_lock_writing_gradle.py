"""gradle.lockfile as it is written, of builds whose repository is here."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    UnsupportedError,
)
from outrider.operators.packages.tests.gradle_projects import (
    ALL,
    MAIN,
    PROCESSORS,
    TESTS,
    add_module,
    asked,
    library,
    lock_text,
    repository,
    repository_files,
    write_build,
)
from outrider.operators.packages.tests.maven_projects import LATER, home_of, locked
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.world import variables

RUNTIME = ("runtimeClasspath", "testRuntimeClasspath")
COMPILE = ("compileClasspath", "testCompileClasspath")
JVM = {"org.gradle.jvm.environment": "standard-jvm"}
BOM = need("core:1.2")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MavenRepositoryServer]:
    async with repository(tmp_path) as made:
        for version in ("1.0", "1.1", "1.2", "2.0"):
            made.add(f"core:{version}")
        made.add("web:1", "core:1.0")
        made.add("more:1", "core:1.1")
        made.add(
            "both:1", need("core:1.0", scope="runtime"), need("web:1", optional="true"), need("more:1", scope="test")
        )
        made.add("bom:1", managed=[BOM], packaging="pom")
        yield made


async def lock_of(folder: Path, *lines: str, more: str = "") -> str:
    """Lock a build, and return the file."""
    file = write_build(folder / "shop", *lines, more=more)
    await locked(file)
    return file.read_text()


@pytest.mark.parametrize(
    ("lines", "modules"),
    [
        (["implementation 'g:web:1'"], {"core:1.0": ALL, "web:1": ALL}),
        (["implementation 'g:web:1'", "runtimeOnly 'g:more:1'"], {"core:1.0": COMPILE, "core:1.1": RUNTIME, "more:1": RUNTIME, "web:1": ALL}),
        (["implementation 'g:both:1'"], {"both:1": ALL, "core:1.0": RUNTIME}),
        (["compileOnly 'g:core:1.0'", "testImplementation 'g:core:1.1'"], {"core:1.0": ["compileClasspath"], "core:1.1": TESTS}),
        (["implementation 'g:core:[1.0,2.0)'"], {"core:1.2": ALL}),
        (["implementation 'g:core:1.+'", "implementation 'g:web:1'"], {"core:1.2": ALL, "web:1": ALL}),
        (["implementation 'g:core:[1.0,2.0)'", "implementation 'g:web:1'"], {"core:1.0": ALL, "web:1": ALL}),
        (["implementation 'g:core:latest.release'"], {"core:2.0": ALL}),
        (["implementation 'g:web:1'", "constraints { implementation 'g:core:1.2' }"], {"core:1.2": ALL, "web:1": ALL}),
        (["constraints { implementation 'g:core:1.2' }"], {}),
        (["implementation 'g:more:1'", "implementation('g:core') { version { strictly '1.0' } }"], {"core:1.0": ALL, "more:1": ALL}),
        (["implementation('g:web:1') { exclude group: 'g', module: 'core' }"], {"web:1": ALL}),
        (["implementation('g:web:1') { exclude module: 'core' }", "runtimeOnly 'g:more:1'"], {"core:1.1": RUNTIME, "more:1": RUNTIME, "web:1": ALL}),
        (["implementation('g:web:1') { transitive = false }"], {"web:1": ALL}),
        (["implementation platform('g:bom:1')", "implementation 'g:core'"], {"bom:1": ALL, "core:1.2": ALL}),
        (["implementation platform('g:bom:1')", "implementation 'g:core:2.0'"], {"bom:1": ALL, "core:2.0": ALL}),
        (["implementation enforcedPlatform('g:bom:1')", "implementation 'g:core:2.0'"], {"bom:1": ALL, "core:1.2": ALL}),
        (["annotationProcessor 'g:web:1'"], {"core:1.0": ["annotationProcessor"], "web:1": ["annotationProcessor"]}),
    ],
)  # fmt: skip
async def test_what_configurations_come_to(
    lines: list[str], modules: dict[str, Sequence[str]], server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    filled = {name for names in modules.values() for name in names}
    empty = sorted({*ALL, *PROCESSORS} - filled)
    assert await lock_of(tmp_path, *lines) == lock_text(modules, empty)


async def test_what_is_forced_and_excluded_everywhere(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    forced = "configurations.all { resolutionStrategy { force 'g:core:1.0' } }"
    assert await lock_of(tmp_path, "implementation 'g:more:1'", more=forced) == lock_text(
        {"core:1.0": ALL, "more:1": ALL}
    )
    excluded = "configurations.all { exclude group: 'g', module: 'core' }"
    assert await lock_of(tmp_path, "implementation 'g:more:1'", more=excluded) == lock_text({"more:1": ALL})


@pytest.mark.parametrize(
    "extending", ["extendsFrom annotationProcessor", "extendsFrom(configurations.annotationProcessor.get())"]
)
async def test_configurations_that_extend_others(extending: str, server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    more = f"configurations {{ compileOnly {{ {extending} }} }}"
    both = ("annotationProcessor", "compileClasspath")
    empty = sorted({*ALL, *PROCESSORS} - {*both})
    assert await lock_of(tmp_path, "annotationProcessor 'g:web:1'", more=more) == lock_text(
        {"core:1.0": both, "web:1": both}, empty
    )


async def test_what_is_provided_for_a_web_application(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "providedCompile 'g:web:1'", "providedRuntime 'g:more:1'")
    build = file.with_name("build.gradle")
    build.write_text(build.read_text().replace("java-library", "war"))
    await locked(file)
    early, late = ("compileClasspath", "providedCompile", "testCompileClasspath"), ("providedRuntime", *RUNTIME)
    both = sorted((*early, *late))
    assert file.read_text() == lock_text({"core:1.0": early, "core:1.1": late, "more:1": late, "web:1": both})


async def test_configurations_of_the_builds_own(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    more = "configurations { tools; flat { extendsFrom tools; transitive = false }; scope { canBeResolved = false } }\nsourceSets { more }"
    lines = ("tools 'g:web:1'", "scope 'g:more:1'", "moreRuntimeOnly 'g:core:2.0'")
    processors = sorted((*PROCESSORS, "moreAnnotationProcessor", "moreCompileClasspath"))
    assert await lock_of(tmp_path, *lines, more=more) == lock_text(
        {"core:1.0": ["tools"], "core:2.0": ["moreRuntimeClasspath"], "web:1": ["flat", "tools"]},
        sorted((*ALL, *processors)),
    )


async def test_no_attributes_are_wanted_by_configurations_of_the_builds_own(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    add_module(
        server, "lib:1", library("api", "api", "core:1.0", attributes=JVM), library("run", "runtime", "core:1.1", attributes=JVM),
        library("android", "runtime", "core:2.0", attributes={"org.gradle.jvm.environment": "android"}),
    )  # fmt: skip
    text = await lock_of(tmp_path, "tools 'g:lib:1'", more="configurations { tools }")
    assert "g:core:1.1=tools\n" in text
    assert "g:core:2.0" not in text


async def test_test_fixtures_of_another_project(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "testImplementation testFixtures(project(':lib'))")
    (tmp_path / "shop" / "settings.gradle").write_text("rootProject.name = 'shop'\ninclude 'lib'\n")
    other = write_build(
        tmp_path / "shop" / "lib",
        "testFixturesApi 'g:web:1'",
        "api 'g:more:1'",
        more="apply plugin: 'java-test-fixtures'",
    )
    (tmp_path / "shop" / "lib" / "settings.gradle").unlink()
    await locked(file)
    assert file.read_text() == lock_text(
        {"core:1.1": TESTS, "more:1": TESTS, "web:1": TESTS}, sorted((*PROCESSORS, *MAIN))
    )
    await locked(other)
    fixtures = sorted((*TESTS, "testFixturesCompileClasspath", "testFixturesRuntimeClasspath"))
    whole = sorted((*MAIN, *fixtures))
    assert other.read_text() == lock_text(
        {"core:1.1": whole, "more:1": whole, "web:1": fixtures},
        sorted((*PROCESSORS, "testFixturesAnnotationProcessor")),
    )


@pytest.mark.parametrize(
    ("wrapper", "told"),
    [
        ("gradle-8.5-bin", "its wrapper names Gradle 8.5"),
        ("", "its wrapper names no Gradle"),
        ("gradle-8.11.1-all", ""),
    ],
)
async def test_versions_that_gradle_takes_by_itself_are_told(
    wrapper: str, told: str, server: MavenRepositoryServer, tmp_path: Path
) -> None:
    server.files |= repository_files("junit:junit:4.13.2")
    file = write_build(tmp_path / "shop", more="testing { suites { test { useJUnit() } } }")
    if wrapper:
        place = file.parent / "gradle" / "wrapper" / "gradle-wrapper.properties"
        place.parent.mkdir(parents=True)
        place.write_text(f"distributionUrl=https\\://a.example.com/{wrapper}.zip\n")
    result = await locked(file)
    assert "junit:junit:4.13.2=testCompileClasspath,testRuntimeClasspath\n" in file.read_text()
    assert [told in one for one in result.warnings] == ([True] if told else [])


async def test_what_is_chosen_without_the_rules_of_java_is_refused(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    file = write_build(tmp_path / "shop", "tools 'g:web:1'", more="configurations { tools }")
    build = file.with_name("build.gradle")
    lines = [line for line in build.read_text().splitlines() if "java" not in line.lower()]
    build.write_text("\n".join(lines))
    with pytest.raises(UnsupportedError, match="variants are chosen by other rules"):
        await locked(file)


async def test_a_configuration_that_extends_itself(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    more = "configurations { api { extendsFrom implementation } }"
    with pytest.raises(InvalidConfigError, match="extends itself"):
        await lock_of(tmp_path, "implementation 'g:core:1.0'", more=more)


async def test_metadata_of_gradle_count_before_the_pom(server: MavenRepositoryServer, tmp_path: Path) -> None:
    add_module(
        server, "lib:1", library("api", "api", "core:1.0", attributes=JVM), library("run", "runtime", "core:1.1", attributes=JVM),
        library("newer", "api", "core:2.0", attributes={**JVM, "org.gradle.jvm.version": 21}),
        library("android", "runtime", "core:2.0", attributes={"org.gradle.jvm.environment": "android"}),
    )  # fmt: skip
    modules = {"core:1.0": COMPILE, "core:1.1": RUNTIME, "lib:1": ALL}
    assert await lock_of(tmp_path, "implementation 'g:lib:1'") == lock_text(modules)
    names = server.names()
    assert names.count("lib-1.module") == 1
    assert "core-1.0.module" not in names


async def test_tests_may_be_for_another_java(server: MavenRepositoryServer, tmp_path: Path) -> None:
    old, new = ({**JVM, "org.gradle.jvm.version": version} for version in (8, 17))
    for usage in ("api", "runtime"):
        variants = [
            library("old", usage, "core:1.0", attributes=old),
            library("new", usage, "core:2.0", attributes=new),
        ]
        add_module(server, f"{usage}-lib:1", *variants)
    more = "compileJava { options.release = 11 }"
    modules = {
        "api-lib:1": ["compileClasspath", "testCompileClasspath"],
        "core:1.0": ["compileClasspath"],
        "core:2.0": ["testCompileClasspath"],
    }
    lines = ("compileOnly 'g:api-lib:1'", "testCompileOnly 'g:api-lib:1'")
    assert await lock_of(tmp_path, *lines, more=more) == lock_text(
        modules, sorted({*ALL, *PROCESSORS} - {"compileClasspath", "testCompileClasspath"})
    )


async def test_a_variant_may_be_in_another_module(server: MavenRepositoryServer, tmp_path: Path) -> None:
    there = {"url": "../../", "group": "g", "module": "lib-jvm", "version": "1"}
    variants = (library(name, name, **{"available-at": there}) for name in ("api", "runtime"))
    add_module(server, "lib:1", *variants)
    server.add("lib-jvm:1", "core:1.0")
    modules = {"core:1.0": ALL, "lib-jvm:1": ALL, "lib:1": ALL}
    assert await lock_of(tmp_path, "implementation 'g:lib:1'") == lock_text(modules)


async def test_a_platform_is_strict_for_whoever_endorses_it(server: MavenRepositoryServer, tmp_path: Path) -> None:
    strict = {"name": "api", "attributes": {"org.gradle.category": "platform", "org.gradle.usage": "java-api"},
              "dependencyConstraints": [asked("core:strictly 1.0")]}  # fmt: skip
    run = {
        **strict,
        "name": "run",
        "attributes": {"org.gradle.category": "platform", "org.gradle.usage": "java-runtime"},
    }
    add_module(server, "strict:1", strict, run)
    lines = ("implementation platform('g:strict:1')", "implementation 'g:more:1'")
    modules = {"core:1.0": ALL, "more:1": ALL, "strict:1": ALL}
    assert await lock_of(tmp_path, *lines) == lock_text(modules)


async def test_a_newer_version_that_no_longer_brings_it_stays(server: MavenRepositoryServer, tmp_path: Path) -> None:
    # The old one is the reason for the new one, which leaves that out.
    server.add("old:1", "way:1")
    server.add("old:2")
    server.add("way:1", "old:2")
    assert await lock_of(tmp_path, "implementation 'g:old:1'") == lock_text({"old:2": ALL})


async def test_projects_of_a_build_have_what_they_show_one_another(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation project(':lib')")
    (tmp_path / "shop" / "settings.gradle").write_text("rootProject.name = 'shop'\ninclude 'lib'\n")
    other = write_build(tmp_path / "shop" / "lib", "api 'g:web:1'", "implementation 'g:more:1'")
    (tmp_path / "shop" / "lib" / "settings.gradle").unlink()
    await locked(file)
    assert file.read_text() == lock_text({"core:1.0": COMPILE, "core:1.1": RUNTIME, "more:1": RUNTIME, "web:1": ALL})
    await locked(other)
    assert other.read_text() == lock_text({"core:1.1": ALL, "more:1": ALL, "web:1": ALL})


async def test_what_is_locked_is_kept_where_several_will_do(server: MavenRepositoryServer, tmp_path: Path) -> None:
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.+'")
    await locked(file)
    server.add("core:1.3")
    await locked(file, LATER, keep=True)
    assert file.read_text() == lock_text({"core:1.2": ALL})
    result = await locked(file, LATER)
    assert [(one.name, one.before, one.after) for one in result.changes] == [("g:core", "1.2", "1.3")]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["implementation 'g:none:1'"], "compileClasspath needs g:none 1, which is in no repository in version 1"),
        (["implementation 'g:web:1'", "implementation('g:core') { version { strictly '0.9' } }"], "g:core 0.9, which is in no repository"),
        (["implementation 'g:core:[3,4)'"], "g:core [3,4), which has no version that [3,4) allows"),
        (["implementation('g:core') { version { strictly '1.0' } }", "implementation 'g:core:1.1'"], "would have to be 1.1, which something else asks for"),
        (["implementation 'g:core'"], "g:core, which is asked for without a version"),
        (["implementation 'g:deep:1'"], "g:deep 1, which needs g:gone 1, which is in no repository in version 1"),
        (["implementation 'g:new:1'"], "g:new 1, which has no variant that would go"),
        (["implementation 'g:here:1'", "implementation 'g:there:1'"], "cannot be there beside g:here: both are g:same"),
    ],
)  # fmt: skip
async def test_what_cannot_be_had_is_told_with_the_way_to_it(
    lines: list[str], told: str, server: MavenRepositoryServer, tmp_path: Path
) -> None:
    server.add("deep:1", "gone:1")
    add_module(server, "new:1", library("api", "api", attributes={"org.gradle.jvm.version": 21}))
    for name in ("here", "there"):
        same = [{"group": "g", "name": "same", "version": "1"}, {"group": "g", "name": name, "version": "1"}]
        add_module(server, f"{name}:1", *(library(usage, usage, capabilities=same) for usage in ("api", "runtime")))
    with pytest.raises(ConflictError) as caught:
        await lock_of(tmp_path, *lines)
    assert told in caught.value.message
    assert not (tmp_path / "shop" / "gradle.lockfile").exists()


async def test_a_file_that_is_no_metadata_is_told(server: MavenRepositoryServer, tmp_path: Path) -> None:
    for number, (content, told) in enumerate(
        (("[", "cannot be read"), ('{"formatVersion": "9"}', "formatVersion '9'"))
    ):
        add_module(server, f"lib:{number}")
        server.files[f"g/lib/{number}/lib-{number}.module"] = content
        with pytest.raises(ConflictError, match=told):
            await lock_of(tmp_path, f"implementation 'g:lib:{number}'")


async def test_which_files_are_locks_of_a_build(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.0'")
    with pytest.raises(InvalidConfigError, match="packages: the build of Gradle says"):
        await locked(file, packages=["g:core:1.0"])
    with pytest.raises(UnsupportedError, match="no project of the build has its lock there"):
        await locked(file.with_name("other.lockfile"))
    with pytest.raises(NotFoundError, match=r"build\.gradle"):
        await locked(tmp_path / "empty" / "gradle.lockfile")
    build = file.with_name("build.gradle")
    build.write_text(build.read_text().replace("dependencyLocking { lockAllConfigurations() }", ""))
    with pytest.raises(UnsupportedError, match="locks no configuration"):
        await locked(file)


async def test_a_project_without_configurations_has_no_lock(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop")
    file.with_name("build.gradle").write_text("apply plugin: 'base'\ndependencyLocking { lockAllConfigurations() }\n")
    with pytest.raises(UnsupportedError, match="locks no configuration") as caught:
        await locked(file)
    assert caught.value.suggestions == ["name the lock of another project"]


@pytest.mark.parametrize("name", ["core", "shop"])
async def test_a_module_that_a_project_is_too_is_refused(
    name: str, server: MavenRepositoryServer, tmp_path: Path
) -> None:
    server.add("asks:1", "shop:1")
    server.add("shop:1")
    needs = {
        "core": ["implementation project(':core')", "implementation 'g:web:1'"],
        "shop": ["implementation 'g:asks:1'"],
    }
    file = write_build(tmp_path / "shop", *needs[name], more="allprojects { group = 'g' }")
    (tmp_path / "shop" / "settings.gradle").write_text("rootProject.name = 'shop'\ninclude 'core'\n")
    write_build(tmp_path / "shop" / "core").with_name("settings.gradle").unlink()
    with pytest.raises(ConflictError, match=f"which is g:{name} as :") as caught:
        await locked(file)
    assert "is not looked at" in caught.value.message


async def test_what_a_server_has_is_taken_as_a_library(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    text = await lock_of(tmp_path, "providedCompile 'g:web:1'", "providedRuntime 'g:bom:1'", more="apply plugin: 'war'")
    provided = ["compileClasspath", "providedCompile", "providedRuntime", *RUNTIME[:1], *TESTS]
    later = ["providedRuntime", *RUNTIME]
    assert text == lock_text({"bom:1": later, "core:1.0": provided, "web:1": provided})


async def test_one_lock_for_two_projects_is_refused(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    one = "allprojects { dependencyLocking { lockFile = rootProject.file('gradle.lockfile') } }"
    file = write_build(tmp_path / "shop", more=one)
    (tmp_path / "shop" / "settings.gradle").write_text("rootProject.name = 'shop'\ninclude 'lib'\n")
    write_build(tmp_path / "shop" / "lib").with_name("settings.gradle").unlink()
    with pytest.raises(UnsupportedError, match="several projects of the build have their lock there"):
        await locked(file)


@pytest.mark.parametrize("version", ["9" * 30, 1 << 31, 1 << 70])
async def test_a_java_that_is_no_number_of_java_is_told(
    version: int | str, server: MavenRepositoryServer, tmp_path: Path
) -> None:
    add_module(server, "lib:1", library("api", "api", attributes={"org.gradle.jvm.version": version}))
    with pytest.raises(
        ConflictError, match=r"g:lib 1, which (has no variant that would go|has Gradle module metadata that)"
    ):
        await lock_of(tmp_path, "implementation 'g:lib:1'")


async def test_configurations_that_are_locked_by_name(server: MavenRepositoryServer, tmp_path: Path) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.0'")
    build = file.with_name("build.gradle")
    some = "configurations { compileClasspath { resolutionStrategy.activateDependencyLocking() } }"
    build.write_text(build.read_text().replace("dependencyLocking { lockAllConfigurations() }", some))
    await locked(file)
    assert file.read_text() == lock_text({"core:1.0": MAIN[:1]}, ())


async def test_the_java_of_this_machine_counts_where_the_build_says_none(
    server: MavenRepositoryServer, tmp_path: Path
) -> None:
    del server
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.0'")
    build = file.with_name("build.gradle")
    text = build.read_text()
    build.write_text("\n".join(line for line in text.split("\n") if "toolchain" not in line))
    result = await locked(file)
    assert ["does not say for which Java all of it is" in one for one in result.warnings] == [True]


async def test_a_repository_whose_address_is_not_known_is_told(tmp_path: Path) -> None:
    file = write_build(tmp_path / "shop", "implementation 'g:core:1.0'", more="repositories { google() }")
    home = home_of(tmp_path / "home", "http://127.0.0.1:9/maven")
    settings = tmp_path / "home" / ".m2" / "settings.xml"
    settings.write_text(settings.read_text().replace("*,!plugins", "central"))
    with variables(home), pytest.raises(MissingRequirementError, match="repository google is not known here"):
        await locked(file)
