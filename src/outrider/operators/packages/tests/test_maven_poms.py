"""How POMs are read, and how profiles and properties are."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.interpolation import Interpolation, PropertyCycleError
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.poms import Dependency, Parent, PomRepository, read_markup, read_pom
from outrider.operators.packages.maven.profiles import Activation, Machine, active
from outrider.operators.packages.maven.records import compiled_metadata, compiled_pom
from outrider.operators.packages.tests.maven_poms import dependency, element, fields, parts, pom

HERE = {"java.version": "17.0.15", "os.name": "Linux", "os.arch": "amd64", "os.version": "6.1", "on": "yes"}


def test_what_is_read() -> None:
    content = pom(
        ":web:", parts([dependency("g:core:1", scope="runtime", exclusions=["g:x", "*:*"])], [dependency("g:y:2")], {"v": " 3 "}),
        element("licenses", element("license", fields(name="MIT")), element("license", fields(url="https://l.test"))),
        element("repositories", element("repository", fields(id="r", url="https://r.test"))),
        element("modules", element("module", "a")), parent="g:above:[1,2)", packaging="pom",
    )  # fmt: skip
    named = content.replace("<project>", '<project xmlns="http://maven.apache.org/POM/4.0.0">')
    found = read_pom(f'<?xml version="1.0"?>{named}'.encode())
    assert found.fields == {"modelVersion": "4.0.0", "artifactId": "web", "packaging": "pom"}
    assert found.parent == Parent("g", "above", "[1,2)")
    assert found.parts.dependencies == [
        Dependency("g", "core", "1", scope="runtime", exclusions=(("g", "x"), ("*", "*")))
    ]
    assert [one.key for one in found.parts.managed] == [("g", "y", "jar", None)]
    assert (found.parts.properties, found.licences, found.has_modules) == ({"v": "3"}, ["MIT", "https://l.test"], True)
    assert found.parts.repositories == [PomRepository("r", "https://r.test")]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            '<?xml version="1.0" encoding="ISO-8859-1"?><project><name>J\xf6rg</name></project>'.encode("latin-1"),
            "J\xf6rg",
        ),
        ('<?xml version="1.0" encoding="UTF-8"?><project><name>J\xf6rg</name></project>'.encode(), "J\xf6rg"),
        (b"\xef\xbb\xbf<project><name>a</name></project>", "a"),
        ("<project><name>a</name></project>".encode("utf-16"), "a"),
        (b"<project><name>J&ouml;rg &amp; &lt;Co&gt;</name></project>", "J\xf6rg & <Co>"),
        (b"<project><name>\xff</name></project>", "\ufffd"),
        (b"<project><name>a<!-- no -->b</name></project>", "ab"),
    ],
)
def test_texts_as_they_are_written(content: bytes, name: str) -> None:
    assert read_pom(content).fields["name"] == name


MALFORMED = [
    b"", b"<project>", b"no xml", b"<project><name>a</name><name>b</name></project>",
    b"<project><dependencies/><dependencies/></project>", b"<project><version><a/></version></project>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><project><name>&b;</name></project>', b"<project><name>&unknown;</name></project>",
    b"<a>" * 500, b"<project>" + b" " * (9 << 20) + b"</project>", b"<project><properties><a><b/></a></properties></project>",
    element("project", element("dependencies", element("dependency", "<version>1</version><version>2</version>"))).encode(),
    element("project", element("dependencies", "<dependency/>" * 20_001)).encode(),
]  # fmt: skip


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
def test_what_cannot_be_read(content: bytes) -> None:
    with pytest.raises(InvalidConfigError):
        read_pom(content)
    record = compiled_pom(content)
    assert record.pom is None
    assert record.fault.startswith("it cannot be read: ")


WORDS = ("<project>", "</project>", "<parent>", "</parent>", "<version>", "</version>", "1", "${a}", "&", ";", "<", ">", "<?xml", "?>", "\0", "\ud800")  # fmt: skip


@given(
    st.binary() | st.lists(st.sampled_from(WORDS)).map(lambda words: "".join(words).encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(InvalidConfigError):
        read_pom(content)
    with suppress(InvalidConfigError):
        read_markup("XML", content)
    assert compiled_metadata(content).left_out >= 0


@given(st.text(), st.text())
def test_any_text_is_a_version_and_a_range_or_none(one: str, two: str) -> None:
    left, right = RESOLVER_SCHEME.parse(one).key, RESOLVER_SCHEME.parse(two).key
    assert (left < right) + (left == right) + (left > right) == 1
    with suppress(InvalidConfigError):
        RESOLVER_SCHEME.range(f"[{one},{two}]")


def interpolated(text: str, **properties: str) -> str:
    model = {"version": "1", "groupId": "${parent.groupId}", "parent.groupId": "g", "name": "${name}"}
    return Interpolation(model, {name.replace("_", "."): value for name, value in properties.items()}, {"java.home": "/java", "env.A": "b"}).text(text)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${a}-${b}", "1-2"), ("${project.version}", "1"), ("${pom.version}", "1"), ("${version}", "1"), ("${project.groupId}", "g"),
        ("${unknown}", "${unknown}"), ("${a", "${a"), ("$a", "$a"), ("${java.home}", "/java"), ("${env.A}", "b"), ("${A}", "b"),
        ("${c}", "12"), ("${a${b}}", "${a${b}}"), ("${}", "${}"), ("x${a}y${unknown}z", "x1y${unknown}z"),
    ],
)  # fmt: skip
def test_properties(text: str, expected: str) -> None:
    assert interpolated(text, a="1", b="2", c="${a}${b}") == expected


def test_a_property_counts_less_than_what_the_pom_says_of_itself() -> None:
    assert interpolated("${project.version} ${version}", version="2", project_version="3") == "1 2"


@pytest.mark.parametrize("text", ["${a}", "${b}", "${name}", "${project.name}", "${big9}"])
def test_properties_that_lead_to_themselves(text: str) -> None:
    big = {f"big{number}": f"${{big{number - 1}}}" * 10 for number in range(1, 10)}
    with pytest.raises(PropertyCycleError):
        interpolated(text, a="${b}", b="x${a}", big0="x", **big)


def test_properties_of_which_many_are_nothing() -> None:
    big = {f"big{number}": f"${{big{number - 1}}}" * 10 for number in range(1, 40)}
    assert interpolated("${big39}", big0="", **big) == ""


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.sampled_from(("${a}", "${b}", "${c}", "x", "${", "}"))).map("".join)
    )
)
def test_any_properties_end(properties: dict[str, str]) -> None:
    with suppress(PropertyCycleError):
        assert isinstance(interpolated("${a}${b}${c}", **properties), str)


class _Profile:
    def __init__(self, name: str, activation: Activation | None) -> None:
        self.id, self.activation = name, activation


def is_active(activation: Activation | None, **machine: str) -> bool:
    return bool(active([_Profile("a", activation)], Machine({**HERE, **machine})))


@pytest.mark.parametrize(
    ("jdk", "expected"),
    [
        ("17", True), ("17.0", True), ("1.8", False), ("!1.8", True), ("!17", False), ("[1.8,)", True), ("[17,18)", True), ("(17,18)", True),
        ("(,17)", False), ("(,17.0.15]", True), ("(17.0.15,)", False), ("[11,17]", False), ("[18,)", False), ("[1.8", True), ("[1.8,17.1", True),
        ("(,", True), ("[x,)", True), (f"[{'9' * 50},)", True),
    ],
)  # fmt: skip
def test_profiles_by_java(jdk: str, expected: bool) -> None:
    assert is_active(Activation(jdk=jdk)) is expected


def test_no_profile_by_java_without_one() -> None:
    assert not active([_Profile("a", Activation(jdk="!1"))], Machine({}))


@pytest.mark.parametrize(
    ("os", "expected"),
    [
        (("unix", None, None, None), True), (("windows", None, None, None), False), (("!windows", None, None, None), True),
        ((None, "linux", None, None), True), ((None, "!Linux", None, None), False), (("Unix", "Linux", "AMD64", "6.1"), True),
        (("unix", None, "x86", None), False), ((None, None, None, "!6.1"), False), ((None, None, None, None), False),
        (("mac", None, None, None), False), (("linux", None, None, None), True), (("z/os", None, None, None), False),
    ],
)  # fmt: skip
def test_profiles_by_system(os: tuple[str | None, str | None, str | None, str | None], expected: bool) -> None:
    assert is_active(Activation(os=os)) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (("on", None), True), (("!on", None), False), (("off", None), False), (("!off", None), True), (("on", "yes"), True), (("on", "no"), False),
        (("on", "!no"), True), (("off", "!no"), True), ((None, None), False), (("!", None), False), (("!on", "yes"), True),
    ],
)  # fmt: skip
def test_profiles_by_property(wanted: tuple[str | None, str | None], expected: bool) -> None:
    assert is_active(Activation(wanted=wanted)) is expected


@pytest.mark.parametrize(
    ("exists", "missing", "expected"),
    [
        ("/", "", True), ("", "/", False), ("/nothing/there", "", False), ("", "/nothing/there", True), ("${basedir}/x", "", False),
        ("", "${basedir}/x", False), ("", "relative", False), ("", "", False), ("${root}", "", True), ("/\0", "", False),
    ],
)  # fmt: skip
def test_profiles_by_file(exists: str, missing: str, expected: bool) -> None:
    assert is_active(Activation(exists=exists, missing=missing, has_file=True), root="/") is expected


def test_all_conditions_must_hold() -> None:
    assert is_active(Activation(jdk="17", wanted=("on", None)))
    assert not is_active(Activation(jdk="17", wanted=("off", None)))
    assert not is_active(Activation())
    assert not is_active(None)


def test_a_profile_by_default_gives_way_to_others_of_its_pom() -> None:
    usual, java, named = (
        _Profile("usual", Activation(by_default=True)),
        _Profile("java", Activation(jdk="17")),
        _Profile("named", None),
    )
    machine = Machine(HERE)
    assert active([usual, java], machine) == [java]
    assert active([usual, named], machine) == [usual]
    assert active([usual, named], machine, ("named",)) == [named]
    assert active([usual, java, named], machine, ("named",), is_pom=False) == [usual, java, named]
