plugins {
    application
}
application {
    mainClass.set("com.example.Main")
}
dependencies {
    implementation(projects.guavaAdapter)
    runtimeOnly("org.slf4j:slf4j-simple:2.0.9")
}
