"""Builds of Gradle that are refused, with the line, why, and what to do."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.manifests.gradle.catalogs import read_catalog
from outrider.operators.packages.manifests.gradle.properties import read_properties
from outrider.operators.packages.manifests.gradle.reading import read_build
from outrider.operators.packages.manifests.gradle.scripts import LARGEST, read_script
from outrider.operators.packages.tests.gradle_files import build_of
from outrider.operators.packages.tests.test_gradle_groovy import USUAL as GROOVY
from outrider.operators.packages.tests.test_gradle_kotlin import CATALOG
from outrider.operators.packages.tests.test_gradle_kotlin import USUAL as KOTLIN

JAVA = "apply plugin: 'java'\n"
REFUSED = [
    ("plugins { id 'com.other.plugin' version '3.2.0' }", 1, "the plugin com.other.plugin is not known here: a plugin is a program"),
    ("plugins { id 'scala' }", 1, "the plugin scala"),
    ("jacoco { toolVersion = '0.8.12' }", 1, "the plugin jacoco is not applied here"),
    (JAVA + "apply plugin: 'pmd'\npmd { toolVersion = '7.0.0-rc4' }", 3, "only versions of numbers"),
    (JAVA + "apply plugin: 'pmd'\npmdMain { }", 3, "may make the tasks of PMD"),
    (JAVA + "apply plugin: 'pmd'\ntasks.withType(Pmd) { }", 3, "may make the tasks of PMD"),
    (JAVA + "apply plugin: 'pmd'\ntasks.all { }", 3, "may make the tasks of PMD"),
    ("apply plugin: MyPlugin", 1, "MyPlugin is not known"),
    ("if (x) {\n apply plugin: 'java'\n}", 2, "apply in what is not run"),
    (JAVA + "dependencies {\n if (x) { implementation 'a:b:1' }\n}", 3, "if: a condition or a loop"),
    (JAVA + "dependencies {\n ['a', 'b'].each { implementation \"g:$it:1\" }\n}", 3, "this statement is not read"),
    (JAVA + "if (x) {\n dependencies { implementation 'a:b:1' }\n}", 3, "dependencies in what is not run"),
    (JAVA + "for (x in y) group = x", 2, "for: a condition or a loop around"),
    (JAVA + "afterEvaluate { dependencies { implementation 'a:b:1' } }", 2, "dependencies in what is not run"),
    (JAVA + "test { doFirst { configurations.all { } } }", 2, "configurations in what is not run"),
    (JAVA + "dependencies { implementation \"a:b:${System.getenv('V')}\" }", 2, "outside of the build"),
    (JAVA + 'dependencies { implementation "a:b:$unknown" }', 2, "unknown is not known"),
    (JAVA + "def v = new Date().format('x')\ndependencies { implementation \"a:b:$v\" }", 3, "not known"),
    (JAVA + "def v = '1'\nv += '.2'\ndependencies { implementation \"a:b:$v\" }", 4, "v is worked out"),
    (JAVA + "def v = '1'\ntasks.x { v = '2' }\ndependencies { implementation \"a:b:$v\" }", 4, "v is set in a way"),
    (JAVA + "def v = '1'\nif (y) { v = '2' }\ndependencies { implementation \"a:b:$v\" }", 4, "v is set in a way"),
    (JAVA + "ext.v = '1'\nif (y) { ext.v = '2' }\ndependencies { implementation \"a:b:$v\" }", 3, "if: a condition"),
    (JAVA + "def v = ['a:b:1']\nif (y) { v += 'c:d:1' }\ndependencies { implementation v }", 4, "v is set in a way"),
    (JAVA + "ext.v = ['a:b:1']\ntasks.x { v.add('c:d:1') }\ndependencies { implementation v }", 4, "v is set in a way"),
    (JAVA + "def f() { dependencies.add('implementation', 'a:b:1') }\ntasks.x { f() }", 2, "dependencies in what is not run"),
    (JAVA + "def f = { configurations.all { exclude group: 'a' } }\ntasks.x { f() }", 2, "configurations in what is not run"),
    (JAVA + "afterEvaluate { version = '1' }", 2, "afterEvaluate: a condition or a loop"),
    (JAVA + "jar { repositories.mavenLocal() }", 2, "repositories in what is not run"),
    (JAVA + "jar { apply { plugin 'x' } }", 2, "apply in what is not run"),
    (JAVA + "compileJava { sourceCompatibility '17'; if (x) targetCompatibility = '8' }", 2, "which Java"),
    (JAVA + "evaluationDependsOn(':x')", 2, "evaluationDependsOn is nothing"),
    (JAVA + "dependencies { implementation('a:b:1', 'c:d:1') { transitive = false } }", 2, "a block behind several"),
    (JAVA + "dependencies { implementation project(':') { transitive = false } }", 2, "taken whole"),
    (JAVA + "sourceCompatibility = targetCompatibility = '1.8'", 2, "this statement is not read"),
    (JAVA + "dependencies { implementation ['a:b:1'] }", 2, "is nothing that is known within"),
    (JAVA + "dependencies { implementation platform('a:b:1@zip') }", 2, "a platform has no files"),
    (JAVA + "dependencies { implementation group: 'a', name: 'b', version: '1!!' }", 2, "!! says that a version is strict only"),
    (JAVA + "configurations.all { resolutionStrategy { force 'a:b:1', 'a:b:1'; force 'a:b:2' } }", 2, "forced in two versions"),
    (JAVA + "def f = { it }\nf('x')", 3, "what happens to f here"),
    (JAVA + "dependencies { implementation 'nothing' }", 2, "by its group and its name"),
    (JAVA + "dependencies { implementation ':name:1' }", 2, "by its group and its name"),
    (JAVA + "dependencies { api 'a:b:1' }", 2, "api is no configuration"),
    (JAVA + "dependencies { compile 'a:b:1' }", 2, "compile is no configuration .*: since Gradle 7 it is implementation"),
    (JAVA + "dependencies { implementation project(':x') }", 2, "no project :x"),
    (JAVA + "dependencies { implementation project(path: ':', configuration: 'x') }", 2, "taken whole"),
    (JAVA + "dependencies { implementation('a:b:1') { capabilities { requireCapability 'x' } } }", 2, "capabilities.requireCapability"),
    (JAVA + "dependencies { implementation('a:b:1') { changing = true } }", 2, "changing of a dependency"),
    (JAVA + "dependencies { implementation libs.x }", 2, "libs is not known"),
    (JAVA + "dependencies { modules { } }", 2, "modules that replace others"),
    (JAVA + "dependencies { constraints { implementation platform('a:b:1') } }", 2, "only modules are read within constraints"),
    (JAVA + "sourceCompatibility = 0", 2, "no version of Java"),
    (JAVA + "dependencies { implementation 1 }", 2, "asks for nothing that is known"),
    (JAVA + "repositories { mavenLocal() }", 2, "mavenLocal: what is in the local"),
    (JAVA + "repositories { flatDir { dirs 'libs' } }", 2, "flatDir"),
    (JAVA + "repositories { maven { url 'https://a.example.com'; content { includeGroup 'x' } } }", 2, "content.includeGroup"),
    (JAVA + "repositories { exclusiveContent { } }", 2, "exclusiveContent"),
    (JAVA + "repositories { maven { url = System.getenv('X') } }", 2, "outside of the build"),
    (JAVA + "configurations { compileOnly { extendsFrom mine } }", 2, "mine is no configuration"),
    (JAVA + "configurations { runtimeElements { exclude group: 'x' } }", 2, "configurations that plugins make for others"),
    (JAVA + "configurations { archives }", 2, "configurations that plugins make for others"),
    (JAVA + "configurations.named('mine') { visible = false }", 2, "mine is no configuration"),
    (JAVA + "configurations { mine { attributes { attribute(x, y) } } }", 2, "attributes of the build's own"),
    (JAVA + "configurations { mine { defaultDependencies { } } }", 2, "this of a configuration is not read"),
    (JAVA + "configurations { implementation { canBeResolved = true } }", 2, "this of a configuration is not read"),
    (JAVA + "configurations { mine { canBeResolved = x } }", 2, "x is not known"),
    (JAVA + "configurations { compileOnly { extendsFrom 'x'.y() } }", 2, "only configurations that are named"),
    (JAVA + "configurations.all { extendsFrom(annotationProcessor) }", 2, "what all configurations extend"),
    (JAVA + "def x = configurations.create('y')\ndependencies { x 'a:b:1' }", 3, "is not called as the configuration"),
    (JAVA + "def x = configurations.create(y)", 2, "configurations in what is not run"),
    (JAVA + "tasks.x { configurations.create('x') }", 2, "configurations in what is not run"),
    (JAVA + "configurations.all { resolutionStrategy.eachDependency { } }", 2, "eachDependency|this statement"),
    (JAVA + "configurations.all { transitive = false }", 2, "transitive"),
    (JAVA + "sourceSets.create('in-between')", 2, "of letters and digits"),
    (JAVA + "sourceSets.named('integration') { }", 2, "no source set integration"),
    (JAVA + "sourceSets.matching { }", 2, "sourceSets.matching is not read"),
    (JAVA + "configurations { findAll { it.name == 'x' }.all { transitive = false } }", 2, "configurations.findAll is not read"),
    ("sourceSets { integration { } }", 1, "where a plugin for Java is applied before"),
    ("testing { suites { test { } } }", 1, "where a plugin for Java is applied before"),
    (JAVA + "testing { suites { withType(JvmTestSuite) { useJUnit() } } }", 2, "suites.withType is not read"),
    (JAVA + "testing { suites { more(JvmTestSuite) { useSomething() } } }", 2, "useSomething of a suite of tests"),
    (JAVA + "testing { suites { more(JvmTestSuite) { dependencies { api 'a:b:1' } } } }", 2, "api is no configuration"),
    (JAVA + "testing { suites { configureEach { useJUnit() } } }", 2, "suites.configureEach is not read"),
    (JAVA + "check { testing.suites.test { useJUnit() } }", 2, "suites in what is not run"),
    (JAVA + "dependencies { implementation testFixtures('a:b:1', 'c:d:1') }", 2, "test fixtures are those of one"),
    (JAVA + "java { registerFeature('x') { } }", 2, "java.registerFeature"),
    (JAVA + "compileJava { options.release = x }", 2, "x is not known"),
    (JAVA + "tasks.compileJava.options.compilerArgs += ['--release', '8']", 2, "which Java"),
    (JAVA + "somethingElse { }", 2, "somethingElse is nothing that is known"),
    (JAVA + "dependencyLocking { unlockAllConfigurations() }", 2, "unlockAllConfigurations"),
    (JAVA + "dependencyLocking { lockFile = file('../x') }", 2, "a file within the build"),
    ("apply from: 'https://a.example.com/x.gradle'", 1, "a script from elsewhere"),
    ("apply from: '../x.gradle'", 1, "not within the build"),
    ("apply from: 'build.gradle'", 1, "more than 8 scripts that apply one another"),
    ("def dependencies(x) { }", 1, "dependencies is a name that means something else"),
    ("buildscript { dependencyLocking { lockAllConfigurations() } }", 1, "dependencyLocking within buildscript"),
    ('version = "x${1 + 1}"', 1, "no text|calculation|known"),
    ("version = 'a\\q'", 1, "written in a way"),
    ("return\nversion = '1'", 1, "this statement is not read"),
    ("subprojects.each { it.apply plugin: 'java' }", 1, "read as a block alone"),
    ("configure(subprojects.findAll { it.name != 'x' }) { }", 1, "chosen by a rule"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "why"), REFUSED)
def test_what_is_more_than_that_is_refused_with_its_line(text: str, line: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=why) as caught:
        build_of(tmp_path, {"build.gradle": text})
    assert str(caught.value).startswith(f"build.gradle:{line}: ")
    assert caught.value.suggestions == ["write the lock with Gradle itself: gradle dependencies --write-locks"]


KOTLIN_REFUSED = [
    ('plugins { kotlin("jvm") version "1.9.22" }', 1, "the plugin org.jetbrains.kotlin.jvm"),
    ('plugins { java }\ndependencies { implementation(kotlin("stdlib")) }', 2, "kotlin"),
    ("plugins { java }\nconfigurations { x { } }", 2, "x is no configuration"),
    ("plugins { java }\nval x by configurations.getting", 2, "x is no configuration"),
    ('plugins { java }\nval y by tasks.x { configurations.create("x") }', 2, "configurations in what is not run"),
    ('plugins { java }\nval x: String by project\ndependencies { implementation("a:b:$x") }', 3, "nothing in the build sets x"),
    ('plugins { java }\nval v = 1.10\ndependencies { implementation("a:b:$v") }', 3, "not shown as it is written"),
    ('plugins { java }\nlistOf("a").forEach { dependencies { implementation(it) } }', 2, "listOf is nothing"),
    ("configure<SourceSetContainer> { }", 1, "SourceSetContainer"),
    ("plugins { alias(libs.plugins.x) }", 1, "libs is not known"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "why"), KOTLIN_REFUSED)
def test_and_in_kotlin(text: str, line: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=why) as caught:
        build_of(tmp_path, {"build.gradle.kts": text})
    assert str(caught.value).startswith(f"build.gradle.kts:{line}: ")


SETTINGS_REFUSED = [
    ("includeBuild 'other'", "includeBuild: builds that are put together"),
    ("include 'a'\nproject(':a').projectDir = file('b')", "folders or names of their own"),
    ("rootProject.buildFileName = 'x'", "its name alone"),
    ("include '../x'", "no path of a project"),
    ("include 'a', \"$b\"", "b is not known"),
    ("new File('.').eachDir { include it.name }", "this statement is not read"),
    ("if (x) { include 'a' }", "if: a condition"),
    ("dependencyResolutionManagement { versionCatalogs { libs { } } }", "versionCatalogs within"),
    ("plugins { id 'com.other.settings' version '1' }", "the plugin of settings com.other.settings"),
    ("include " + ", ".join(f"'p{number}'" for number in range(501)), "more than 500"),
]


@pytest.mark.parametrize(("text", "why"), SETTINGS_REFUSED)
def test_and_in_settings(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=why) as caught:
        build_of(tmp_path, {"settings.gradle": text, "build.gradle": ""})
    assert str(caught.value).startswith("settings.gradle:")


BROKEN = [
    "dependencies {",
    "x = 'a",
    'x = "a${b"',
    "/* no end",
    "a(]",
    "{" * 100 + "}" * 100,
    '"${"${"${"${"${"${"${"${"${1}"}"}"}"}"}"}"}"}"}"',
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_script(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"build.gradle:\d+: it cannot be read"):
        build_of(tmp_path, {"build.gradle": text})


def test_files_that_are_not_there_or_too_many(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"build.gradle is not in"):
        read_build(tmp_path)
    (tmp_path / "build.gradle").write_text("//" + "x" * LARGEST)
    with pytest.raises(InvalidConfigError, match="too large"):
        read_build(tmp_path)
    (tmp_path / "build.gradle").write_bytes(b"\xff")
    with pytest.raises(InvalidConfigError, match="cannot be read"):
        read_build(tmp_path)
    (tmp_path / "build.gradle.kts").write_text("")
    with pytest.raises(UnsupportedError, match="one of them alone"):
        read_build(tmp_path)


@pytest.mark.timeout(30)
def test_scripts_that_apply_one_another_again_and_again(tmp_path: Path) -> None:
    names = ["build", *"abcdefg"]
    files = {f"{one}.gradle": f"apply from: '{other}.gradle'\n" * 9 for one, other in pairwise(names)}
    with pytest.raises(UnsupportedError, match="more than 10000 scripts that are applied"):
        build_of(tmp_path, {**files, "g.gradle": ""})


def test_repositories_that_settings_forbid(tmp_path: Path) -> None:
    settings = "dependencyResolutionManagement { repositoriesMode.set(RepositoriesMode.FAIL_ON_PROJECT_REPOS) }"
    with pytest.raises(UnsupportedError, match="not to be there"):
        build_of(tmp_path, {"settings.gradle": settings, "build.gradle": "repositories { mavenCentral() }"})


def test_groovy_and_tasks_that_say_a_java(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="Java is compiled with Groovy"):
        build_of(
            tmp_path, {"build.gradle": "apply plugin: 'groovy'\ntasks.withType(JavaCompile) { options.release = 8 }"}
        )


CATALOGS = [
    ("[other]\n", "other"),
    ("[libraries]\na-b = 'a:b:1'\na_b = 'a:b:1'", "libraries.a_b"),
    ("[libraries]\nab = 'a:b'", "libraries.ab"),
    ("[libraries]\nab = { module = 'a:b', version.ref = 'no' }", "libraries.ab.version.ref"),
    ("[libraries]\nab = { module = 'a:b', other = 'x' }", "libraries.ab"),
    ("[libraries]\nab = { group = 'a' }", "libraries.ab.name"),
    ("[libraries]\nab = 1", "libraries.ab"),
    ("[versions]\nab = { strictly = 1 }", "versions.ab.strictly"),
    ("[versions]\nab = { reject = '1' }", "versions.ab.reject"),
    ("[bundles]\nab = ['no']", "bundles.ab"),
    ("[plugins]\nab = 1", "plugins.ab"),
    ("libraries = 1", "libraries"),
    ("[versions]\n1x = '1'", "versions.1x"),
    ("[", ""),
]


@pytest.mark.parametrize(("text", "where"), CATALOGS)
def test_catalogs_that_gradle_does_not_take(text: str, where: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read_catalog("libs.versions.toml", text, Path("libs.versions.toml"))
    assert caught.value.path == where


PIECES = st.sampled_from(
    [
        "dependencies {", "}", "implementation", "'a:b:1'", '"a:b:$v"', "(", ")", "[", "]", "\n", ":", ",", "=", "def v =", "val v by", "'", '"',
        "${", "project(':x')", "libs.a", "plugins { java }", "apply plugin: 'java'", "if (x)", "else", "{ it ->", "subprojects {", "ext.v", "/", "//",
        "/*", "*/", "as", "in", "new", "+", ".", "?:", "\\", "$/", "'''", '"""', "`", "configurations.all {", "exclude group: 'a'", "repositories {",
        "maven { url 'x' }", "java.", "toolchain {", "version", "apply from: 'build.gradle'", "1.0", "@A", "<", ">", "fun f()", "class A {", ";", "?",
        "buildscript {", "dependencyLocking {", "lockFile = file('x')", "tasks.withType(JavaCompile) { options.release =", "17", "withId('java') {",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=60), st.booleans())
def test_no_text_leads_to_other_errors(tmp_path_factory: pytest.TempPathFactory, text: str, is_kotlin: bool) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    (folder / ("build.gradle.kts" if is_kotlin else "build.gradle")).write_bytes(text.encode(errors="surrogatepass"))
    with suppress(InvalidConfigError, UnsupportedError):
        read_build(folder)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(GROOVY)),
    st.integers(0, 12),
    st.sampled_from(["", "{", "}", "'", '"', "(", "\n", "$", "/*"]),
    st.booleans(),
)
def test_no_change_of_a_build_leads_to_other_errors(
    tmp_path_factory: pytest.TempPathFactory, at: int, count: int, put: str, is_kotlin: bool
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    text = KOTLIN if is_kotlin else GROOVY
    (folder / "gradle").mkdir()
    (folder / "gradle" / "libs.versions.toml").write_text(CATALOG)
    (folder / ("build.gradle.kts" if is_kotlin else "build.gradle")).write_text(text[:at] + put + text[at + count :])
    with suppress(InvalidConfigError, UnsupportedError):
        read_build(folder)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text("a=:\\\n\r #!u0", max_size=40))
def test_properties_are_read_whatever_they_are(text: str) -> None:
    for value in read_properties(text, Path("gradle.properties")).values():
        if value.place is not None:
            assert text[value.place.start : value.place.end] == value.text


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(CATALOG)),
    st.integers(0, 8),
    st.sampled_from(["", '"', "'", "[", "]", "{", "=", "\n", "#", ",", "\\"]),
)
def test_catalogs_are_read_or_refused(at: int, count: int, put: str) -> None:
    with suppress(InvalidConfigError):
        read_catalog("x", CATALOG[:at] + put + CATALOG[at + count :], Path("x"))


DEEP = [
    "x = " + "(" * 39 + "1" + ")" * 39,
    "a {" * 39 + "b 'c'" + "}" * 39,
    "x = " + "[" * 39 + "]" * 39,
    "x = " + "!" * 10_000 + "y",
]
LONG = [
    "a b " * 10_000, "a.b" * 10_000, "x = '" + "a" * 60_000 + "'", "/*" * 20_000, 'x = "' + "$a" * 20_000 + '"', "a(b)" * 10_000,
    "a { b }\n" * 10_000, "x = 1" + " + 1" * 10_000, "'''" * 12_001, "a\n.b" * 8_000, "<" * 20_000, "a<" * 10_000, "dependencies { x\n" * 39 + "}" * 39,
    'x = "' + "${a}" * 10_000 + '"', "if (x) " * 300 + "y", '"""' + '"a' * 10_000, "x = " + "a ? " * 5_000 + "b", "{ a ->" * 39 + "}" * 39,
]  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("is_kotlin", [False, True])
@pytest.mark.parametrize("text", [*DEEP, *LONG], ids=range(len(DEEP) + len(LONG)))
def test_long_scripts_take_time_that_grows_with_them(text: str, is_kotlin: bool) -> None:
    with suppress(InvalidConfigError, UnsupportedError):
        read_script(Path("x.kts" if is_kotlin else "x"), "x", text)
