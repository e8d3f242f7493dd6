val versions by extra {
    mapOf("opentest4j" to "1.3.0", "apiguardian" to "1.1.2")
}
extra["assertj"] = "3.25.1"
extra.set("logback", "1.4.14")

subprojects {
    group = "org.example.testing"
    version = "1.10.2"
    repositories { mavenCentral() }
    plugins.withId("java-library") {
        dependencies {
            "testImplementation"("org.assertj:assertj-core:${rootProject.extra["assertj"]}")
        }
        configurations.named("testRuntimeClasspath") {
            resolutionStrategy.activateDependencyLocking()
        }
    }
}
project(":api") {
    apply(plugin = "java-library")
}
