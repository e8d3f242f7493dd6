val checkerVersion: String by project
val errorProne = "2.24.1"
val testLibraries = listOf("com.google.truth:truth:1.2.0", "org.awaitility:awaitility:4.2.0")
val hamcrest = mapOf("group" to "org.hamcrest", "name" to "hamcrest", "version" to "2.2")

dependencies {
    api("org.checkerframework:checker-qual:$checkerVersion")
    api("com.google.errorprone:error_prone_annotations:$errorProne")
    testImplementation("com.google.guava:guava") {
        version { require("33.0.0-jre") }
        isTransitive = false
    }
    testImplementation("org.eclipse.collections:eclipse-collections-testutils:11.1.0") {
        exclude(group = "org.junit.jupiter")
        exclude(module = "junit-vintage-engine")
    }
    testImplementation(testLibraries[0])
    testImplementation(testLibraries[1])
    testImplementation(hamcrest)
    testRuntimeOnly("org.slf4j", "slf4j-nop", "2.0.9")
}
tasks.named<JavaCompile>("compileJava") {
    options.encoding = "UTF-8"
}
