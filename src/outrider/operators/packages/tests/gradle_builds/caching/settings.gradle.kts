rootProject.name = "caching"
enableFeaturePreview("STABLE_CONFIGURATION_CACHE")
enableFeaturePreview("TYPESAFE_PROJECT_ACCESSORS")
include(":caching-core", ":guava-adapter")
include(":examples:hand-rolled")
