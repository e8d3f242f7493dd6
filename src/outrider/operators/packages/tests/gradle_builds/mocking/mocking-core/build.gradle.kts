import org.gradle.api.tasks.testing.logging.TestExceptionFormat.FULL
import org.gradle.api.tasks.testing.logging.TestLogEvent

plugins {
    `java-library`
    `maven-publish`
}

description = "Core of the library"

java {
    toolchain {
        languageVersion = JavaLanguageVersion.of(libs.versions.java.get())
    }
}

configurations.configureEach {
    resolutionStrategy.activateDependencyLocking()
}

dependencies {
    api(libs.bundles.buddies)

    compileOnly(libs.junit4)
    compileOnly(libs.hamcrest)
    compileOnly(libs.opentest4j)

    implementation(libs.objenesis)

    testImplementation(platform(libs.junit.bom))
    testImplementation(libs.assertj) {
        exclude("net.bytebuddy", "byte-buddy")
    }
    testImplementation(libs.junit.jupiter.api) { because("it is what tests are written with") }
    testRuntimeOnly(libs.junit.jupiter.engine)
    testRuntimeOnly(libs.junit.platform.launcher)
    testImplementation("com.google.errorprone:error_prone_annotations:${libs.versions.errorprone.get()}")
}

tasks {
    javadoc {
        (options as StandardJavadocDocletOptions).apply {
            addBooleanOption("-allow-script-in-comments", true)
            links("https://docs.example.com/javase/11/docs/api/")
        }
    }
    jar {
        manifest {
            attributes(
                "Automatic-Module-Name" to "org.example.mocking",
                "Export-Package" to """
                    org.example.mocking.internal.*;status=INTERNAL,
                    org.example.mocking.*;version=${'$'}{version}
                """.trimIndent()
            )
        }
    }
    test {
        maxHeapSize = "256m"
        testLogging {
            exceptionFormat = FULL
            events(TestLogEvent.FAILED)
        }
    }
    register<Zip>("allJars") {
        from(configurations.runtimeClasspath.get().filter { it.name.endsWith(".jar") })
        archiveClassifier.set("all")
    }
}

publishing {
    publications {
        create<MavenPublication>("javaLibrary") {
            from(components["java"])
            pom {
                name.set(artifactId)
                withXml {
                    asNode().appendNode("url", "https://example.com")
                }
            }
        }
    }
}
