"""Builds of Gradle with several projects: what is read of them."""

from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.tests.gradle_files import build_of, told, told_of

GROOVY = {
    "settings.gradle": """\
        pluginManagement { repositories { gradlePluginPortal() } }
        plugins { id 'org.gradle.toolchains.foojay-resolver-convention' version '0.8.0' }
        enableFeaturePreview('TYPESAFE_PROJECT_ACCESSORS')
        dependencyResolutionManagement {
            repositoriesMode = RepositoriesMode.PREFER_SETTINGS
            repositories { mavenCentral() }
        }
        rootProject.name = 'whole'
        include 'lib', ":apps:web-site"
        include(':tools')
        """,
    "gradle.properties": "org.gradle.jvmargs=-Xmx1g\nguavaVersion = 33.0.0-jre\n! a comment\nversion=3.2.1\nslf4j\\\n  =2.0.9\n",
    "lib/gradle.properties": "guavaVersion:32.0.0-jre",
    "build.gradle": """\
        buildscript {
            ext.junit = '5.10.1'
            repositories { mavenCentral() }
            dependencies { classpath 'com.other:plugin:1.0' }
        }
        ext.shared = [commons: "org.apache.commons:commons-lang3:3.14.0"]
        allprojects {
            group = 'com.example'
            repositories { mavenLocalIsNot: google() }
        }
        subprojects {
            apply plugin: 'java-library'
            dependencyLocking { lockAllConfigurations() }
            dependencies { testImplementation "org.junit.jupiter:junit-jupiter:$junit" }
            plugins.withId('application') { dependencies { implementation "only:application:1" } }
            tasks.withType(JavaCompile).configureEach { options.release = 17; options.compilerArgs << '-parameters' }
        }
        configure(subprojects) { java { withSourcesJar() } }
        project(':tools') { dependencies { implementation 'only:tools:1' } }
        """,
    "lib/build.gradle": """\
        dependencies {
            api rootProject.ext.shared.commons
            api "com.google.guava:guava:$guavaVersion"
            implementation "org.slf4j:slf4j-api:${project.slf4j}"
        }
        """,
    "apps/web-site/build.gradle": """\
        plugins { id 'application' }
        apply from: "$rootDir/gradle/logging.gradle"
        group = 'com.example.apps'
        dependencies {
            implementation project(':lib'), projects.tools
            implementation(project(path: ':lib')) { transitive = false }
            implementation "com.google.guava:guava:$guavaVersion"
        }
        """,
    "gradle/logging.gradle": "dependencies { runtimeOnly 'ch.qos.logback:logback-classic:1.4.14' }\n",
}


def test_in_groovy(tmp_path: Path) -> None:
    files = {**GROOVY, "build.gradle": GROOVY["build.gradle"].replace("mavenLocalIsNot: ", "")}
    build = build_of(tmp_path, files)
    assert list(build.projects) == [":", ":lib", ":apps", ":apps:web-site", ":tools"]
    assert told(build, ":lib") == [
        "testImplementation org.junit.jupiter:junit-jupiter:5.10.1",
        "api org.apache.commons:commons-lang3:3.14.0",
        "api com.google.guava:guava:32.0.0-jre in gradle.properties",
        "implementation org.slf4j:slf4j-api:2.0.9 in gradle.properties",
    ]
    assert told(build, ":apps:web-site") == [
        "testImplementation org.junit.jupiter:junit-jupiter:5.10.1",
        "implementation only:application:1",
        "implementation project :lib",
        "implementation project :tools",
        "implementation project :lib alone",
        "implementation com.google.guava:guava:33.0.0-jre in gradle.properties",
        "runtimeOnly ch.qos.logback:logback-classic:1.4.14",
    ]
    assert told(build, ":tools") == [
        "testImplementation org.junit.jupiter:junit-jupiter:5.10.1", "implementation only:tools:1"
    ]  # fmt: skip
    assert told_of(build.projects[":apps:web-site"]) == {
        "group": "com.example.apps", "version": "3.2.1", "locked": None, "java": 17
    }  # fmt: skip
    assert told_of(build.projects[":"]) == {"group": "com.example", "version": "3.2.1"}
    assert [one.name for one in build.projects[":lib"].repositories] == ["MavenRepo"]
    assert build.projects[":lib"].lock_file == tmp_path / "lib" / "gradle.lockfile"
    assert {path.relative_to(tmp_path).as_posix() for path in build.texts} == set(files)


KOTLIN = {
    "settings.gradle.kts": """\
        dependencyResolutionManagement {
            repositoriesMode.set(RepositoriesMode.FAIL_ON_PROJECT_REPOS)
            repositories { mavenCentral(); maven { url = uri("https://a.example.com") } }
        }
        rootProject.name = "whole"
        include("lib", "app")
        include(listOf("apps:one").first())
        """,
    "gradle/libs.versions.toml": '[libraries]\nguava = "com.google.guava:guava:33.0.0-jre"\n[plugins]\njmh = "me.champeau.jmh:0.7"\n',
    "build.gradle.kts": """\
        plugins { base; alias(libs.plugins.jmh) apply false }
        val junit by extra("5.10.1")
        allprojects { group = "com.example"; version = "1.0" }
        subprojects {
            apply(plugin = "java-library")
            dependencies {
                "testImplementation"("org.junit.jupiter:junit-jupiter:$junit")
                add("implementation", rootProject.libs.guava)
            }
            configurations.all { resolutionStrategy.activateDependencyLocking() }
            configure<JavaPluginExtension> { toolchain { languageVersion.set(JavaLanguageVersion.of(21)) } }
        }
        """,
    "lib/build.gradle.kts": """\
        plugins { `java-library` }
        dependencies { api(libs.guava) }
        """,
    "app/build.gradle.kts": """\
        plugins { application }
        val junit: String by rootProject.extra
        dependencies { implementation(project(":lib")); implementation(projects.lib); testImplementation("org.x:y:$junit") }
        """,
}


def test_in_kotlin(tmp_path: Path) -> None:
    settings = KOTLIN["settings.gradle.kts"].replace('include(listOf("apps:one").first())\n', "")
    build = build_of(tmp_path, {**KOTLIN, "settings.gradle.kts": settings})
    assert told(build, ":lib") == [
        "testImplementation org.junit.jupiter:junit-jupiter:5.10.1",
        "implementation com.google.guava:guava:33.0.0-jre in libs.versions.toml",
        "api com.google.guava:guava:33.0.0-jre in libs.versions.toml",
    ]
    assert told(build, ":app") == [
        "testImplementation org.junit.jupiter:junit-jupiter:5.10.1",
        "testImplementation org.x:y:5.10.1",
        "implementation com.google.guava:guava:33.0.0-jre in libs.versions.toml",
        "implementation project :lib",
        "implementation project :lib",
    ]
    assert told_of(build.projects[":app"]) == {"group": "com.example", "version": "1.0", "locked": None, "java": 21}
    assert [one.url for one in build.projects[":app"].repositories] == ["", "https://a.example.com"]


def test_what_is_included_is_known(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"settings.gradle.kts:\d: what first comes to is not known"):
        build_of(tmp_path, KOTLIN)


def test_labels_are_not_read(tmp_path: Path) -> None:
    with pytest.raises((UnsupportedError, InvalidConfigError), match=r"build\.gradle:9"):
        build_of(tmp_path, GROOVY)


def test_groups_that_gradle_gives(tmp_path: Path) -> None:
    build = build_of(tmp_path, {"settings.gradle": "rootProject.name = 'whole'\ninclude 'a:b:c'"})
    assert [one.group for one in build.projects.values()] == ["", "whole", "whole.a", "whole.a.b"]
