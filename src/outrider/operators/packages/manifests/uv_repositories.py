"""What a commit of a git repository says of a project in it, with the workspace that this is of."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import ExecutionFailedError, OutriderError, UnsupportedError
from outrider.operators.packages.manifests.py_requirements import FORM
from outrider.operators.packages.manifests.pyproject import PyProject, read_pyproject, refuse_built
from outrider.operators.packages.manifests.uv_direct import Direct
from outrider.operators.packages.manifests.uv_files import UvFiles, manifest_in
from outrider.operators.packages.manifests.uv_lowering import Lowering
from outrider.operators.packages.manifests.uv_members import UvMembers
from outrider.operators.packages.manifests.uv_settings import workspace_of
from outrider.operators.packages.manifests.uv_sources import Source
from outrider.operators.packages.manifests.uv_workspace import Fetched
from outrider.ports.git import Commit
from outrider.ports.own_folders import own_folder


async def read_repository(direct: Direct, commit: Commit, place: Path) -> Fetched:
    """Return the project that a repository has.

    Args:
        direct: Whence it is.
        commit: Of the repository.
        place: Where its manifests, and nothing else of it, are laid out for a while.

    Raises:
        InvalidConfigError: What it says cannot be read.
        UnsupportedError: Only a build can tell what it needs, or that comes from where nothing is read.
        OutriderError: What git says.
    """
    manifests = {path: one for path, one in (await commit.files()).items() if path.rpartition("/")[2] == FORM}
    contents = await commit.read([*manifests.values()])
    texts = {path: content.decode("utf-8", "replace") for path, content in zip(manifests, contents, strict=True)}
    with own_folder(place) as folder:
        try:
            return _Checkout(folder, direct, texts).fetched(commit.identity)
        except OutriderError as error:
            error.message = f"{direct.address} at {commit.identity[:12]}: {error.message}"
            raise
        except OSError as error:
            raise ExecutionFailedError(
                f"{direct.address}: its manifests cannot be laid out: {error.strerror}", path="repository", found=str(error.filename)[:80],
                expected="folders and files that go together", suggestions=["use another commit"],
            ) from error  # fmt: skip


class _Checkout:
    """The manifests of a commit; a landing of `Lowering`, for which all that lies in the repository is of it.

    Args:
        folder: Where they are laid out.
        direct: Which of them is asked for.
        texts: Of all of them, by their paths.
    """

    def __init__(self, folder: Path, direct: Direct, texts: Mapping[str, str]) -> None:
        self._folder, self._direct = folder, direct
        self._directs: dict[str, Direct] = {}
        for name, text in texts.items():
            path = folder / name
            # A tree that somebody has made by hand may have any names.
            if os.path.normpath(path) == str(path) and path.is_relative_to(folder):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def fetched(self, commit: str) -> Fetched:
        """Return the project."""
        manifest = manifest_in(Path(os.path.normpath(self._folder / self._direct.subdirectory)))
        if not manifest.is_relative_to(self._folder) or not manifest.is_file():
            raise UnsupportedError(
                f"there is no {FORM} in the folder, and nothing is built here", path="subdirectory", found=self._direct.subdirectory or ".",
                expected=f"a folder with a {FORM}", suggestions=["name another folder, or another commit", "use uv itself: uv lock"],
            )  # fmt: skip
        above = workspace_of(manifest.parent)
        root = manifest_in(above) if above is not None and above.is_relative_to(self._folder) else manifest
        files = UvFiles(root, {})
        document, text, form = files.document(manifest), files.texts[manifest], files.form(manifest)
        members = UvMembers(root, files)
        self._members = members.paths
        said = members.projects.get(manifest) or read_pyproject(text, form)
        refuse_built(document, form)
        project: PyProject = Lowering(members, files, self).project(manifest, said)
        return Fetched(
            project=msgspec.structs.replace(project, groups={}), source=self._direct.entry(commit), directs=self._directs,
            addresses=files.addresses(),
        )  # fmt: skip

    def member(self, name: str) -> tuple[str, str]:
        """Return a member; as of `Landing`."""
        return self._inside(name, self._members[name].parent)

    def path(self, name: str, source: Source) -> tuple[str, str]:
        """Return a folder of the repository; as of `Landing`."""
        said = source.text("path")
        folder = Path(os.path.normpath(source.folder / said))
        if not folder.is_relative_to(self._folder) or not manifest_in(folder).is_file():
            raise UnsupportedError(
                f"{source.form}: {source.where}.path is no path to a folder of the repository with a {FORM}", path=f"{source.where}.path",
                found=said[:80], expected="such a path", suggestions=["use uv itself: uv lock"],
            )  # fmt: skip
        return self._inside(name, folder)

    def direct(self, name: str, direct: Direct) -> tuple[str, str]:
        """Return what comes from elsewhere; as of `Landing`."""
        del name
        written = direct.entry()
        self._directs[written] = direct
        return written, written

    def _inside(self, name: str, folder: Path) -> tuple[str, str]:
        below = folder.relative_to(self._folder).as_posix()
        return self.direct(name, msgspec.structs.replace(self._direct, subdirectory="" if below == "." else below))
