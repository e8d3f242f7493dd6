"""Configurations and source sets of a build's own, suites of tests, test fixtures and tools, in Groovy and in Kotlin alike."""

from pathlib import Path

import pytest

from outrider.operators.packages.manifests.gradle.builds import GradleProject
from outrider.operators.packages.manifests.gradle.source_sets import resolvable_in
from outrider.operators.packages.tests.gradle_files import build_of, told

GROOVY = """\
plugins { id 'java-library'; id 'java-test-fixtures'; id 'jacoco'; id 'checkstyle'; id 'pmd' }
configurations {
    tools
    more { extendsFrom implementation, tools; transitive = false; exclude group: 'x' }
    hidden { canBeResolved = false; canBeConsumed = false }
}
configurations.register('third') { extendsFrom configurations.hidden }
def fourth = configurations.create('fourth')
sourceSets {
    integration { compileClasspath += sourceSets.main.output; java { srcDir 'src/it' } }
}
sourceSets.create('speed')
configurations.integrationImplementation.extendsFrom(configurations.testImplementation)
configurations { integrationRuntimeOnly.extendsFrom testRuntimeOnly }
tasks.withType(JavaCompile).configureEach { options.release = 11 }
tasks.named('compileSpeedJava') { options.release = 17 }
dependencies {
    tools 'g:tools:1'
    add('hidden', 'g:hidden:1')
    add(fourth, 'g:fourth:1')
    integrationImplementation 'g:it:1'
    add(sourceSets.speed.implementationConfigurationName, 'g:speed:1')
    testFixturesApi 'g:fixtures:1'
    testImplementation testFixtures('g:other:1')
}
testing {
    suites {
        test { useJUnitJupiter('5.9.1') }
        end(JvmTestSuite) {
            useJUnit('4.13')
            dependencies {
                implementation project()
                implementation('g:end:1') { transitive = false }
            }
            targets { all { testTask.configure { shouldRunAfter(test) } } }
        }
        usual(JvmTestSuite)
    }
}
jacoco { toolVersion = '0.8.9' }
checkstyle.toolVersion = '10.12.1'
pmd { consoleOutput = true }
tasks.named('check') { dependsOn(testing.suites.named('end')) }
"""
KOTLIN = """\
plugins { `java-library`; `java-test-fixtures`; jacoco; checkstyle; pmd }
val tools by configurations.creating
val more: Configuration by configurations.creating {
    extendsFrom(configurations.implementation.get(), tools)
    isTransitive = false
    exclude(group = "x")
}
configurations {
    val hidden by creating { isCanBeResolved = false; isCanBeConsumed = false }
    register("third") { extendsFrom(hidden) }
}
val its = configurations.create("fourth")
sourceSets {
    create("integration") { compileClasspath += sourceSets.main.get().output; java { srcDir("src/it") } }
}
val speed by sourceSets.creating
val integrationImplementation by configurations.getting { extendsFrom(configurations.testImplementation.get()) }
configurations["integrationRuntimeOnly"].extendsFrom(configurations.testRuntimeOnly.get())
tasks.withType<JavaCompile>().configureEach { options.release.set(11) }
tasks.named<JavaCompile>("compileSpeedJava") { options.release.set(17) }
dependencies {
    tools("g:tools:1")
    "hidden"("g:hidden:1")
    its("g:fourth:1")
    integrationImplementation("g:it:1")
    add(speed.implementationConfigurationName, "g:speed:1")
    testFixturesApi("g:fixtures:1")
    testImplementation(testFixtures("g:other:1"))
}
testing {
    suites {
        val test by getting(JvmTestSuite::class) { useJUnitJupiter("5.9.1") }
        val end by registering(JvmTestSuite::class) {
            useJUnit("4.13")
            dependencies {
                implementation(project())
                implementation("g:end:1") { isTransitive = false }
            }
            targets { all { testTask.configure { shouldRunAfter(test) } } }
        }
        register<JvmTestSuite>("usual")
    }
}
jacoco { toolVersion = "0.8.9" }
configure<CheckstyleExtension> { toolVersion = "10.12.1" }
pmd { isConsoleOutput = true }
tasks.named("check") { dependsOn(testing.suites.named("end")) }
"""


def read(folder: Path, name: str, text: str) -> tuple[list[str], GradleProject]:
    build = build_of(folder, {name: text})
    return told(build), build.projects[":"]


def test_both_languages_say_the_same(tmp_path: Path) -> None:
    lines, project = read(tmp_path / "groovy", "build.gradle", GROOVY)
    others, other = read(tmp_path / "kotlin", "build.gradle.kts", KOTLIN)
    assert sorted(lines) == sorted(others)
    for name in ("own", "alone", "source_sets", "excluded", "usual"):
        assert getattr(project, name) == getattr(other, name), name
    assert {key: set(ones) for key, ones in project.extended.items()} == {
        key: set(ones) for key, ones in other.extended.items()
    }
    assert project.own == {"tools": True, "more": True, "hidden": False, "third": True, "fourth": True}
    assert project.source_sets == {"testFixtures": 11, "integration": 11, "speed": 17, "end": 11, "usual": 11}
    assert project.alone == ("more",)
    assert project.usual == ("junit-jupiter 5.8.2", "pmd 6.55.0")
    assert {"third", "endRuntimeClasspath", "speedAnnotationProcessor", "pmd", "jacocoAnt"} <= resolvable_in(project)
    assert not {"hidden", "pmdAux", "integrationImplementation"} & resolvable_in(project)


def test_what_is_asked_for(tmp_path: Path) -> None:
    lines, _ = read(tmp_path, "build.gradle", GROOVY)
    assert [line for line in lines if line.startswith("test")] == [
        "testFixturesApi project :",
        "testFixturesApi g:fixtures:1",
        "testImplementation project : test-fixtures",
        "testImplementation g:other:1 test-fixtures",
        "testImplementation org.junit.jupiter:junit-jupiter:5.9.1",
        "testRuntimeOnly org.junit.platform:junit-platform-launcher",
    ]
    assert [line for line in lines if line.startswith("end")] == [
        "endImplementation project :",
        "endImplementation g:end:1 alone",
        "endImplementation junit:junit:4.13",
    ]
    assert [line for line in lines if line.startswith(("jacoco", "checkstyle", "pmd"))] == [
        "jacocoAgent org.jacoco:org.jacoco.agent:0.8.9",
        "jacocoAnt org.jacoco:org.jacoco.ant:0.8.9",
        "checkstyle com.puppycrawl.tools:checkstyle:10.12.1",
        "pmd net.sourceforge.pmd:pmd-java:6.55.0 nowhere",
    ]


@pytest.mark.parametrize(
    ("version", "modules"),
    [
        ("4.3", ["pmd:pmd"]),
        ("5.1.0", ["net.sourceforge.pmd:pmd"]),
        ("5.2.0", ["net.sourceforge.pmd:pmd-java"]),
        ("7.0.0", ["net.sourceforge.pmd:pmd-java", "net.sourceforge.pmd:pmd-ant"]),
    ],
)
def test_which_modules_pmd_is_in_a_version(version: str, modules: list[str], tmp_path: Path) -> None:
    text = f"apply plugin: 'java'\napply plugin: 'pmd'\npmd.toolVersion = '{version}'\n"
    assert read(tmp_path, "build.gradle", text)[0] == [f"pmd {one}:{version}" for one in modules]


def test_a_tool_that_the_build_asks_for_is_not_asked_for_twice(tmp_path: Path) -> None:
    text = "apply plugin: 'antlr'\ndependencies { antlr 'org.antlr:antlr4:4.13.1' }\n"
    assert read(tmp_path / "one", "build.gradle", text)[0] == ["antlr org.antlr:antlr4:4.13.1"]
    text = "apply plugin: 'antlr'\ndependencies { constraints { antlr 'antlr:antlr:2.7.6' } }\n"
    lines, project = read(tmp_path / "two", "build.gradle", text)
    assert lines == ["antlr antlr:antlr:2.7.7 file @jar alone nowhere", "antlr antlr:antlr:2.7.6 constraint"]
    assert project.usual == ("antlr 2.7.7",)


def test_a_configuration_that_becomes_one_of_a_source_set(tmp_path: Path) -> None:
    text = "apply plugin: 'java'\nconfigurations { moreImplementation }\nsourceSets { more }\n"
    _, project = read(tmp_path, "build.gradle", text)
    assert "moreImplementation" not in resolvable_in(project)
