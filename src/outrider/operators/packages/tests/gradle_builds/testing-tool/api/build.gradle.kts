val logback: String by rootProject.extra
dependencies {
    "api"("org.opentest4j:opentest4j:1.3.0")
    "compileOnlyApi"("org.apiguardian:apiguardian-api:1.1.2")
    "testRuntimeOnly"("ch.qos.logback:logback-classic:$logback")
}
