plugins {
    id("com.gradle.develocity") version "3.17"
    id("org.gradle.toolchains.foojay-resolver-convention") version "0.8.0"
}

develocity {
    buildScan { termsOfUseAgree.set("yes"); publishing { onlyIf { System.getenv("CI") != null } } }
}

dependencyResolutionManagement {
    repositories {
        mavenCentral()
    }
}

include("inline",
    "mocking-core")
include(":mocking-bom")

rootProject.name = "mocking"

val isFast = System.getenv("FAST") == "1"
