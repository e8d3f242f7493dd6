plugins {
    java
    `maven-publish`
}

val pluginVersion: String by project
val minecraftVersion = providers.gradleProperty("minecraftVersion").get()
val vault = "1.7"

group = "com.example.plugin"
version = pluginVersion
description = "A plugin of a game"

repositories {
    mavenCentral()
    maven("https://papermc.example.com/repository/maven-public/")
    maven("https://oss.example.com/groups/public/") {
        name = "oss"
    }
    maven {
        name = "vault"
        url = uri("https://jitpack.example.com")
    }
}

dependencies {
    compileOnly("io.papermc.paper:paper-api:$minecraftVersion-R0.1-SNAPSHOT")
    compileOnly("com.github.MilkBowl:VaultAPI:$vault") { isTransitive = false }
    compileOnly(group = "me.clip", name = "placeholderapi", version = "2.11.5")
    implementation("com.zaxxer:HikariCP:5.1.0") {
        exclude(group = "org.slf4j")
    }
    implementation("org.bstats:bstats-bukkit:3.0.2")
    testImplementation("org.junit.jupiter:junit-jupiter:5.10.1")
    testImplementation("com.github.seeseemelk:MockBukkit-v1.20:3.58.0")
    compileOnly(fileTree("libs") { include("*.jar") })
}

java {
    toolchain.languageVersion.set(JavaLanguageVersion.of(21))
    withSourcesJar()
}

tasks {
    compileJava {
        options.encoding = Charsets.UTF_8.name()
        options.compilerArgs.add("-parameters")
    }
    processResources {
        val props = mapOf("version" to version)
        inputs.properties(props)
        filteringCharset = "UTF-8"
        filesMatching("plugin.yml") {
            expand(props)
        }
    }
    test { useJUnitPlatform() }
    wrapper { distributionType = Wrapper.DistributionType.ALL }
}

dependencyLocking { lockAllConfigurations() }
