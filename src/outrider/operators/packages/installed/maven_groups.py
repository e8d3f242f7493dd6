"""Groups of well-known artifacts whose builds leave their coordinates out of their archives, as those with Gradle and Ant do.

The name of such a file has the artifact and the version, as Maven names files. Nothing in it has the group: a manifest may have a vendor,
and this is another name often enough (`com.mysql` for `mysql:mysql-connector-java`). So a group is taken from this table, where an archive
shows what only that artifact does: classes in a folder, or the name of its module. All else is told as not known.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

_NAME = re.compile(
    r"(?P<artifact>[A-Za-z0-9_.-]+?)-(?P<version>[0-9]+(?:\.[0-9A-Za-z_]+)*(?:-(?:[0-9]+|M|RC|SNAPSHOT|alpha|beta|rc)[0-9A-Za-z.]*)?)\.jar"
)
# No file on a disk has a longer one.
_LONGEST = 255


class _Row(NamedTuple):
    """Artifacts of a group.

    Attributes:
        artifact: Their names.
        sign: A folder in which they have classes, or with what the name of their module begins.
        group: Theirs.
        versions: Those that are meant, where others have another group.
    """

    artifact: str
    sign: str
    group: str
    versions: str = ".*"


_SPRING = "aop|aspects|beans|context(?:-indexer|-support)?|core|expression|instrument|jdbc|jms|messaging|orm|oxm|r2dbc|test|tx|web|webflux|webmvc|websocket"
_SECURITY = (
    "access|acl|aspects|cas|config|core|crypto|data|ldap|messaging|oauth2-(?:authorization-server|client|core|jose|resource-server)|openid|remoting"
    "|rsocket|saml2-service-provider|taglibs|test|web"
)
_TOMCAT = "catalina(?:-ha)?|coyote|dbcp|jasper(?:-el)?|jdbc|jni|juli|storeconfig|tribes|util(?:-scan)?|websocket"
_ROWS = (
    _Row(rf"spring-(?:{_SPRING})", "org/springframework/", "org.springframework"),
    _Row("spring-jcl", "spring.jcl", "org.springframework"),
    _Row("spring-boot-starter(?:-.+)?", "spring.boot.starter", "org.springframework.boot"),
    _Row("spring-boot(?:-.+)?", "org/springframework/boot/", "org.springframework.boot"),
    _Row(rf"spring-security-(?:{_SECURITY})", "org/springframework/security/", "org.springframework.security"),
    _Row("spring-(?:amqp|rabbit)", "org/springframework/amqp/", "org.springframework.amqp"),
    _Row("spring-batch-(?:core|infrastructure|integration|test)", "org/springframework/batch/", "org.springframework.batch"),
    _Row("spring-graphql", "org/springframework/graphql/", "org.springframework.graphql"),
    _Row("spring-integration-.+", "org/springframework/integration/", "org.springframework.integration"),
    _Row("spring-kafka", "org/springframework/kafka/", "org.springframework.kafka"),
    _Row("spring-ldap-.+", "org/springframework/ldap/", "org.springframework.ldap"),
    _Row("tomcat-embed-.+", "org/apache/", "org.apache.tomcat.embed"),
    _Row(rf"tomcat-(?:{_TOMCAT})", "org/apache/", "org.apache.tomcat", "(?![0-5][.]).*"),
    _Row("akka-actor_.+", "akka/actor/", "com.typesafe.akka"),
    _Row("asm(?:-(?:analysis|commons|tree|util))?", "org/objectweb/asm/", "org.ow2.asm", "(?![0-3][.]).*"),
    _Row("bc[a-z]+-(?:ext-)?(?:jdk|lts).+", "org/bouncycastle/", "org.bouncycastle"),
    _Row("elasticsearch", "org/elasticsearch/", "org.elasticsearch"),
    _Row("groovy(?:-.+)?", "groovy/", "org.codehaus.groovy", "[23][.].*"),
    _Row("groovy(?:-.+)?", "groovy/", "org.apache.groovy", "[4-9][.].*"),
    _Row("grpc-.+", "io/grpc/", "io.grpc"),
    _Row("h2", "org/h2/", "com.h2database"),
    _Row("hibernate-core", "org/hibernate/", "org.hibernate", "[0-5][.].*"),
    _Row("hibernate-core", "org/hibernate/", "org.hibernate.orm"),
    _Row("jna(?:-platform)?", "com/sun/jna/", "net.java.dev.jna"),
    _Row("json-path", "com/jayway/jsonpath/", "com.jayway.jsonpath"),
    _Row("kafka-(?:clients|streams)", "org/apache/kafka/", "org.apache.kafka"),
    _Row("kotlin-(?:reflect|stdlib(?:-common|-jdk7|-jdk8)?)", "kotlin/", "org.jetbrains.kotlin"),
    _Row("lucene-.+", "org/apache/lucene/", "org.apache.lucene"),
    _Row("micrometer-.+", "io/micrometer/", "io.micrometer"),
    _Row("mongodb-driver-.+", "com/mongodb/", "org.mongodb"),
    _Row("mysql-connector-java", "com/mysql/", "mysql"),
    _Row("mysql-connector-j", "com/mysql/", "com.mysql"),
    _Row("okhttp", "okhttp3/", "com.squareup.okhttp3"),
    _Row("okio(?:-jvm)?", "okio/", "com.squareup.okio"),
    _Row("poi(?:-.+)?", "org/apache/poi/", "org.apache.poi", "(?![0-2][.]).*"),
    _Row("postgresql", "org/postgresql/", "org.postgresql", "(?:9[.][2-4]|4[2-9])[.-].*"),
    _Row("reactor-core", "reactor/core/", "io.projectreactor"),
    _Row("reactor-netty(?:-core|-http|-http-brave)?", "reactor/netty/", "io.projectreactor.netty"),
    _Row("scala-library", "scala/", "org.scala-lang"),
    _Row("solr-.+", "org/apache/solr/", "org.apache.solr"),
    _Row("xalan", "org/apache/xalan/", "xalan"),
    _Row("xercesImpl", "org/apache/xerces/", "xerces"),
    _Row("xmlbeans", "org/apache/xmlbeans/", "org.apache.xmlbeans", "[3-9][.].*"),
    _Row("xz", "org/tukaani/xz/", "org.tukaani"),
    _Row("zstd-jni", "com/github/luben/zstd/", "com.github.luben"),
)  # fmt: skip


def known(name: str, files: Collection[str], module: str) -> tuple[str, str] | None:
    """Return the name and the version of a well-known artifact; None where an archive is none of them.

    Args:
        name: Of the archive.
        files: The names of what is in it.
        module: The name of its module, as its manifest says; may be empty.
    """
    match = _NAME.fullmatch(name) if len(name) <= _LONGEST else None
    if match is None:
        return None
    artifact, version = match["artifact"], match["version"]
    for row in _ROWS:
        if re.fullmatch(row.artifact, artifact) and re.fullmatch(row.versions, version):
            is_shown = any(one.startswith(row.sign) and one.endswith(".class") for one in files)
            return (f"{row.group}:{artifact}", version) if is_shown or module.startswith(row.sign) else None
    return None
