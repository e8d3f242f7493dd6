plugins { `java-library` }
dependencies {
    api(project(":mocking-core"))
    testImplementation(project(":mocking-core")) { isTransitive = false }
    testImplementation(libs.junit4) { isTransitive = false }
}
