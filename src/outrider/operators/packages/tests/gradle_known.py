"""Builds of modules that are well known, in versions from several years, as people combine them."""

from random import Random

_MODULES = """
ch.qos.logback:logback-classic 1.5.6 1.2.13
com.fasterxml.jackson.core:jackson-databind 2.17.1 2.13.4 2.9.10
com.fasterxml.jackson.dataformat:jackson-dataformat-yaml 2.15.2 2.16.0
com.fasterxml.jackson.module:jackson-module-kotlin 2.17.0 2.12.3
com.google.dagger:dagger 2.51.1
com.google.guava:guava 33.0.0-jre 32.1.3-jre 31.1-android 30.1-jre 20.0
com.google.protobuf:protobuf-java 3.25.3 4.26.1
com.squareup.moshi:moshi-kotlin 1.15.1
com.squareup.okhttp3:okhttp 4.12.0 4.9.3 3.14.9
com.squareup.retrofit2:retrofit 2.9.0 2.11.0
com.zaxxer:HikariCP 5.1.0
commons-io:commons-io 2.16.1
io.grpc:grpc-netty-shaded 1.63.0 1.50.0
io.ktor:ktor-server-netty 2.3.10
io.micrometer:micrometer-core 1.12.5
io.projectreactor:reactor-core 3.6.5
net.bytebuddy:byte-buddy 1.14.13
org.apache.commons:commons-lang3 3.14.0
org.apache.httpcomponents.client5:httpclient5 5.3.1
org.apache.kafka:kafka-clients 3.7.0
org.apache.logging.log4j:log4j-core 2.23.1 2.17.1
org.apache.lucene:lucene-core 9.10.0
org.assertj:assertj-core 3.25.3
org.eclipse.jetty:jetty-server 11.0.20
org.flywaydb:flyway-core 10.11.0
org.hibernate.orm:hibernate-core 6.4.4.Final 6.2.0.Final
org.jetbrains.kotlin:kotlin-stdlib 1.9.23 1.7.10
org.jetbrains.kotlinx:kotlinx-coroutines-core 1.8.0 1.6.4
org.jetbrains.kotlinx:kotlinx-serialization-json 1.6.3
org.junit.jupiter:junit-jupiter 5.10.2 5.8.2
org.mapstruct:mapstruct 1.5.5.Final
org.mockito:mockito-core 5.11.0 4.11.0
org.mongodb:mongodb-driver-sync 5.0.1
org.postgresql:postgresql 42.7.3
org.projectlombok:lombok 1.18.32
org.slf4j:slf4j-api 2.0.13 1.7.36
org.springframework.boot:spring-boot-starter-test 3.2.5 2.7.18
org.springframework.boot:spring-boot-starter-web 3.2.5 2.7.18
org.springframework:spring-context 6.1.6 5.3.30
org.testcontainers:postgresql 1.19.7
redis.clients:jedis 5.1.2
"""
_PLATFORMS = """
com.fasterxml.jackson:jackson-bom 2.17.1 2.15.2
com.squareup.okhttp3:okhttp-bom 4.12.0
io.grpc:grpc-bom 1.60.0
io.netty:netty-bom 4.1.100.Final
org.jetbrains.kotlin:kotlin-bom 1.9.23
org.junit:junit-bom 5.10.2
org.springframework.boot:spring-boot-dependencies 3.2.5 2.7.18
org.testcontainers:testcontainers-bom 1.19.7
"""
_CONFIGURATIONS = (
    "implementation", "implementation", "implementation", "api", "compileOnly", "runtimeOnly", "testImplementation",
    "annotationProcessor", "testRuntimeOnly",
)  # fmt: skip


def drawn(seed: int) -> list[str]:
    """Return what a build declares, drawn by chance."""
    random = Random(seed)
    lines = [
        f"{random.choice(_CONFIGURATIONS)} '{_one(random, _MODULES)}'" for _ in range(random.choice((1, 2, 3, 4, 6)))
    ]
    for _ in range(random.choice((0, 0, 1, 2))):
        kind = random.choice(("platform", "platform", "enforcedPlatform"))
        configuration = random.choice(("implementation", "api", "testImplementation"))
        lines.append(f"{configuration} {kind}('{_one(random, _PLATFORMS)}')")
    if random.random() < 0.3:
        lines.append(f"constraints {{ implementation '{_one(random, _MODULES)}' }}")
    return lines


def _one(random: Random, table: str) -> str:
    name, *versions = random.choice(table.strip().splitlines()).split()
    return f"{name}:{random.choice(versions)}"
