// 1. Plugins
plugins {
    java
    `maven-publish`
    application
}

// 2. Group, version and properties
group = "com.example.commons"
version = "1.0.0-alpha"

val fxVersion by extra("21.0.1")
val where by extra(findProperty("localPath")
    ?: System.getenv("LOCAL_REPO")
    ?: "${System.getProperty("user.home")}/.m2/repository")

java {
    toolchain {
        languageVersion.set(JavaLanguageVersion.of(21))
    }
    withJavadocJar()
    withSourcesJar()
}

repositories {
    mavenCentral()
    maven {
        name = "Repsy"
        url = uri("https://repo.example.com/mvn/public")
    }
}

dependencies {
    implementation("org.jetbrains:annotations:24.1.0")
    implementation("org.apache.commons:commons-lang3:3.14.0")
    implementation("de.svenkubiak:jBCrypt:0.4.3")
    implementation("org.openjfx:javafx-fxml:$fxVersion")
    implementation("org.openjfx:javafx-web:$fxVersion")

    implementation("org.projectlombok:lombok:1.18.30")
    annotationProcessor("org.projectlombok:lombok:1.18.30")

    testImplementation("org.assertj:assertj-core:4.0.0-M1")
    testImplementation("org.mockito:mockito-junit-jupiter:5.8.0")
}

tasks.test {
    useJUnitPlatform()
    jvmArgs(
        "--add-exports=javafx.graphics/com.sun.javafx.application=ALL-UNNAMED",
        "--add-opens=javafx.graphics/javafx.stage=ALL-UNNAMED"
    )
}

publishing {
    publications {
        create<MavenPublication>("mavenJava") {
            from(components["java"])
            groupId = "com.example.commons"
            version = "1.0.0-alpha"
            pom { name.set("Commons") }
        }
    }
    repositories {
        maven {
            name = "localMaven"
            url = uri("$where")
        }
    }
}

tasks.register("mavenInstall") {
    group = "publishing"
    description = "Installs to $where"
    dependsOn("publishMavenJavaPublicationToLocalMavenRepository")
}

tasks.withType<JavaCompile>().configureEach {
    options.compilerArgs.addAll(listOf("-Xlint:unchecked", "-parameters"))
    options.isDeprecation = true
}

tasks.withType<Javadoc>().configureEach {
    (options as? StandardJavadocDocletOptions)?.apply {
        tags("implNote:a:Implementation Note:")
    }
}

configurations {
    compileClasspath { resolutionStrategy.activateDependencyLocking() }
    runtimeClasspath { resolutionStrategy.activateDependencyLocking() }
}
