dependencies {
    api(projects.cachingCore)
    api("com.google.guava:guava:33.0.0-jre")
    testImplementation(projects.cachingCore)
}
