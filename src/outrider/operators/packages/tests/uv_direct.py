"""Projects of uv with packages from git repositories, addresses and files; drawn by chance."""

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from outrider.core.http.messages import Response
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.uv_projects import MARKERS, PYTHONS, need, project
from outrider.operators.packages.tests.uv_workspaces import manifest, write
from outrider.operators.packages.tests.wheels import Wheel
from tests.servers.git_http import git

REPOSITORIES = ("one", "two", "three")
ARCHIVES = ("arc1", "arc2", "arc3", "arc4")
_EXTRAS = {"fast": ["zeta"], "slow": ["theta", "eta[fast]"]}


def repository(folder: Path, files: Mapping[str, str], tag: str = "v1") -> Path:
    """Have a repository with manifests by their folders in one more commit with a tag, and return its folder."""
    if not folder.exists():
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
    write(folder, files)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(folder, "tag", *annotation(tag), tag)
    return folder


def annotation(tag: str) -> list[str]:
    """Return what makes an annotated tag of every second one."""
    return ["--annotate", "--message", tag] if int(tag[1:]) % 2 else []


def source_distribution(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """Return a source distribution with files by their paths."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def pkg_info(name: str, version: str, needs: Sequence[str], form: str = "2.2") -> str:
    """Return core metadata of a source distribution."""
    lines = [f"Metadata-Version: {form}", f"Name: {name}", f"Version: {version}", "Requires-Python: >=3.8"]
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in needs), "Provides-Extra: fast", "", ""])


class DirectWorld:
    """Has repositories and archives that projects are drawn from.

    Args:
        random: By which.
        place: Where they lie.
        index: That has the archives, and others of their names.
        names: Of packages of it.
    """

    def __init__(self, random: Random, place: Path, index: PythonIndex, names: list[str]) -> None:
        self._random, self._index, self._names = random, index, names
        self.repositories = {name: self._repository(place / "repositories", name) for name in REPOSITORIES}
        self.archives = {name: self._archive(name) for name in ARCHIVES}
        for version in ("1.0", "2.0"):
            index.add("plug", version, "arc1>=0.5", "one; sys_platform != 'win32'")
        for name in (*REPOSITORIES, *ARCHIVES):
            index.add(name, "9.0", need(random, "alpha"), extras=["fast"])

    def _needs(self, most: int) -> list[str]:
        return [need(self._random, one) for one in self._random.sample(self._names, self._random.randint(0, most))]

    def _repository(self, place: Path, name: str) -> Path:
        for tag in ("v1", "v2"):
            made = repository(place / name, dict(self._manifests(name, tag)), tag)
        git(made, "checkout", "--quiet", "-b", "feature/x")
        repository(made, {"docs": manifest("docs", ["eta"], version="0.3")}, "v3")
        git(made, "checkout", "--quiet", "main")
        return made

    def _manifests(self, name: str, tag: str) -> Iterator[tuple[str, str]]:
        random = self._random
        is_workspace = random.random() < 0.5
        where = "{ workspace = true }" if is_workspace else '{ path = "libs/sub" }'
        tables = f"[tool.uv.sources]\nsub-{name} = {where}\n"
        tables += "[tool.uv.workspace]\nmembers = ['libs/*']\n" if is_workspace else ""
        needs, extras = [*self._needs(2), *([f"sub-{name}[x]"] if random.random() < 0.7 else [])], {**_EXTRAS}
        if f"sub-{name}" not in str(needs):
            extras["sub"] = [f"sub-{name}"]
        yield (
            ".",
            manifest(
                name,
                needs,
                extras=extras,
                groups={"dev": ["alpha"]},
                version=f"{tag[1:]}.0",
                more=tables,
                pythons=">=3.8",
            ),
        )
        yield (
            "libs/sub",
            manifest(f"sub-{name}", self._needs(1), extras={"x": self._needs(1)}, version="0.1", pythons=">=3.9"),
        )

    def _archive(self, name: str) -> tuple[str, bytes]:
        """Return the name and the content of an archive, which the index has too."""
        random, version = self._random, self._random.choice(("1.0", "2.0.1", "3.0+loc"))
        needs = [*self._needs(2), "zeta; extra == 'fast'", *self._by_address(name)]
        if random.random() < 0.5:
            tag = random.choice(
                (
                    "py3-none-any",
                    "py2.py3-none-any",
                    "cp38-abi3-win_amd64",
                    "cp39-abi3-macosx_11_0_arm64",
                    "cp313-cp313-win_amd64",
                )
            )
            wheel = self._index.add(name, version, *needs, extras=["fast"], tag=tag)
            return wheel.name, wheel.packed()
        files = {"PKG-INFO": pkg_info(name, version, needs)}
        if random.random() < 0.5:
            extras = {"fast": ["zeta"]}
            files = {"pyproject.toml": manifest(name, needs[:1], extras=extras, version=version, pythons="")}
            files["PKG-INFO"] = pkg_info(name, version, ["nothing"], "2.1")
        content = source_distribution(name, version, files)
        file = f"{name}-{version}.tar.gz"
        # It alone would be a version that has no wheel, which is passed over.
        self._index.answers[f"/files/{file}"] = lambda _: Response(200, body=content)
        return file, content

    def _by_address(self, name: str) -> list[str]:
        if name != "arc4":
            return []
        wheel = Wheel(project="deep", version="1.0", needs=["eta"])
        self._index.answers[f"/deep/{wheel.name}"] = lambda _: Response(200, body=wheel.packed())
        return [f"deep @ {self._index.root}/deep/{wheel.name} ; sys_platform == 'linux'"]

    def drawn(self, random: Random, folder: Path) -> Path:
        """Have a project, with a member of its workspace or a folder that need some of the same, and return where its lock is to be."""
        names = random.sample([*REPOSITORIES, *ARCHIVES], random.randint(1, 4))
        in_extra = random.sample(names, random.randint(0, 2 if len(names) > 1 else 0))
        lines = ["[tool.uv.sources]"]
        needs: list[str] = []
        extra: list[str] = []
        for name in names:
            table, url = self._source(random, name, folder)
            by_address = random.random() < 0.2 and url
            (extra if name in in_extra else needs).append(self._need(random, name, f" @ {url} " if by_address else ""))
            if not by_address:
                only = f', marker = "{random.choice(MARKERS)}"' if random.random() < 0.25 else ""
                only += ", extra = 'more'" if name in in_extra and random.random() < 0.4 else ""
                lines.append(f"{name} = {{ {table}{only} }}")
        needs += [need(random, one) for one in random.sample([*self._names, "plug"], random.randint(0, 2))]
        other = [
            one for one in names if f"{one} = " in str(lines) and "extra" not in str(lines) and "path" not in str(lines)
        ]
        if other and random.random() < 0.4:
            more = "\n".join(lines)
            write(
                folder, {"libs/m1": manifest("m1", [self._need(random, one) for one in other], pythons="", more=more)}
            )
            needs.append("m1")
            in_workspace = random.random() < 0.5
            where = "{ workspace = true }" if in_workspace else "{ path = 'libs/m1' }"
            lines.append(f"m1 = {where}")
            lines += ["[tool.uv.workspace]", "members = ['libs/*']"] if in_workspace else []
        extras = {"more": extra} if extra else {}
        return project(folder, needs, extras=extras, pythons=random.choice(PYTHONS), more="\n".join(lines))

    def _need(self, random: Random, name: str, address: str = "") -> str:
        marker = f"; {random.choice(MARKERS)}" if random.random() < 0.3 else ""
        return f"{name}{random.choice(('', '', '[fast]'))}{address or random.choice(('', '>=5'))}{marker}"

    def _source(self, random: Random, name: str, folder: Path) -> tuple[str, str]:
        """Return what a source says of a package, and the address by which a requirement may say the same."""
        if name in self.repositories:
            address = self.repositories[name].as_uri()
            key, value = random.choice(
                (("tag", "v1"), ("tag", "v2"), ("branch", "main"), ("rev", "v1"), ("rev", "main"), ("", ""))
            )
            return (f'git = "{address}"' + (f', {key} = "{value}"' if key else ""), f"git+{address}@v2")
        file, content = self.archives[name]
        url = f"{self._index.root}/files/{file}"
        if random.random() < 0.5:
            return f'url = "{url}"', url
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / "files" / file).write_bytes(content)
        return f'path = "files/{file}"', ""
