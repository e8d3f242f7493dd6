"""What files of a root tell of packages of languages, each kind by itself."""

import io
import json
import struct
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.operators.packages.installed import cargo, finding, maven, zips
from outrider.operators.packages.installed.finding import Told, is_told_by_name, read_installed
from outrider.operators.packages.tests.root_files import elf, jar, program

SITE = "usr/lib/python3.12/site-packages"
GEMSPEC = '# -*- encoding: utf-8 -*-\n# stub: rack 2.2.3 ruby lib\n\nGem::Specification.new do |s|\n  s.name = "rack".freeze\n  s.version = "2.2.3"\n  s.licenses = ["MIT".freeze]\nend\n'
OLD_GEMSPEC = 'Gem::Specification.new do |s|\n  s.name = %q{rack}\n  s.version = "2.2.3"\n  s.name = "rack"\nend\n'
DEPS = {
    "targets": {"net8.0": {"Shop/1.0.0": {"dependencies": {"Serilog": "2.0.0"}}, "Serilog/2.0.0": {"dependencies": {"Other.Thing": "1"}}}},
    "libraries": {
        "Shop/1.0.0": {"type": "project"}, "Serilog/2.0.0": {"type": "package"}, "Other.Thing/1.2.3": {"type": "package"},
        "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "runtimepack"},
    },
}  # fmt: skip
INSTALLED = {
    "packages": [
        {"name": "Acme/Web", "version": "v1.2.0", "dist": {"type": "zip"}, "license": ["MIT"], "require": {"php": ">=8", "acme/core": "^1"}},
        {"name": "acme/tests", "version": "2.0.0", "dist": {"type": "zip"}},
    ],
    "dev-package-names": ["acme/tests"],
}  # fmt: skip


def read(path: str, content: str | bytes | dict[str, Any] | list[Any]) -> list[Told]:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    return read_installed(path, io.BytesIO(text.encode() if isinstance(text, str) else text))


def named(told: list[Told]) -> list[str]:
    return [f"{one.ecosystem} {one.name} {one.version}" for each in told for one in each.lock.packages]


def unreadable(told: list[Told]) -> list[str]:
    return [one for each in told for one in each.lock.unreadable]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{SITE}/web-1.0.dist-info/METADATA", True),
        (f"{SITE}/web-1.0.egg-info", True),
        (f"{SITE}/web-1.0.egg-info/PKG-INFO", True),
        (f"{SITE}/web-1.0.egg/EGG-INFO/PKG-INFO", True),
        (f"{SITE}/~eb-1.0.dist-info/METADATA", False),
        (f"{SITE}/web-1.0.dist-info/licenses/METADATA", False),
        ("srv/node_modules/web/package.json", True),
        ("node_modules/@acme/web/package.json", True),
        ("srv/node_modules/.pnpm/web@1.0.0/node_modules/web/package.json", True),
        ("srv/node_modules/web/dist/package.json", False),
        ("srv/node_modules/.bin/package.json", False),
        ("srv/node_modules/@acme/package.json", False),
        ("srv/package.json", False),
        ("var/lib/gems/3.1.0/specifications/rack-2.2.3.gemspec", True),
        ("usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec", True),
        ("srv/rack/rack.gemspec", False),
        ("srv/vendor/composer/installed.json", True),
        ("srv/vendor/acme/web/installed.json", False),
        ("srv/Shop.deps.json", True),
        ("opt/shop/SHOP.WAR", True),
        ("opt/shop/shop.jar.txt", False),
    ],
)
def test_where_packages_tell_of_themselves(path: str, expected: bool) -> None:
    assert is_told_by_name(path) is expected


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (
            f"{SITE}/Acme_Web-1.0.dist-info/METADATA",
            "Metadata-Version: 2.4\r\nName: Acme_Web\r\nVersion: 1.0\r\n\r\nName: other",
            ["pypi acme-web 1.0"],
        ),
        (f"{SITE}/web.egg-info", "Metadata-Version: 1.0\nName: web\nVersion: 1.0", ["pypi web 1.0"]),
        ("node_modules/old/package.json", {"name": "@acme/web", "version": "1.0.0"}, ["npm @acme/web 1.0.0"]),
        ("x/specifications/rack-2.2.3.gemspec", GEMSPEC, ["gem rack 2.2.3"]),
        ("x/specifications/rack-2.2.3.gemspec", OLD_GEMSPEC, ["gem rack 2.2.3"]),
        (
            "x/composer/installed.json",
            INSTALLED,
            ["composer acme/tests 2.0.0", "composer acme/web v1.2.0"],
        ),
        ("x/composer/installed.json", INSTALLED["packages"], ["composer acme/tests 2.0.0", "composer acme/web v1.2.0"]),
        (
            "x/Shop.deps.json",
            DEPS,
            [
                "nuget microsoft.netcore.app.runtime.linux-x64 8.0.1",
                "nuget other.thing 1.2.3",
                "nuget serilog 2.0.0",
            ],
        ),
    ],
)
def test_each_kind_says_what_is_installed(path: str, content: Any, expected: list[str]) -> None:
    told = read(path, content)
    assert named(told) == expected
    assert unreadable(told) == []


def test_what_is_said_beyond_names_is_kept() -> None:
    [composer] = read("x/composer/installed.json", INSTALLED)
    assert [(one.needs, one.development, one.licence) for one in composer.lock.packages] == [
        ((), True, ""),
        (("acme/core",), False, '["MIT"]'),
    ]
    [nuget] = read("x/Shop.deps.json", DEPS)
    assert {one.name: one.needs for one in nuget.lock.packages}["serilog"] == ("other.thing",)
    [gem] = read("x/specifications/rack-2.2.3.gemspec", GEMSPEC)
    [npm] = read("node_modules/web/package.json", {"name": "web", "version": "1", "licenses": [{"type": "MIT"}]})
    [pypi] = read(
        f"{SITE}/a.dist-info/METADATA", "Name: a\nVersion: 1\nLicense-Expression: MIT OR BSD-2-Clause\nLicense: x"
    )
    licences = [each.lock.packages[0].licence for each in (gem, npm, pypi)]
    assert licences == ["MIT", '[{"type":"MIT"}]', "MIT OR BSD-2-Clause"]
    assert [each.lock.tells_needs for each in (composer, nuget, gem, npm, pypi)] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("path", "content", "match"),
    [
        (f"{SITE}/a.dist-info/METADATA", "", "Name is ''"),
        (f"{SITE}/a.dist-info/METADATA", "Name: ../a\nVersion: 1", "Name is '../a'"),
        (f"{SITE}/a.dist-info/METADATA", "Name: a\nVersion: ", "no version"),
        (f"{SITE}/a.dist-info/METADATA", b"\xff\xfe\x00", "Name is"),
        ("node_modules/web/package.json", "{", "cannot be read"),
        ("node_modules/web/package.json", [], "list at the top"),
        ("node_modules/web/package.json", "[" * 100_000, "cannot be read"),
        ("node_modules/web/package.json", {"name": "web"}, "no version"),
        ("node_modules/web/package.json", {"name": "web", "version": 1}, "version is int"),
        ("node_modules/web/package.json", {"name": "w\x1b[31meb", "version": "1"}, "no name"),
        ("x/specifications/a.gemspec", "eval(File.read('version.rb'))", "only where it is run"),
        ("x/composer/installed.json", {"packages": {}}, "packages: dict"),
        ("x/composer/installed.json", {"packages": ["x", {"name": 1}, {"name": "a/b"}]}, "str where a mapping"),
        ("x/Shop.deps.json", {"targets": [], "libraries": {}}, "targets: list"),
        ("x/Shop.deps.json", {"targets": {"a": {"b": {"dependencies": 1}}}, "libraries": {"x": 1}}, "int where a mapping"),
        ("x/Shop.deps.json", {"libraries": {"x": {"type": "package"}}}, "no NAME/VERSION"),
        ("x/Shop.deps.json", {"libraries": {"x/1": {"type": 1}}}, "type is int"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(path: str, content: Any, match: str) -> None:
    told = read(path, content)
    assert named(told) == []
    assert match in " ".join(unreadable(told))


def test_large_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "_LARGEST_TEXT", 10)
    assert unreadable(read("node_modules/web/package.json", {"name": "web", "version": "1"})) == [
        "it has more than 10 bytes"
    ]


def test_archives_within_archives_are_told_with_their_place() -> None:
    inner = jar({}, "org.acme:core:1.0")
    shaded = jar({"a/B.class": b""}, "org.acme:web:2.0", "org.acme:text:3.0")
    boot = jar(
        {"BOOT-INF/lib/core-1.0.jar": inner, "BOOT-INF/lib/web.JAR": shaded, "META-INF/MANIFEST.MF": ""},
        "com.acme:shop:1",
    )
    told = maven.read("opt/shop.jar", io.BytesIO(boot))
    assert [(each.inside, [(one.name, one.version) for one in each.lock.packages]) for each in told] == [
        ("!/BOOT-INF/lib/core-1.0.jar", [("org.acme:core", "1.0")]),
        ("!/BOOT-INF/lib/web.JAR", [("org.acme:text", "3.0"), ("org.acme:web", "2.0")]),
        ("", [("com.acme:shop", "1")]),
    ]
    assert unreadable(told) == []
    assert not any(each.lock.tells_needs for each in told)


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        ("spring-core-5.3.20.jar", {"org/springframework/core/A.class": b""}, ["maven org.springframework:spring-core 5.3.20"]),
        ("spring-core-4.3.30.RELEASE.jar", {"org/springframework/A.class": b""}, ["maven org.springframework:spring-core 4.3.30.RELEASE"]),
        (
            "spring-boot-starter-web-2.7.0.jar",
            {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nAutomatic-Module-Name: spring.boot.s\r\n tarter.web\r\n"},
            ["maven org.springframework.boot:spring-boot-starter-web 2.7.0"],
        ),
        ("hibernate-core-5.6.15.Final.jar", {"org/hibernate/A.class": b""}, ["maven org.hibernate:hibernate-core 5.6.15.Final"]),
        ("hibernate-core-6.2.0.Final.jar", {"org/hibernate/A.class": b""}, ["maven org.hibernate.orm:hibernate-core 6.2.0.Final"]),
        # Neither a name alone nor classes alone are enough, nor what a manifest says of a vendor.
        ("spring-core-5.3.20.jar", {"com/acme/A.class": b""}, []),
        ("spring-core.jar", {"org/springframework/core/A.class": b""}, []),
        ("spring-core-5.3.20-sources.jar", {"org/springframework/core/A.class": b""}, []),
        ("asm-3.3.1.jar", {"org/objectweb/asm/A.class": b""}, []),
        ("web-1.0.jar", {"a/B.class": b"", "META-INF/MANIFEST.MF": "Implementation-Vendor-Id: org.acme\nImplementation-Version: 1.0\n"}, []),
    ],
)  # fmt: skip
def test_archives_without_coordinates_are_known_or_told(name: str, files: dict[str, Any], expected: list[str]) -> None:
    told = maven.read(f"opt/{name}", io.BytesIO(jar(files)))
    assert named(told) == expected
    assert bool(unreadable(told)) is (not expected)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "no archive"),
        (b"PK\x05\x06", "no archive"),
        (jar({}, "a:b:1")[:-10], "no archive"),
        (jar({"META-INF/maven/g/a/pom.properties": "groupId=${g}\nartifactId=a\nversion=1"}), "as coordinates"),
        (jar({"META-INF/maven/g/a/pom.properties": "\0" * 50}), "as coordinates"),
        (jar({"x.jar": b"no archive"}), "no archive"),
        (jar({"META-INF/maven/g/a/pom.properties": b" " * (2 << 20)}), "more than 1048576 bytes"),
    ],
)
def test_broken_archives_are_told(content: bytes, match: str) -> None:
    told = maven.read("opt/web.jar", io.BytesIO(content))
    assert named(told) == []
    assert match in " ".join(unreadable(told))


def test_archives_that_grow_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = jar({"a/B.class": b""}, "g:deep:1")
    for depth in range(6):
        nested = jar({f"{depth}.jar": nested})
    assert "within 4 other archives" in " ".join(unreadable(maven.read("web.jar", io.BytesIO(nested))))
    monkeypatch.setattr(maven, "_MOST_BYTES", 1 << 20)
    bomb = jar({"a.jar": bytes(800_000), "b.jar": bytes(800_000), "c.jar": jar({}, "g:c:1")}, "g:web:1")
    told = maven.read("web.jar", io.BytesIO(bomb))
    assert named(told) == ["maven g:c 1", "maven g:web 1"]
    assert "b.jar has more than 248576 bytes" in " ".join(unreadable(told))


def test_lists_of_archives_that_are_too_long_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = jar({f"{number}.class": b"" for number in range(100)}, "g:web:1")
    assert named(maven.read("web.jar", io.BytesIO(content))) == ["maven g:web 1"]
    monkeypatch.setattr(zips, "_LARGEST_LIST", 1000)
    assert "its list of files has" in " ".join(unreadable(maven.read("web.jar", io.BytesIO(content))))
    # In large ones it says elsewhere how long it is.
    end = content.rindex(b"PK\x05\x06")
    begin, size = struct.unpack_from("<I", content, end + 16)[0], struct.unpack_from("<I", content, end + 12)[0]
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 101, 101, size, begin)
    large += struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    whole = content[:end] + large + content[end : end + 12] + b"\xff" * 4 + content[end + 16 :]
    assert zipfile.ZipFile(io.BytesIO(whole)).namelist()[1] == "0.class"
    assert "its list of files has" in " ".join(unreadable(maven.read("web.jar", io.BytesIO(whole))))


@pytest.mark.parametrize(("order", "bits"), [("<", 64), (">", 64), ("<", 32), (">", 32)])
def test_programs_tell_their_crates(order: str, bits: int) -> None:
    crates: list[dict[str, Any]] = [
        {"name": "shop", "version": "0.1.0", "source": "local", "root": True, "dependencies": [1, 2, 99, "x"]},
        {"name": "itoa", "version": "1.0.1", "source": "crates.io"},
        {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
        {"name": "fork", "version": "2.0.0", "source": "git"},
        {"name": "own", "version": "3.0.0", "source": "registry"},
    ]
    told = cargo.read("bin/shop", io.BytesIO(program(*crates, order=order, bits=bits)))
    assert [(one.name, one.version, one.source, one.needs) for each in told for one in each.lock.packages] == [
        ("fork", "2.0.0", "git", ()),
        ("itoa", "1.0.1", "", ()),
        ("own", "3.0.0", "registry", ()),
        ("shop", "0.1.0", "path", ("cc", "itoa")),
    ]
    assert unreadable(told) == []
    assert [each.lock.tells_needs for each in told] == [True]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"not packed", "cannot be read"),
        (zlib.compress(b"{}")[:-3], "cut off"),
        (zlib.compress(bytes(20 << 20)), "more than"),
        (zlib.compress(b"[]"), "list at the top"),
        (zlib.compress(b'{"packages": 1}'), "packages: int"),
        (zlib.compress(b'{"packages": [1, {"name": "a"}]}'), "packages[1]: it has no version"),
    ],
)
def test_broken_lists_of_crates_are_told(content: bytes, match: str) -> None:
    told = cargo.read("bin/shop", io.BytesIO(elf(content)))
    assert named(told) == []
    assert match in " ".join(unreadable(told))


def test_programs_that_tell_nothing_are_nothing() -> None:
    assert cargo.read("bin/shop", io.BytesIO(elf())) == []
    whole = program({"name": "itoa", "version": "1"})
    # Its sections stand at its end.
    assert all(cargo.read("bin/shop", io.BytesIO(whole[:end])) == [] for end in range(len(whole)))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_is_in_a_file_nothing_breaks(data: st.DataObject) -> None:
    samples = [
        ("opt/shop.jar", jar({"a.jar": jar({}, "g:a:1"), "a/B.class": b""}, "g:web:1")),
        ("bin/shop", program({"name": "itoa", "version": "1", "source": "crates.io"})),
        ("x/Shop.deps.json", json.dumps(DEPS).encode()),
        ("x/composer/installed.json", json.dumps(INSTALLED).encode()),
        ("x/specifications/rack-2.2.3.gemspec", GEMSPEC.encode()),
    ]
    path, content = data.draw(st.sampled_from(samples))
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    for each in read(path, bytes(changed)):
        assert all(one.isprintable() for one in each.lock.unreadable)
