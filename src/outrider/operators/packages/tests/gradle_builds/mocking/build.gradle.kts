plugins {
    base
    alias(libs.plugins.nexus) apply false
    alias(libs.plugins.animalsniffer) apply false
}

allprojects {
    group = "org.example.mocking"
    version = "5.9.0"
}

subprojects {
    if (name != "mocking-bom") {
        tasks.withType<Test>().configureEach { useJUnitPlatform() }
    }
}
