pluginManagement {
    includeBuild("gradle/plugins")
    repositories { gradlePluginPortal() }
}
rootProject.name = "testing-tool"
include("api")
include("engine")
include("bom")
