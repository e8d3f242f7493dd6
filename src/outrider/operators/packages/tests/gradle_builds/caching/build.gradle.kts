allprojects {
    apply(plugin = "java-library")
    apply { plugin("maven-publish") }

    repositories {
        mavenCentral()
    }
    configure<JavaPluginExtension> {
        withSourcesJar()
        toolchain.languageVersion.set(JavaLanguageVersion.of(17))
    }
    dependencyLocking {
        lockAllConfigurations()
        lockMode.set(LockMode.STRICT)
        ignoredDependencies.add("com.google.errorprone:*")
    }
    configurations.all {
        resolutionStrategy {
            force("org.checkerframework:checker-qual:" + property("checkerVersion"))
            cacheChangingModulesFor(0, "seconds")
        }
        exclude(group = "org.codehaus.mojo", module = "animal-sniffer-annotations")
    }
    configure<PublishingExtension> {
        repositories { maven { url = uri("https://s.example.com") } }
    }
}
