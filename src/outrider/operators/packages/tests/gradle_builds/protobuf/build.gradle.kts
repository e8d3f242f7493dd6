plugins {
    java
    application
}

dependencyLocking {
    lockAllConfigurations()
}

repositories {
    mavenCentral()
}

dependencies {
    implementation("com.google.protobuf:protobuf-java:3.25.1")
}

application {
    mainClass.set("TestProtobuf")
}
