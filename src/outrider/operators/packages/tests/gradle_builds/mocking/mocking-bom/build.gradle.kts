plugins {
    `java-platform`
}
dependencies {
    constraints {
        api(libs.objenesis)
        api("org.mockito:mockito-core:5.8.0")
    }
}
