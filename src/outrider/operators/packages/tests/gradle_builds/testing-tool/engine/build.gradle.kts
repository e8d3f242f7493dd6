plugins {
    id("java-library")
    id("java-test-not-fixtures") apply false
}
dependencies {
    api(project(":api"))
    api(platform(project(":bom")))
    implementation("org.opentest4j:opentest4j")
}
java.sourceCompatibility = JavaVersion.VERSION_17
