"""What the tools of languages have installed, and what they list themselves."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.distributions.folders import FolderRoot
from outrider.operators.packages.distributions.inventories import inventories
from outrider.operators.packages.installed.maven_groups import _ROWS
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.tests.composer_archives import manifest
from outrider.operators.packages.tests.composer_native import NativeComposer, needs_composer
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.root_files import DEBIAN, made
from outrider.operators.packages.tests.test_root_peers import run
from tests.peers.cargo_auditable import cargo_auditable

pytestmark = pytest.mark.real
OLD = 'from setuptools import setup\nsetup(name="Old_Thing", version="1.5", zip_safe=False, py_modules=["thing"])\n'
# One at least of each group that archives do not say themselves, and some that do.
_LISTED = """
    com.fasterxml.jackson.core:jackson-databind:2.13.2 com.github.luben:zstd-jni:1.5.5-5 com.h2database:h2:2.1.212
    com.jayway.jsonpath:json-path:2.7.0 com.mysql:mysql-connector-j:8.0.33 com.squareup.okhttp3:okhttp:3.14.9
    com.squareup.okhttp3:okhttp:4.9.1 com.squareup.okio:okio:2.8.0 com.typesafe.akka:akka-actor_2.13:2.6.19
    io.grpc:grpc-core:1.52.0 io.micrometer:micrometer-core:1.9.0 io.netty:netty-handler:4.1.70.Final
    io.projectreactor.netty:reactor-netty-http:1.0.19 io.projectreactor:reactor-core:3.4.18 log4j:log4j:1.2.17
    mysql:mysql-connector-java:8.0.28 net.java.dev.jna:jna:5.12.1 org.apache.groovy:groovy:4.0.6
    org.apache.kafka:kafka-clients:3.3.1 org.apache.lucene:lucene-core:9.4.0 org.apache.poi:poi:4.1.2
    org.apache.poi:poi-ooxml:5.2.2 org.apache.solr:solr-core:8.11.1 org.apache.tomcat.embed:tomcat-embed-core:8.5.50
    org.apache.tomcat.embed:tomcat-embed-core:10.1.16 org.apache.tomcat:tomcat-catalina:9.0.50 org.apache.tomcat:tomcat-util:10.1.16
    org.apache.xmlbeans:xmlbeans:3.1.0 org.bouncycastle:bcpkix-jdk15on:1.66 org.bouncycastle:bcprov-jdk18on:1.77
    org.codehaus.groovy:groovy:3.0.9 org.elasticsearch:elasticsearch:7.17.0 org.hibernate.orm:hibernate-core:6.2.0.Final
    org.hibernate:hibernate-core:5.6.15.Final org.jetbrains.kotlin:kotlin-reflect:1.6.10 org.jetbrains.kotlin:kotlin-stdlib:1.9.20
    org.mongodb:mongodb-driver-core:4.6.0 org.ow2.asm:asm-commons:7.0 org.ow2.asm:asm:9.6 org.postgresql:postgresql:42.3.3
    org.scala-lang:scala-library:2.13.8 org.springframework.amqp:spring-amqp:2.4.10 org.springframework.batch:spring-batch-core:4.3.6
    org.springframework.boot:spring-boot-starter-web:2.7.0 org.springframework.boot:spring-boot:3.2.0
    org.springframework.graphql:spring-graphql:1.2.0 org.springframework.integration:spring-integration-core:5.5.12
    org.springframework.kafka:spring-kafka:2.8.5 org.springframework.ldap:spring-ldap-core:2.4.0
    org.springframework.security:spring-security-web:6.2.0 org.springframework:spring-core:4.3.30.RELEASE
    org.springframework:spring-jcl:5.3.20 org.springframework:spring-web:6.2.0 org.tukaani:xz:1.9 xalan:xalan:2.7.2
    xerces:xercesImpl:2.12.0
"""
ARTIFACTS = tuple(_LISTED.split())
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>com.acme</groupId><artifactId>shop</artifactId><version>1.0</version>{}</project>"""


def found(root: Path) -> list[tuple[str, LockedPackage]]:
    """Return what is told of packages of languages, by the place in the root."""
    made(root, {"etc/os-release": DEBIAN})
    locks = inventories(FolderRoot(root), "root")
    return [(path.removeprefix("root/"), one) for path, lock in locks for one in lock.packages if one.packed is None]


def test_python_has_what_pip_lists(tmp_path: Path) -> None:
    root, project = tmp_path / "root", made(tmp_path / "old", {"setup.py": OLD, "thing.py": ""})
    subprocess.run([sys.executable, "-m", "venv", str(root / "opt" / "venv")], check=True)
    python = str(root / "opt" / "venv" / "bin" / "python")
    run(
        python,
        "-m",
        "pip",
        "--quiet",
        "install",
        "flask==2.2.0",
        "requests",
        "zope.interface",
        "ruamel.yaml",
        "setuptools==65.5.0",
    )
    run(python, "setup.py", "--quiet", "install", folder=project)
    said = json.loads(run(python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
    # pip tells what easy_install has put there twice.
    assert {(one.name, one.version) for _, one in found(root)} == {
        (normalised(one["name"]), one["version"]) for one in said
    }
    assert len(said) > 12


def test_node_modules_has_what_npm_lists(tmp_path: Path) -> None:
    root = tmp_path / "root"
    project = made(root / "srv", {"package.json": '{"name": "shop", "version": "1.0.0"}'})
    run(
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--silent",
        "express@4.17.1",
        "webpack@5",
        "@babel/core@7",
        "resolve@1",
        "lodash@4.17.20",
        folder=project,
    )
    lines = [
        line.split(":") for line in run("npm", "ls", "--all", "--parseable", "--long", folder=project).splitlines()[1:]
    ]
    said = {(f"{Path(path).relative_to(root)}/package.json", name) for path, name, *_ in lines}
    assert {(path, f"{one.name}@{one.version}") for path, one in found(root)} == said
    assert len(said) > 100


@pytest.mark.parametrize("seed", range(5))
def test_gems_are_those_that_rubygems_lists(tmp_path: Path, seed: int) -> None:
    random, folder = Random(seed), tmp_path / "root" / "usr" / "local" / "gems"
    for number in range(6):
        version = f"{random.randrange(9)}.{random.randrange(9)}{random.choice(['', '.pre.1', '.a'])}"
        platform = random.choice(["ruby", "ruby", "x86_64-linux"])
        gem = GemFile(
            name=random.choice(["acme-web", "acme_core", "w"]) + str(number % 4), version=version, platform=platform
        )
        made(tmp_path, {f"{gem.full_name}.gem": gem.packed()})
        run(
            "gem",
            "install",
            "--quiet",
            "--local",
            "--force",
            "--no-document",
            "--install-dir",
            str(folder),
            f"{gem.full_name}.gem",
            folder=tmp_path,
        )
    listed = subprocess.run(
        ["gem", "list", "--local", "--quiet"], capture_output=True, text=True, check=True, env={**os.environ, "GEM_HOME": str(folder), "GEM_PATH": str(folder)}
    ).stdout  # fmt: skip
    lines = [
        match.groups() for line in listed.splitlines() if (match := re.fullmatch(r"(\S+) \((?!default)(.*)\)", line))
    ]
    said = {(name, one.split(" ")[0]) for name, versions in lines for one in versions.split(", ")}
    assert {(one.name, one.version) for _, one in found(tmp_path / "root")} == said
    assert len(said) > 3


@needs_composer
def test_vendor_has_what_composer_shows(tmp_path: Path) -> None:
    native = NativeComposer(tmp_path)
    for number in range(12):
        needs = {f"acme/p{number - 1}": "*"} if number else {}
        package = manifest(f"acme/p{number}", f"{number}.{number}.0", require=needs)
        made(tmp_path / "packages" / str(number), {"composer.json": json.dumps(package), "it.php": ""})
    repository = {"type": "path", "url": str(tmp_path / "packages" / "*"), "options": {"symlink": False}}
    project = native.project(
        repository, name="acme/shop", require={"acme/p9": "*"}, **{"require-dev": {"acme/p11": "*"}}
    )
    folder = made(tmp_path / "root" / "srv", {"composer.json": json.dumps(project)})
    assert native.run(folder, "update", "--no-audit", "--quiet").returncode == 0
    said = json.loads(native.run(folder, "show", "--format=json").stdout)["installed"]
    ours = found(tmp_path / "root")
    assert {(one.name, one.version) for _, one in ours} == {(one["name"], one["version"]) for one in said}
    assert [one.name for _, one in ours if one.development] == ["acme/p10", "acme/p11"]
    assert {path for path, _ in ours} == {"srv/vendor/composer/installed.json"}


@pytest.mark.timeout(900)
def test_archives_of_java_are_the_artifacts_that_maven_fetches(tmp_path: Path) -> None:
    assert {one.split(":")[0] for one in ARTIFACTS} >= {row.group for row in _ROWS}
    fields = ("groupId", "artifactId", "version")
    items = [
        f"<artifactItem>{''.join(f'<{field}>{text}</{field}>' for field, text in zip(fields, one.split(':'), strict=True))}</artifactItem>"
        for one in ARTIFACTS
    ]
    plugin = "<groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.6.0</version>"
    build = f"<packaging>pom</packaging><build><plugins><plugin>{plugin}<configuration><outputDirectory>root/opt</outputDirectory><artifactItems>{''.join(items)}</artifactItems></configuration></plugin></plugins></build>"
    made(tmp_path, {"pom.xml": POM.format(build)})
    run("mvn", "--quiet", "--batch-mode", "dependency:copy", folder=tmp_path)
    ours = {(path.removeprefix("opt/"), f"{one.name}:{one.version}") for path, one in found(tmp_path / "root")}
    said = {("-".join(one.split(":")[1:]) + ".jar", one) for one in ARTIFACTS}
    # What was shaded into some of them is told as well, and log4j 1 says nothing of itself.
    assert {one for one in said if one not in ours} <= {("log4j-1.2.17.jar", "log4j:log4j:1.2.17")}
    assert not {
        (path, one) for path, one in ours - said if path.startswith(one.split(":")[1]) and path not in dict(said)
    }


@pytest.mark.timeout(900)
def test_an_archive_of_spring_boot_has_what_maven_has_put_into_it(tmp_path: Path) -> None:
    needs = [
        "org.springframework.boot:spring-boot-starter-web:2.7.0",
        "com.google.guava:guava:31.0-jre",
        "org.apache.logging.log4j:log4j-core:2.14.1",
    ]
    fields = ("groupId", "artifactId", "version")
    rows = [
        f"<dependency>{''.join(f'<{field}>{text}</{field}>' for field, text in zip(fields, one.split(':'), strict=True))}</dependency>"
        for one in needs
    ]
    java = "<properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target></properties>"
    main = "package a; public class A { public static void main(String[] given) {} }"
    project = made(
        tmp_path / "shop",
        {"pom.xml": POM.format(f"{java}<dependencies>{''.join(rows)}</dependencies>"), "src/main/java/a/A.java": main},
    )
    boot = "org.springframework.boot:spring-boot-maven-plugin:2.7.0:repackage"
    run("mvn", "--quiet", "--batch-mode", "package", boot, "dependency:list", "-DoutputFile=list.txt", folder=project)
    said = {
        f"{match[1]}:{match[2]}"
        for match in re.finditer(
            r"^ +(\S+:\S+):jar:(\S+):(?:compile|runtime)", (project / "list.txt").read_text(), re.MULTILINE
        )
    }
    made(tmp_path / "root", {"opt/shop.jar": (project / "target" / "shop-1.0.jar").read_bytes()})
    ours = {
        f"{one.name}:{one.version}"
        for path, one in found(tmp_path / "root")
        if path.startswith("opt/shop.jar!/BOOT-INF/lib/")
    }
    # Starters bring nothing themselves, and are left out; the loader's own tools come in.
    missing = {one for one in said - ours if "starter" not in one}
    assert {one.split(":")[1] for one in missing} == {"checker-qual"}
    assert {one.split(":")[1] for one in ours - said} <= {"spring-boot-jarmode-layertools"}
    assert len(ours & said) > 20


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_programs_of_rust_have_the_crates_that_cargo_has_built_in(tmp_path: Path) -> None:
    manifest = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nserde_json = "1"\n[build-dependencies]\ncc = "1"\n'
    project = made(
        tmp_path / "shop", {"Cargo.toml": manifest, "src/main.rs": "fn main() {}", "build.rs": "fn main() {}"}
    )
    path = f"{cargo_auditable()}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["cargo", "auditable", "build", "--quiet"], cwd=project, check=True, env={**os.environ, "PATH": path}
    )
    tree = run("cargo", "tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", folder=project)
    said = {
        (name, version.removeprefix("v"))
        for name, version, *_ in (line.split(" ") for line in tree.splitlines() if line)
    }
    target = tmp_path / "root" / "usr" / "bin"
    target.mkdir(parents=True)
    shutil.copy(project / "target" / "debug" / "shop", target)
    assert {(one.name, one.version) for _, one in found(tmp_path / "root")} == said
    assert len(said) > 4


def test_what_dpkg_has_packed_is_left_to_it(tmp_path: Path) -> None:
    folders = [
        Path("/usr/lib/python3/dist-packages"),
        Path("/usr/lib/ruby"),
        Path("/usr/share/rubygems-integration"),
        Path("/usr/share/nodejs"),
    ]
    root = made(
        tmp_path / "root", {"etc/os-release": DEBIAN, "srv/own-1.dist-info/METADATA": "Name: own\nVersion: 1\n"}
    )
    for folder in folders:
        if folder.is_dir():
            shutil.copytree(folder, root / folder.relative_to("/"), symlinks=True)
    (root / "var" / "lib").mkdir(parents=True)
    told = {path for path, _ in found(root)}
    shutil.copytree(
        "/var/lib/dpkg", root / "var" / "lib" / "dpkg", ignore=lambda folder, names: {"lock", "lock-frontend"}
    )
    answer = subprocess.run(
        ["dpkg-query", "--search", *(f"/{path}" for path in told)], capture_output=True, text=True, check=False
    ).stdout
    said = {line.rpartition(": ")[2].lstrip("/") for line in answer.splitlines()}
    assert {path for path, _ in found(root)} == told - said
    assert "srv/own-1.dist-info/METADATA" in told - said
    assert len(said) > 5
