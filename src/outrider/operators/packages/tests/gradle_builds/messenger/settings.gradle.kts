rootProject.name = "messenger"

dependencyResolutionManagement {
    repositories {
        maven {
            url = uri("https://b.example.com/releases")
        }
        mavenCentral()
    }
}

include("libmessenger")
