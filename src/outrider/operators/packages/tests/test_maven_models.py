"""What POMs come to: parents, profiles, properties, and what is managed."""

import pytest

from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.models import Library, Model, Models
from outrider.operators.packages.maven.order import RESOLVER_SCHEME
from outrider.operators.packages.maven.poms import read_pom
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.tests.maven_poms import bom, dependency, element, fields, parts, pom
from outrider.operators.packages.tests.maven_repository import full, need
from outrider.operators.packages.versions.tables import VersionTable


class Poms:
    """POMs by `artifact:version` of the group `g`."""

    def __init__(self) -> None:
        self.contents: dict[Project, str] = {}

    def add(self, coordinates: str, content: str) -> None:
        self.contents[Project(*full(coordinates).split(":"))] = content

    def model(self, coordinates: str) -> Model:
        library = Library(
            lambda project: read_pom(self.contents[project].encode()) if project in self.contents else None,
            lambda name: VersionTable(RESOLVER_SCHEME, [one.version for one in self.contents if one.name == name]),
            lambda projects: [*projects].clear(),
        )
        machine = Machine({"java.version": "17.0.1", "java.home": "/java", "os.name": "Linux"})
        found = Models(library, machine).model(Project(*full(coordinates).split(":")))
        assert found is not None
        return found

    def needs(self, coordinates: str) -> list[str]:
        """Return the dependencies as `artifact:version:scope`."""
        model = self.model(coordinates)
        assert model.faults == ()
        return [f"{one.artifact}:{one.version}:{one.scope or ''}" for one in model.dependencies]

    def fault(self, coordinates: str) -> str:
        """Return the first fault."""
        return self.model(coordinates).faults[0].text


@pytest.fixture
def poms() -> Poms:
    return Poms()


def test_what_is_inherited(poms: Poms) -> None:
    poms.add(
        "top:1",
        pom(
            "g:top:1",
            parts([need("a:1")], [need("b:1", scope="test"), need("c:${v}")], {"v": "1", "w": "1"}),
            packaging="pom",
        ),
    )
    poms.add("mid:1", pom(":mid:", parts([need("b")], [need("c:2")], {"w": "2"}), parent="g:top:1", packaging="pom"))
    poms.add("web:1", pom(":web:", parts([need("c"), need("d:${w}"), need("a:3")], (), {"v": "5"}), parent="g:mid:1"))
    assert poms.needs("web:1") == ["c:2:", "d:2:", "a:3:", "b:1:test"]
    assert poms.model("web:1").fields["version"] == "1"
    assert poms.model("web:1").fields["groupId"] == "g"


def test_of_twins_the_last_counts_in_the_place_of_the_first(poms: Poms) -> None:
    poms.add("web:1", pom("g:web:1", parts([need("a:1"), need("b:1"), need("a:2")])))
    assert poms.needs("web:1") == ["a:2:", "b:1:"]


def test_what_is_managed_counts_where_it_is_not_said(poms: Poms) -> None:
    managed = [
        need("a:9", scope="runtime", exclusions=["g:x"]),
        need("b:9", exclusions=["g:x"]),
        need("c:9", type="zip"),
    ]
    needs = [need("a"), need("b:1", exclusions=["g:y"]), need("c:1"), need("c", type="zip")]
    poms.add("web:1", pom("g:web:1", parts(needs, managed)))
    assert poms.needs("web:1") == ["a:9:runtime", "b:1:", "c:1:", "c:9:"]
    assert [one.exclusions for one in poms.model("web:1").dependencies] == [(("g", "x"),), (("g", "y"),), (), ()]


def test_the_order_of_boms(poms: Poms) -> None:
    poms.add("one:1", pom("g:one:1", parts((), [need("a:1"), need("b:1")]), packaging="pom"))
    poms.add(
        "two:1",
        pom(
            "g:two:1",
            parts((), [need("b:2"), need("c:2"), need("d:2"), bom("g:deep:${v}")], {"v": "1"}),
            packaging="pom",
        ),
    )
    poms.add("deep:1", pom("g:deep:1", parts((), [need("d:3"), need("e:3")]), packaging="pom"))
    managed = [bom("g:one:1"), bom("g:two:1"), need("c:9")]
    poms.add("web:1", pom("g:web:1", parts([need(one) for one in "abcde"], managed)))
    assert poms.needs("web:1") == ["a:1:", "b:1:", "c:9:", "d:2:", "e:3:"]


def test_a_bom_has_what_its_parents_manage(poms: Poms) -> None:
    poms.add("top:1", pom("g:top:1", parts((), [need("a:${v}")], {"v": "1"}), packaging="pom"))
    poms.add("all:1", pom(":all:", parts((), (), {"v": "2"}), parent="g:top:1", packaging="pom"))
    poms.add("web:1", pom("g:web:1", parts([need("a")], [bom("g:all:1")], {"v": "3"})))
    assert poms.needs("web:1") == ["a:2:"]


def test_profiles(poms: Poms) -> None:
    def profile(name: str, activation: str, content: str) -> str:
        return element("profile", fields(id=name), element("activation", activation), content)

    profiles = element(
        "profiles",
        profile("java", element("jdk", "[17,)"), parts([need("b:${v}"), need("a:2")], [need("c:3")], {"v": "3"})),
        profile("usual", element("activeByDefault", "true"), parts([need("never:1")])),
        profile("windows", element("os", fields(family="windows")), parts([need("never:1")])),
    )
    poms.add("web:1", pom("g:web:1", parts([need("a:1"), need("c")], (), {"v": "1"}), profiles))
    assert poms.needs("web:1") == ["a:2:", "c:3:", "b:3:"]


def test_what_is_on_the_machine(poms: Poms) -> None:
    poms.add("web:1", pom("g:web:1", parts([need("a:1", scope="system", systemPath="${java.home}/../a.jar")])))
    assert poms.model("web:1").dependencies[0].system_path == "/java/../a.jar"


def test_nothing_of_the_environment_comes_into_a_pom(poms: Poms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "secret")
    poms.add("web:1", pom("g:web:1", parts([need("a:${env.SECRET}"), need("b:${SECRET}")])))
    assert poms.needs("web:1") == ["a:${env.SECRET}:", "b:${SECRET}:"]


def test_a_parent_of_several_versions(poms: Poms) -> None:
    for version in ("1.0", "1.5", "2.0"):
        poms.add(f"top:{version}", pom(f"g:top:{version}", parts([need(f"a:{version}")]), packaging="pom"))
    poms.add("web:1", pom("g:web:1", parent="g:top:[1.0,2.0)"))
    assert poms.needs("web:1") == ["a:1.5:"]
    poms.add("open:1", pom("g:open:1", parent="g:top:[1.0,)"))
    assert "there is none, or no last one" in poms.fault("open:1")
    poms.add("heir:1", pom("g:heir:", parent="g:top:[1.0,2.0)"))
    assert "inherits its version" in poms.fault("heir:1")


def test_circles(poms: Poms) -> None:
    poms.add("a:1", pom("g:a:1", parent="g:b:1", packaging="pom"))
    poms.add("b:1", pom("g:b:1", parent="g:a:1", packaging="pom"))
    assert "has parents that lead to themselves" in poms.fault("a:1")
    poms.add("own:1", pom("g:own:1", parent="g:own:2", packaging="pom"))
    assert poms.fault("own:1") == "is its own parent"
    poms.add("c:1", pom("g:c:1", parts((), [bom("g:d:1")]), packaging="pom"))
    poms.add("d:1", pom("g:d:1", parts((), [bom("g:c:1")]), packaging="pom"))
    assert poms.fault("c:1") == "imports g:d 1, which imports g:c 1, which imports it"
    poms.add("p:1", pom("g:p:1", parts((), (), {"x": "${y}", "y": "${x}"})))
    assert "leads to itself" in poms.fault("p:1")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (pom("g:web:1", parts([need("a")])), "needs g:a without a version or a type"),
        (pom("g:web:1", parts([dependency("g h:a:1")])), "needs g h:a, which is no name"),
        (pom("g:web:1", parts((), [dependency("${x}:a:1")])), "needs ${x}:a, which is no name"),
        (pom("g:web:1", parts([need("a:1", scope="system")])), "needs g:a at no path of the machine"),
        (pom("g:web:1", parts([need("a:1", scope="system", systemPath="x.jar")])), "needs g:a at x.jar of the machine"),
        (pom("g:web:1", parts([need("a:1", systemPath="/x.jar")])), "needs g:a at a path, and not in the scope system"),
        (pom("g:web:1", element("modules", element("module", "x"))), "has the packaging 'jar'"),
        (pom("g:web:1", packaging="").replace("4.0.0", ""), "has no modelVersion"),
        (pom("::1").replace("<artifactId></artifactId>", ""), "has the groupId ''"),
        (pom("g:web:1", parent="g::1"), "has a parent without a name or a version"),
        (pom("g:web:1", parent="g:jar:1"), "has the parent g:jar 1, which is no POM alone"),
        (pom("g:web:1", parent="g:none:1"), "has the parent g:none 1, which no repository has"),
        (pom("g:web:1", parts((), [bom("g:none:1")])), "imports g:none 1, which no repository has"),
        (pom("g:web:1", parts((), [bom("g:none")])), "imports a BOM without a name or a version"),
        (pom("g:web:1", parts((), [bom("g:bad:1")])), "imports g:bad 1, which needs g:a without a version or a type"),
    ],
)
def test_what_makes_a_pom_unusable(content: str, fault: str, poms: Poms) -> None:
    poms.add("jar:1", pom("g:jar:1"))
    poms.add("bad:1", pom("g:bad:1", parts([need("a")]), packaging="pom"))
    poms.add("web:1", content)
    assert poms.fault("web:1") == fault
