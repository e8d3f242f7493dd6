"""What a POM comes to: with its parents, its profiles, its properties and what it imports, as Maven 3.8.7 builds it.

https://maven.apache.org/ref/3.8.7/maven-model-builder/. The order is: each POM of the line gets its active profiles; children inherit
from parents; properties are put in; BOMs are imported, of which the first that manages an artifact counts, after what the POM manages
itself; what is managed is given to dependencies where they do not say it themselves; the whole is checked. A POM that fails a check has no
dependencies, and the resolution goes on. Where a parent or a BOM is nowhere, it ends.

Not as in Maven: of the environment nothing is put into POMs of repositories, since strangers write them, and where a dependency would be
looked for would tell them; of `project.…` the values of `build`, `scm` and the like are not known.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.inheritance import heirs, prepared
from outrider.operators.packages.maven.interpolation import Interpolation, PropertyCycleError
from outrider.operators.packages.maven.poms import Dependency, DependencyKey, Parent, Pom
from outrider.operators.packages.maven.profiles import Machine
from outrider.operators.packages.versions.tables import VersionTable

_VALID = re.compile(r"[A-Za-z0-9_.-]+")
_DEEPEST = 50
# Of a version that is inherited nobody could tell which it is where the parent's may be one of several.
_OF_PARENT = ("${pom.version}", "${project.version}", "${pom.parent.version}", "${project.parent.version}")


class Fault(NamedTuple):
    """What is wrong with a POM.

    Attributes:
        text: The end of a sentence that begins with what the POM is called.
        is_absence: Whether something is nowhere, which ends a resolution.
    """

    text: str
    is_absence: bool = False


class Model(NamedTuple):
    """What a POM comes to.

    Attributes:
        fields: What it says of itself, by the names that properties have for it.
        dependencies: All of them, with what is managed of them.
        managed: What it manages.
        licences: Their names or addresses.
        moved: What stands in for it, each part empty where it stays.
        repositories: The names and addresses of those that it names.
        faults: Why none of that counts.
    """

    fields: Mapping[str, str]
    dependencies: tuple[Dependency, ...] = ()
    managed: tuple[Dependency, ...] = ()
    licences: tuple[str, ...] = ()
    moved: Project | None = None
    repositories: tuple[tuple[str, str], ...] = ()
    faults: tuple[Fault, ...] = ()


class OwnModel(NamedTuple):
    """What the POM of a project on this machine comes to.

    Attributes:
        model: The same as of any other POM.
        dependencies: Those of the model in its order, before properties and what is managed were put in.
        managed: What the model manages and its BOMs do not, by what it comes to, before properties were put in.
    """

    model: Model
    dependencies: tuple[Dependency, ...] = ()
    managed: Mapping[DependencyKey, Dependency] = {}


class FaultyPomError(Exception):
    """A POM cannot be used, whatever else is right with it.

    Attributes:
        fault: Why.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class Library(NamedTuple):
    """Where POMs and versions are looked up; each raises what `Models` lets pass where something is not at hand yet.

    Attributes:
        pom: Returns a POM, the text of a fault where it cannot be read, or None where no repository has it.
        table: Returns the versions of an artifact.
        expect: Is told of POMs that will be looked up.
    """

    pom: Callable[[Project], Pom | str | None]
    table: Callable[[str], VersionTable]
    expect: Callable[[Iterable[Project]], None]


class Models:
    """Builds models of POMs.

    Args:
        library: Where POMs are looked up.
        machine: What profiles and properties depend on.
        replaced: Properties that count before those that POMs set; None for one whose value is not known.
        imported: What BOMs manage that were imported, where others have a part in that.
    """

    def __init__(
        self, library: Library, machine: Machine, replaced: Mapping[str, str | None] | None = None,
        imported: dict[Project, tuple[Dependency, ...]] | None = None,
    ) -> None:  # fmt: skip
        self._library, self._machine = library, machine
        self._replaced = {name: value for name, value in (replaced or {}).items() if value is not None}
        self._unknown = {name for name, value in (replaced or {}).items() if value is None}
        self._built: dict[Project, Model] = {}
        self._imported: dict[Project, tuple[Dependency, ...]] = {} if imported is None else imported

    def model(self, project: Project) -> Model | None:
        """Return what the POM of a project comes to; None where no repository has it."""
        model = self._built.get(project)
        if model is None:
            pom = self._library.pom(project)
            if pom is None:
                return None
            model = self._built[project] = self.built(pom)
        return model

    def built(self, pom: Pom | str, importing: tuple[Project, ...] = ()) -> Model:
        """Return what a POM comes to.

        Args:
            pom: The POM; or why it cannot be read.
            importing: The projects on the way to a BOM, the innermost last.
        """
        faults: list[Fault] = []
        try:
            line = self._line(_readable(pom), faults)
        except FaultyPomError as error:
            return Model({}, faults=(*faults, error.fault))
        return self._whole(heirs(line), faults, importing, self._machine.properties)

    def own(self, beside: Sequence[Pom], properties: Mapping[str, str]) -> OwnModel:
        """Return what the POM of a project on this machine comes to.

        Args:
            beside: It, and its parents as far as they are on the machine too, each with its profiles.
            properties: Of Java, the settings and the environment, which strangers' POMs do not get to see.
        """
        faults: list[Fault] = []
        last = beside[-1]
        try:
            further = [] if last.parent is None else self._line(self._found(last, last.parent, faults), faults)
        except FaultyPomError as error:
            return OwnModel(Model({}, faults=(*faults, error.fault)))
        pom = heirs([*beside, *further])
        texts = _Texts(pom, properties, [])
        managed = {texts.dependency(one).key: one for one in reversed(pom.parts.managed)}
        return OwnModel(self._whole(pom, faults, (), properties), tuple(pom.parts.dependencies), managed)

    def _line(self, pom: Pom, faults: list[Fault]) -> list[Pom]:
        """Return a POM and its ancestors, each with its profiles."""
        line: list[Pom] = []
        seen: set[tuple[str, ...]] = set()
        while True:
            line.append(prepared(pom, self._machine))
            if pom.parent is None:
                return line
            parent = self._found(pom, pom.parent, faults)
            identity = (pom.parent.group, pom.parent.artifact, pom.parent.version)
            if identity in seen or len(line) > _DEEPEST:
                raise FaultyPomError(Fault(f"has parents that lead to themselves, {':'.join(identity)} among them"))
            seen.add(identity)
            pom = parent

    def _found(self, child: Pom, parent: Parent, faults: list[Fault]) -> Pom:
        """Return the POM of a parent."""
        if not (parent.group and parent.artifact and parent.version):
            raise FaultyPomError(Fault("has a parent without a name or a version"))
        if (parent.group, parent.artifact) == (child.fields.get("groupId"), child.fields.get("artifactId")):
            raise FaultyPomError(Fault("is its own parent"))
        project = Project(parent.group, parent.artifact, self._version_of(child, parent))
        found = self._library.pom(project)
        if found is None:
            raise FaultyPomError(Fault(f"has the parent {project}, which no repository has", is_absence=True))
        pom = _readable(found)
        if pom.fields.get("packaging", "jar") != "pom":
            faults.append(Fault(f"has the parent {project}, which is no POM alone"))
        return pom

    def _version_of(self, child: Pom, parent: Parent) -> str:
        """Return the version of a parent: of a range the newest."""
        if not parent.version.startswith(("[", "(")):
            return parent.version
        wanted = f"{parent.group}:{parent.artifact} {parent.version}"
        table = self._library.table(f"{parent.group}:{parent.artifact}")
        try:
            mask = table.mask(parent.version)
        except InvalidConfigError:
            mask = 0
        if not mask or parent.version.rstrip(" )]").endswith(","):
            raise FaultyPomError(Fault(f"has a parent {wanted}, and there is none, or no last one", is_absence=True))
        version = table.versions[mask.bit_length() - 1]
        own = child.fields.get("version")
        if version != parent.version and (own is None or own in _OF_PARENT):
            raise FaultyPomError(Fault(f"inherits its version from {wanted}"))
        return version

    def _whole(
        self, pom: Pom, faults: list[Fault], importing: tuple[Project, ...], properties: Mapping[str, str]
    ) -> Model:
        faults += (
            Fault(f"has the property {name}, which the build sets in a way that is not read", is_absence=True)
            for name in sorted(self._unknown & {*pom.parts.properties})
        )
        texts = _Texts(pom, properties, faults, self._replaced)
        fields = {name: texts.text(value) for name, value in pom.fields.items()}
        dependencies = [texts.dependency(one) for one in pom.parts.dependencies]
        managed = [texts.dependency(one) for one in pom.parts.managed]
        for value in pom.parts.properties.values():
            texts.text(value)
        moved = None if pom.moved is None else Project(*(texts.text(part) for part in pom.moved))
        project = Project(*(fields.get(name, "") for name in ("groupId", "artifactId", "version")))
        managed = self._with_imports(project, managed, faults, importing)
        dependencies = _managed(dependencies, managed)
        faults += _checked(pom, fields, dependencies, managed)
        repositories = tuple((texts.text(one.id), texts.text(one.url)) for one in pom.parts.repositories)
        licences = tuple(texts.text(one) for one in pom.licences)
        return Model(fields, tuple(dependencies), tuple(managed), licences, moved, repositories, tuple(faults))

    def _with_imports(
        self, project: Project, managed: list[Dependency], faults: list[Fault], importing: tuple[Project, ...]
    ) -> list[Dependency]:
        """Return what is managed, with what BOMs manage in the place of these."""
        own = [one for one in managed if not _is_import(one)]
        boms = [Project(one.group or "", one.artifact or "", one.version or "") for one in managed if _is_import(one)]
        self._library.expect(bom for bom in boms if all(bom) and bom not in self._imported)
        sources = []
        for bom in boms:
            try:
                sources.append(self._import(bom, (*importing, project)))
            except FaultyPomError as error:
                faults.append(error.fault)
        if not sources:
            return own
        found = {one.key: one for one in own}
        for source in sources:
            for one in source:
                found.setdefault(one.key, one)
        return [*found.values()]

    def _import(self, bom: Project, importing: tuple[Project, ...]) -> tuple[Dependency, ...]:
        if not all(bom):
            raise FaultyPomError(Fault("imports a BOM without a name or a version"))
        if bom in importing or len(importing) > _DEEPEST:
            raise FaultyPomError(Fault(f"imports {bom}, which imports it"))
        known = self._imported.get(bom)
        if known is None:
            pom = self._library.pom(bom)
            if pom is None:
                raise FaultyPomError(Fault(f"imports {bom}, which no repository has", is_absence=True))
            model = self.built(pom, importing)
            if model.faults:
                worst = min(model.faults, key=lambda one: not one.is_absence)
                raise FaultyPomError(Fault(f"imports {bom}, which {worst.text}", worst.is_absence))
            known = self._imported[bom] = model.managed
        return known


class _Texts:
    """Puts properties into a POM; what is wrong with these is a fault of the POM."""

    def __init__(
        self, pom: Pom, machine: Mapping[str, str], faults: list[Fault], replaced: Mapping[str, str] | None = None
    ) -> None:
        parent = pom.parent
        known = {} if parent is None else {
            "parent.groupId": parent.group, "parent.artifactId": parent.artifact, "parent.version": parent.version,
            "parent.relativePath": parent.relative_path,
        }  # fmt: skip
        fields = {"packaging": "jar", **pom.fields, **known}
        self._interpolation, self._faults = (
            Interpolation(fields, {**pom.parts.properties, **(replaced or {})}, machine),
            faults,
        )

    def text(self, text: str) -> str:
        try:
            return self._interpolation.text(text)
        except PropertyCycleError as error:
            self._faults.append(Fault(f"has a property that cannot be put in: {error}"))
            return ""

    def dependency(self, one: Dependency) -> Dependency:
        said = (
            one.group,
            one.artifact,
            one.version,
            one.type,
            one.classifier,
            one.scope,
            one.optional,
            one.system_path,
        )
        if not any(
            text is not None and "${" in text for text in (*said, *(part for pair in one.exclusions for part in pair))
        ):
            return one
        return Dependency(
            self._said(one.group), self._said(one.artifact), self._said(one.version), self.text(one.type),
            self._said(one.classifier), self._said(one.scope), self._said(one.optional), self._said(one.system_path),
            tuple((self.text(group), self.text(artifact)) for group, artifact in one.exclusions),
        )  # fmt: skip

    def _said(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)


def _readable(pom: Pom | str) -> Pom:
    if isinstance(pom, str):
        raise FaultyPomError(Fault(pom))
    return pom


def _is_import(one: Dependency) -> bool:
    return one.type == "pom" and one.scope == "import"


def _managed(dependencies: list[Dependency], managed: Iterable[Dependency]) -> list[Dependency]:
    """Return dependencies with what is managed of them, where they do not say it; of twins the last one alone gets it."""
    places = {one.key: place for place, one in enumerate(dependencies)}
    found = [*dependencies]
    for one in managed:
        place = places.get(one.key)
        if place is not None:
            own = found[place]
            found[place] = Dependency(
                own.group, own.artifact, one.version if own.version is None else own.version, own.type, own.classifier,
                one.scope if own.scope is None else own.scope, own.optional,
                one.system_path if own.system_path is None else own.system_path, own.exclusions or one.exclusions,
            )  # fmt: skip
    return found


def _checked(
    pom: Pom, fields: Mapping[str, str], dependencies: Iterable[Dependency], managed: Iterable[Dependency]
) -> Iterable[Fault]:
    """Yield what is wrong with a model."""
    for name in ("modelVersion", "version"):
        if not fields.get(name):
            yield Fault(f"has no {name}")
    for name in ("groupId", "artifactId"):
        if _VALID.fullmatch(fields.get(name, "")) is None:
            yield Fault(f"has the {name} {fields.get(name, '')!r}")
    packaging = fields.get("packaging", "jar")
    if not packaging or (pom.has_modules and packaging != "pom"):
        yield Fault(f"has the packaging {packaging!r}")
    for one in dependencies:
        yield from _wrong(one)
        if not one.version or not one.type:
            yield Fault(f"needs {one.group}:{one.artifact} without a version or a type")
    for one in managed:
        yield from _wrong(one)


def _wrong(one: Dependency) -> Iterable[Fault]:
    if _VALID.fullmatch(one.group or "") is None or _VALID.fullmatch(one.artifact or "") is None:
        yield Fault(f"needs {one.group}:{one.artifact}, which is no name")
    path = one.system_path or ""
    if one.scope == "system":
        if not path.startswith("/"):
            yield Fault(f"needs {one.group}:{one.artifact} at {path or 'no path'} of the machine")
    elif path:
        yield Fault(f"needs {one.group}:{one.artifact} at a path, and not in the scope system")
