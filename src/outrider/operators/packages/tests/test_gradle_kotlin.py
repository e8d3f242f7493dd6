"""Builds of Gradle in Kotlin: what is read of them."""

from pathlib import Path

from outrider.operators.packages.tests.gradle_files import build_of, told, told_of

USUAL = r"""
@file:Suppress("DSL_SCOPE_VIOLATION")

import org.gradle.api.tasks.testing.logging.TestExceptionFormat

plugins {
    `java-library`
    `maven-publish`
    id("application")
    alias(libs.plugins.shadow) apply false
    kotlin("jvm") version "1.9.22" apply false
}

group = "com.example"
version = findProperty("releaseVersion") ?: "1.0-SNAPSHOT"

val slf4j = "2.0.9"
val jackson by extra("2.15.3")
val junit: String by project
val mockito by extra { "5.8.0" }
extra["assertj"] = "3.24.2"
val assertj: String by extra
val names = listOf("a", "b")

repositories {
    mavenCentral()
    maven("https://a.example.com/m2")
    maven(url = "https://b.example.com")
    maven { url = uri("https://c.example.com"); credentials(PasswordCredentials::class) }
    maven { setUrl("https://d.example.com") }
}

dependencies {
    implementation("org.slf4j:slf4j-api:$slf4j")
    api("com.fasterxml.jackson.core", "jackson-databind", jackson)
    implementation(group = "commons-io", name = "commons-io", version = "2.15.0", classifier = "x")
    implementation(libs.guava) { exclude(group = "com.google.code.findbugs", module = "jsr305"); isTransitive = true }
    implementation(libs.bundles.logging)
    implementation(platform(libs.spring.boot.bom))
    compileOnly("javax.servlet:javax.servlet-api") {
        version { strictly("[3, 5["); prefer("4.0.1") }
        because("it is so")
    }
    "runtimeOnly"("org.postgresql:postgresql:42.7.1")
    runtimeOnly(mapOf("group" to "g", "name" to "n", "version" to "2"))
    testImplementation("org.junit.jupiter:junit-jupiter:${junit}")
    testImplementation("org.mockito:mockito-core:$mockito") { isTransitive = false }
    testImplementation("org.assertj:assertj-core:${property("assertj")}")
    testImplementation("org.x:y:${libs.versions.slf4j.get()}")
    add("annotationProcessor", "org.projectlombok:lombok:1.18.30")
    implementation(files("libs/a.jar"))
    implementation(fileTree(mapOf("dir" to "libs", "include" to listOf("*.jar"))))
    constraints {
        implementation("g:n:1.1") { because("CVE") }
        add("runtimeOnly", "x:y:3")
    }
}

configurations.all {
    exclude(group = "commons-logging")
    resolutionStrategy.force("a:b:1")
}
configurations {
    compileClasspath { resolutionStrategy.activateDependencyLocking() }
    named("runtimeClasspath") { resolutionStrategy { activateDependencyLocking() } }
}

java {
    toolchain.languageVersion.set(JavaLanguageVersion.of(libs.versions.java.get().toInt()))
    withSourcesJar()
}

tasks {
    withType<Test>().configureEach {
        useJUnitPlatform()
        testLogging { exceptionFormat = TestExceptionFormat.FULL }
    }
    named<Jar>("jar") { manifest { attributes("Main-Class" to "x", "Y" to names.joinToString { "$it!" }) } }
    val docs by registering(Javadoc::class) { source = sourceSets["main"].allJava }
}
tasks.withType<JavaCompile>().configureEach { options.release.set(11) }
tasks.register<Copy>("copyIt") { from(configurations.runtimeClasspath) ; into(layout.buildDirectory.dir("x")) }

publishing {
    publications { create<MavenPublication>("maven") { from(components["java"]) } }
    repositories { maven { url = uri("https://e.example.com") } }
}
fun String.shout(): String = this.uppercase() + "!"
"""
CATALOG = """\
[versions]
slf4j = "2.0.9"
java = "17"
guava = { strictly = "[30, 34[", prefer = "33.0.0-jre" }

[libraries]
guava = { module = "com.google.guava:guava", version.ref = "guava" }
slf4j-api = { group = "org.slf4j", name = "slf4j-api", version.ref = "slf4j" }
log4j_core = "org.apache.logging.log4j:log4j-core:2.22.0"
spring-boot-bom = { module = "org.springframework.boot:spring-boot-dependencies", version = "3.2.0" }

[bundles]
logging = ["slf4j-api", "log4j-core"]

[plugins]
shadow = { id = "com.github.johnrengelman.shadow", version = "8.1.1" }
"""


def test_the_usual_form(tmp_path: Path) -> None:
    build = build_of(
        tmp_path,
        {
            "build.gradle.kts": USUAL.lstrip(), "gradle/libs.versions.toml": CATALOG, "gradle.properties": "junit=5.10.1\n",
            "settings.gradle.kts": 'rootProject.name = "example"\n',
        },
    )  # fmt: skip
    assert told(build) == [
        "implementation org.slf4j:slf4j-api:2.0.9",
        "implementation commons-io:commons-io:2.15.0 file x@",
        "implementation com.google.guava:guava:[30, 34[ prefers 33.0.0-jre strictly without com.google.code.findbugs:jsr305 in libs.versions.toml",
        "implementation org.slf4j:slf4j-api:2.0.9 in libs.versions.toml",
        "implementation org.apache.logging.log4j:log4j-core:2.22.0 in libs.versions.toml",
        "implementation org.springframework.boot:spring-boot-dependencies:3.2.0 platform in libs.versions.toml",
        "implementation g:n:1.1 constraint",
        "api com.fasterxml.jackson.core:jackson-databind:2.15.3",
        "compileOnly javax.servlet:javax.servlet-api:[3, 5[ prefers 4.0.1 strictly",
        "runtimeOnly org.postgresql:postgresql:42.7.1",
        "runtimeOnly g:n:2",
        "runtimeOnly x:y:3 constraint",
        "testImplementation org.junit.jupiter:junit-jupiter:5.10.1 in gradle.properties",
        "testImplementation org.mockito:mockito-core:5.8.0 alone",
        "testImplementation org.assertj:assertj-core:3.24.2",
        "testImplementation org.x:y:2.0.9 in libs.versions.toml",
        "annotationProcessor org.projectlombok:lombok:1.18.30",
    ]
    project = build.projects[":"]
    assert told_of(project) == {
        "group": "com.example", "version": "1.0-SNAPSHOT", "locked": ("compileClasspath", "runtimeClasspath"), "java": 11,
        "excluded": {"*": ["commons-logging:*"]}, "forced": ("a:b:1",),
    }  # fmt: skip
    assert [one.url for one in project.repositories][:1] == [""]
    assert [one.url for one in project.repositories][1:] == [
        "https://a.example.com/m2",
        "https://b.example.com",
        "https://c.example.com",
        "https://d.example.com",
    ]
