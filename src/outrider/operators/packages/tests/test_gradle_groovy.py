"""Builds of Gradle in Groovy: what is read of them."""

from pathlib import Path

from outrider.operators.packages.tests.gradle_files import build_of, told, told_of

USUAL = r"""
#!/usr/bin/env groovy
/* a comment with 'quotes' and { brackets */
import java.time.Instant
plugins {
    id 'java-library'
    id "application"
    id 'com.other.plugin' version '1.2' apply false
}
apply plugin: 'maven-publish'

group = 'com.example'
version '1.2.3' // the next one
description = "An example's \"text\" with ${project.name} and /* no comment */"
def slf4j = '2.0.9'
ext {
    jackson = '2.15.3'
    set('junit', "5.${10}.1")
}
ext.libraries = [guava: "com.google.guava:guava:33.0.0-jre", text: ['org.apache.commons:commons-text:1.11.0']]
String where = 'https://repo.example.com/releases'

repositories {
    mavenCentral()
    maven { url 'https://a.example.com/m2' }
    maven { url = uri("$where/x"); name = 'x' }
    maven { url "https://b.example.com" ; credentials { username = 'u'; password = 'p' } }
    google()
}

dependencies {
    implementation "org.slf4j:slf4j-api:$slf4j"
    implementation('com.fasterxml.jackson.core:jackson-databind:' + jackson) {
        exclude group: 'com.fasterxml.jackson.core', module: 'jackson-annotations'
        exclude module: 'other'
        because 'it is so'
    }
    api group: 'commons-io', name: 'commons-io', version: '2.15.0'
    api(group: 'a', name: 'b', version: '1', classifier: 'jdk15', transitive: false)
    implementation libraries.guava, libraries.text
    implementation libraries['guava']
    runtimeOnly 'org.postgresql:postgresql:42.7.1@jar', 'g:n:1.0:linux@zip'
    compileOnly 'javax.servlet:javax.servlet-api:4.0.1!!'
    compileOnly('g:rich') {
        version {
            strictly '[1.7, 1.8['
            prefer '1.7.25'
            reject '1.7.1', '1.7.2'
        }
        transitive = false
    }
    implementation platform('org.springframework.boot:spring-boot-dependencies:3.2.0')
    testImplementation(enforcedPlatform("org.junit:junit-bom:${junit}"))
    testImplementation 'org.junit.jupiter:junit-jupiter'
    implementation files('libs/a.jar'), gradleApi()
    implementation fileTree(dir: 'libs', include: ['*.jar'])
    testImplementation project(':')
    add('annotationProcessor', 'org.projectlombok:lombok:1.18.30')
    constraints {
        implementation('org.apache.logging.log4j:log4j-core:2.17.1') { because 'CVE' }
        runtimeOnly 'x:y' , { version { strictly '3' } }
    }
}

configurations {
    all { exclude group: 'commons-logging', module: 'commons-logging' }
    testImplementation.exclude group: 'org.old'
}
configurations.all {
    resolutionStrategy {
        force 'com.google.code.gson:gson:2.10.1', "com.squareup.okio:okio:3.6.0"
        cacheChangingModulesFor 0, 'seconds'
    }
}
configurations.compileClasspath { resolutionStrategy.activateDependencyLocking() }
dependencyLocking {
    lockMode = LockMode.STRICT
    ignoredDependencies.add('com.internal:*')
    lockFile = file("$projectDir/locks/gradle.lockfile")
}
java {
    toolchain { languageVersion = JavaLanguageVersion.of(17) }
    withSourcesJar()
}

tasks.named('test') { useJUnitPlatform(); jvmArgs '-Xmx1g' }
test { useJUnitPlatform() }
jar {
    manifest { attributes 'Main-Class': 'com.example.Main', "Created": Instant.now() }
    from { configurations.runtimeClasspath.collect { it.isDirectory() ? it : zipTree(it) } }
    exclude 'META-INF/*.RSA'
}
task sources(type: Jar, dependsOn: classes) {
    from sourceSets.main.allSource
    filter { line -> line =~ /"\/*{/ ? '' : line.replaceAll(/'/, "") }
}
sourceSets { main { java { srcDirs = ['src'] } } }
publishing {
    repositories { maven { url = 'https://c.example.com' } }
    publications { mavenJava(MavenPublication) { from components.java; artifactId = 'x' } }
}
application { mainClass = 'com.example.Main' }
if (project.hasProperty('slow')) {
    test { maxHeapSize = '2g' }
} else println "fast"
tasks.withType(JavaCompile) { options.encoding = 'UTF-8' }
def helper(String text) { return text.toUpperCase() }
wrapper { gradleVersion = '8.11' }
"""


def test_the_usual_form(tmp_path: Path) -> None:
    build = build_of(tmp_path, {"build.gradle": USUAL.lstrip(), "settings.gradle": "rootProject.name = 'example'"})
    assert told(build) == [
        "implementation org.slf4j:slf4j-api:2.0.9",
        "implementation com.fasterxml.jackson.core:jackson-databind:2.15.3 without com.fasterxml.jackson.core:jackson-annotations without *:other",
        "implementation com.google.guava:guava:33.0.0-jre",
        "implementation org.apache.commons:commons-text:1.11.0",
        "implementation com.google.guava:guava:33.0.0-jre",
        "implementation org.springframework.boot:spring-boot-dependencies:3.2.0 platform",
        "implementation org.apache.logging.log4j:log4j-core:2.17.1 constraint",
        "api commons-io:commons-io:2.15.0",
        "api a:b:1 file jdk15@ alone",
        "runtimeOnly org.postgresql:postgresql:42.7.1 file @jar alone",
        "runtimeOnly g:n:1.0 file linux@zip alone",
        "runtimeOnly x:y:3 strictly constraint",
        "compileOnly javax.servlet:javax.servlet-api:4.0.1 strictly",
        "compileOnly g:rich:[1.7, 1.8[ prefers 1.7.25 rejects 1.7.1,1.7.2 strictly alone",
        "testImplementation org.junit:junit-bom:5.10.1 strictly enforced-platform nowhere",
        "testImplementation org.junit.jupiter:junit-jupiter",
        "testImplementation project :",
        "annotationProcessor org.projectlombok:lombok:1.18.30",
    ]
    project = build.projects[":"]
    assert told_of(project) == {
        "group": "com.example", "version": "1.2.3", "ignored": ("com.internal:*",), "locked": ("compileClasspath",), "java": 17,
        "excluded": {"*": ["commons-logging:commons-logging"], "testImplementation": ["org.old:*"]},
        "forced": ("com.google.code.gson:gson:2.10.1", "com.squareup.okio:okio:3.6.0"),
    }  # fmt: skip
    assert [(one.name, one.url) for one in project.repositories] == [
        ("MavenRepo", ""), ("maven", "https://a.example.com/m2"), ("maven", "https://repo.example.com/releases/x"),
        ("maven", "https://b.example.com"), ("Google", ""),
    ]  # fmt: skip
    assert (project.name, project.lock_file) == ("example", tmp_path / "locks" / "gradle.lockfile")
    assert project.plugins == ("java-base", "java", "java-library", "distribution", "application", "maven-publish")
