"""Reads what a build of Gradle says, without running anything of it.

Scripts of Gradle are programs. What is read is the form in which most are written; of all else it is said why it is refused.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.manifests.gradle.builds import GradleBuild, GradleProject
from outrider.operators.packages.manifests.gradle.catalogs import Catalog, read_catalog
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.properties import read_properties
from outrider.operators.packages.manifests.gradle.running import Running
from outrider.operators.packages.manifests.gradle.scripts import LARGEST, REMEDY, Script, read_script
from outrider.operators.packages.manifests.gradle.settings import Settings, SettingsReader
from outrider.operators.packages.manifests.gradle.state import ROOT, BuildState, ProjectState
from outrider.operators.packages.manifests.gradle.values import Scope, Value

_BUILD, _SETTINGS = "build.gradle", "settings.gradle"
_KOTLIN = ".kts"
_PROPERTIES = "gradle.properties"
_CATALOG = Path("gradle") / "libs.versions.toml"
# Properties that are for Gradle itself.
_OF_GRADLE = ("org.gradle.", "systemProp.")
_MOST_FILES = 2_000
_WRAPPER = Path("gradle") / "wrapper" / "gradle-wrapper.properties"
_DISTRIBUTION = re.compile(r"/gradle-([0-9][0-9A-Za-z.+-]*)-(?:bin|all)\.zip")


def read_build(folder: Path) -> GradleBuild:
    """Return what a build says.

    Args:
        folder: Of its root, where its settings are.

    Raises:
        NotFoundError: There is no build.
        InvalidConfigError: A file of it is none of its format.
        UnsupportedError: It has what is not read here.
    """
    return _Reader(folder.absolute()).read()


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[Path, str] = {}

    def read(self) -> GradleBuild:
        build = BuildState(self._folder, self._catalog())
        settings = self._settings(build)
        if self._script_of(self._folder, _BUILD) is None and not settings.projects:
            raise NotFoundError(
                f"{_BUILD} is not in {self._folder.name}", path=_BUILD, found="no build of Gradle", expected=f"{_BUILD} or {_BUILD}{_KOTLIN}",
                suggestions=["name the folder of the build"],
            )  # fmt: skip
        for project in sorted(
            build.projects.values(), key=lambda one: (one.path.count(":"), one.path != ROOT, one.path)
        ):
            script = self._script_of(project.folder, _BUILD)
            if script is not None:
                Running(script, build, project, self._other).run()
        projects = {path: self._finished(project, settings) for path, project in build.projects.items()}
        gradle = self._gradle()
        return GradleBuild(projects=projects, texts=dict(self._texts), gradle=gradle)

    def _gradle(self) -> str:
        """Return the version of Gradle that the wrapper names; empty where it names none."""
        path = self._folder / _WRAPPER
        said = read_properties(self._text(path) or "", path).get("distributionUrl")
        found = _DISTRIBUTION.search(said.text) if said is not None else None
        return found[1] if found is not None else ""

    def _catalog(self) -> Catalog | None:
        path = self._folder / _CATALOG
        text = self._text(path)
        return None if text is None else read_catalog(_CATALOG.as_posix(), text, path)

    def _settings(self, build: BuildState) -> Settings:
        properties = self._properties(self._folder, {})
        root = ProjectState(ROOT, self._folder, self._folder.name, parent=None, properties=properties)
        build.projects[ROOT] = root
        script = self._script_of(self._folder, _SETTINGS)
        if script is None:
            return Settings()
        settings = SettingsReader(Evaluator(script, build, root, Scope())).read()
        root.name = settings.name or root.name
        # What settings set is theirs alone.
        root.properties = dict(properties)
        for path in settings.projects:
            above, _, name = path.rpartition(":")
            parent = build.projects[above or ROOT]
            folder = parent.folder / name
            build.projects[path] = ProjectState(
                path, folder, name, parent=parent, properties=self._properties(folder, properties)
            )
        return settings

    def _properties(self, folder: Path, before: Mapping[str, Value]) -> dict[str, Value]:
        path = folder / _PROPERTIES
        text = self._text(path)
        found = {} if text is None else read_properties(text, path)
        return {**before, **{key: value for key, value in found.items() if not key.startswith(_OF_GRADLE)}}

    def _finished(self, project: ProjectState, settings: Settings) -> GradleProject:
        own = project.repositories
        if settings.mode == "FAIL_ON_PROJECT_REPOS" and own:
            raise UnsupportedError(
                f"project {project.path}: its repositories are not to be there, as the settings say", path=project.path,
                found=f"repositories in the project {project.path}", expected="repositories in the settings alone",
                suggestions=["take the repositories out of the project"],
            )  # fmt: skip
        if "groovy" in project.plugins and any(project.java.tasks.values()):
            raise UnsupportedError(
                f"project {project.path}: Java is compiled with Groovy, and for which one is said in tasks", path=project.path,
                found="a version of Java in a task", expected="java { sourceCompatibility } or java { toolchain { languageVersion } }", suggestions=[REMEDY],
            )  # fmt: skip
        is_own = bool(own) and settings.mode == "PREFER_PROJECT"
        return project.finished(own if is_own else settings.repositories)

    def _script_of(self, folder: Path, name: str) -> Script | None:
        """Return a script of a folder, in the one language or the other."""
        found = [path for path in (folder / name, folder / f"{name}{_KOTLIN}") if path.is_file()]
        if len(found) > 1:
            raise UnsupportedError(
                f"{name} and {name}{_KOTLIN}: one of them alone is read", path=self._form(found[0]), found="both", expected="one",
                suggestions=["delete the one that is not used", REMEDY],
            )  # fmt: skip
        return self._script(found[0]) if found else None

    def _script(self, path: Path) -> Script | None:
        text = self._text(path)
        return None if text is None else read_script(path, self._form(path), text)

    def _other(self, path: Path, script: Script, line: int) -> Script:
        """Return a script that another one applies."""
        whole = Path(*_parts(path))
        found = self._script(whole) if whole.is_relative_to(self._folder) else None
        if found is None:
            script.refuse(line, "the script that is applied here is not within the build")
        return found

    def _form(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else path.name

    def _text(self, path: Path) -> str | None:
        """Return the text of a file; None where there is none."""
        if path in self._texts:
            return self._texts[path]
        if not path.is_file():
            return None
        form = self._form(path)
        try:
            size = path.stat().st_size
            text = path.read_bytes().decode() if size <= LARGEST else ""
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfigError(
                f"{form}: it cannot be read: {error}",
                source=form,
                found=str(error),
                expected="a text in UTF-8",
                suggestions=[f"correct {form}"],
            ) from error
        if size > LARGEST or len(self._texts) >= _MOST_FILES:
            raise InvalidConfigError(
                f"{form}: it is too large, or one of too many", source=form, found=f"{size} bytes", expected=f"at most {LARGEST} bytes",
                suggestions=[REMEDY],
            )  # fmt: skip
        self._texts[path] = text
        return text


def _parts(path: Path) -> Iterable[str]:
    """Return the parts of a path without those that lead back."""
    found: list[str] = []
    for part in path.parts:
        if part == ".." and found:
            found.pop()
        elif part != ".":
            found.append(part)
    return found
