"""The members of a workspace of uv: https://docs.astral.sh/uv/concepts/projects/workspaces/.

`Workspace::collect_members` in crates/uv-workspace/src/workspace.rs of uv 0.13.
"""

from collections.abc import Iterator
from glob import glob
from pathlib import Path

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.py_requirements import FORM, malformed
from outrider.operators.packages.manifests.pyproject import PyProject, read_pyproject
from outrider.operators.packages.manifests.uv_files import UvFiles, manifest_in
from outrider.operators.packages.manifests.uv_settings import refuse_settings_of_member
from outrider.operators.packages.manifests.uv_sources import Sources


class UvMembers:
    """The members, the root among them where it is a project.

    Args:
        path: Of the manifest of the root.
        files: That are read.

    Attributes:
        paths: Of their manifests, by their names.
        projects: What these say, with nothing said of where their needs come from.

    Raises:
        InvalidConfigError: A manifest cannot be read, or uv would refuse how they are put together.
        UnsupportedError: They have what is not read, and what a lock of uv would follow from.
        LimitedError: There are too many of them.
    """

    def __init__(self, path: Path, files: UvFiles) -> None:
        self._path, self._files = path, files
        self._workspace = files.settings(path).get("workspace")
        self.paths: dict[str, Path] = {}
        self.projects: dict[Path, PyProject] = {}
        if "project" in files.document(path) or self._workspace is None:
            self._add(path)
        for one in self._found():
            self._add(one)
        self.paths = dict(sorted(self.paths.items()))
        shared = self.sources(path)
        self._needed = self._find_needed([(path, shared), *((one, self.sources(one)) for one in self.paths.values())])

    def sources(self, path: Path) -> Sources:
        """Return where else than in the usual indexes a project has its needs from: a member also where the root has its own."""
        files = self._files
        root = Sources(files.document(self._path), files.form(self._path), self._path.parent)
        if path == self._path:
            return root
        return Sources(
            files.document(path), files.form(path), path.parent, root if path in self.projects else None
        )  # fmt: skip

    def has(self, path: Path) -> bool:
        """Return whether a manifest is that of the root, or of a member."""
        return path == self._path or path in self.projects

    def written(self, name: str) -> str:
        """Return what a member is and where it lies, as uv.lock writes it, whoever needs it."""
        path = self.paths[name]
        said = self._files.settings(path).get("package")
        # What others need is built.
        is_package = (
            bool(said) if said is not None else "build-system" in self._files.document(path) or name in self._needed
        )
        kind = "virtual" if not is_package else "directory" if self._needed.get(name) is False else "editable"
        return f"{kind} = {toml_text(self._files.place(path))}"

    def _add(self, path: Path) -> None:
        files = self._files
        uv = files.settings(path)
        if path != self._path and uv.get("managed") is False:
            files.forget(path)
            return
        if path != self._path:
            refuse_settings_of_member(uv, f"{files.form(path)}: tool.uv.")
        if path != self._path and "workspace" in uv:
            raise InvalidConfigError(
                f"{files.form(path)}: it is a member of the workspace of {self._path}, and has one of its own", path="tool.uv.workspace",
                found="[tool.uv.workspace]", expected="none", suggestions=[f"write its folder into tool.uv.workspace.exclude of {self._path}"],
            )  # fmt: skip
        project = read_pyproject(files.texts[path], files.form(path))
        other = self.paths.setdefault(project.name, path)
        if other != path:
            raise InvalidConfigError(
                f"{files.form(path)}: {files.form(other)} is called {project.name} too", path="project.name", found=project.name,
                expected="a name for each", suggestions=["rename one of them"],
            )  # fmt: skip
        self.projects[path] = project

    def _found(self) -> Iterator[Path]:
        """Yield the manifests that the patterns of the root find."""
        excluded = {one for text in self._patterns("exclude") for one in self._matching(text)}
        found: dict[Path, str] = {}
        for text in self._patterns("members"):
            for one in self._matching(text):
                if one != self._path.parent and one not in excluded and one.is_dir():
                    found.setdefault(one, text)
        for one, text in found.items():
            if manifest_in(one).is_file():
                yield manifest_in(one)
            elif not one.name.startswith("."):
                raise InvalidConfigError(
                    f"{one}: it has no {FORM}, and is a member of the workspace", path="tool.uv.workspace.members", found=text,
                    expected=f"a {FORM} in each folder", suggestions=["remove the folder", "write it into tool.uv.workspace.exclude"],
                )  # fmt: skip

    def _patterns(self, key: str) -> list[str]:
        if self._workspace is None:
            return []
        found = self._workspace.get(key) or [] if isinstance(self._workspace, dict) else None
        if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
            raise malformed(("tool", "uv", "workspace", key), found, "a list of patterns of folders")
        for one in found:
            if Path(one).is_absolute() or ".." in Path(one).parts:
                raise UnsupportedError(
                    f"{FORM}: tool.uv.workspace.{key} has a pattern that leads out of its folder", path=f"tool.uv.workspace.{key}", found=one[:80],
                    expected="folders below it", suggestions=["use uv itself: uv lock"],
                )  # fmt: skip
        return found

    def _matching(self, text: str) -> list[Path]:
        """Return what a pattern finds, sorted; as with uv, the star finds hidden folders too."""
        folder = self._path.parent
        found = glob(text, root_dir=folder, include_hidden=True, recursive=True)  # noqa: PTH207 - that of paths leaves out none
        return sorted({folder / one for one in found})

    def _find_needed(self, said: list[tuple[Path, Sources]]) -> dict[str, bool | None]:
        """Return the members that others need, and whether they are said to be editable; what is said last counts."""
        names = {path: name for name, path in self.paths.items()}
        found: dict[str, bool | None] = {}
        for path, sources in said:
            for name, editable in sources.members().items():
                if name == names.get(path):
                    continue
                before = found.get(name)
                if before is not None and editable is not None and before != editable:
                    raise InvalidConfigError(
                        f"{self._files.form(path)}: {name} is editable in one place and not in another", path=f"tool.uv.sources.{name}.editable",
                        found=str(editable), expected=str(before), suggestions=["say the same in all members"],
                    )  # fmt: skip
                found[name] = editable
        return found
