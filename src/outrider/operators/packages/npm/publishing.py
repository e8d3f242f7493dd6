"""Publishes packages of npm as npm publish does: `libnpmpublish` and `lib/commands/publish.js` of npm 11.19."""

import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.operators.packages.npm.normalising import normalised
from outrider.operators.packages.npm.packed import Packed, not_packed, read_packed
from outrider.operators.packages.npm.program import NpmProgram, npm_program
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.registries.publications import (
    LocalFile,
    Publication,
    State,
    contradiction,
    named_twice,
)
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.registries.uploads import opened_uploads, shown_to, upload
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of

# As validate-npm-package-name wants new ones.
_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*")
_LONGEST_NAME = 214
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_LATEST = "latest"
_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta")


class _Dist(msgspec.Struct, frozen=True):
    integrity: str = ""
    shasum: str = ""


class _Version(msgspec.Struct):
    dist: _Dist = _Dist()
    deprecated: Any = None


class _Document(msgspec.Struct):
    versions: dict[str, _Version] = {}


@asynccontextmanager
async def publisher(question: Question, registry: str) -> AsyncIterator["NpmPublisher"]:
    """Have what publishes.

    Args:
        question: With the settings of whoever calls.
        registry: The address to publish at; what the settings say if empty.
    """
    program = await npm_program(question.environment, question.cache)
    yield NpmPublisher(NpmSettings(question.environment, question.folder, program), program, question, registry)


class NpmPublisher:
    """Publishes.

    Args:
        settings: Where to.
        program: The npm of this machine.
        question: With the clock and the deadline.
        registry: The address in place of that of the settings.
    """

    def __init__(self, settings: NpmSettings, program: NpmProgram, question: Question, registry: str) -> None:
        self._settings, self._program, self._question, self._registry = settings, program, question, registry

    async def read(self, files: Sequence[LocalFile]) -> list[Publication]:
        """Return what files are.

        Raises:
            InvalidConfigError: npm has not packed one, or would not publish it.
        """
        found = [_publication(file) for file in files]
        named_twice(files, [f"{one.name}@{one.version}" for one in found])
        return found

    async def registry(self, publication: Publication) -> Registry:
        """Return where a package goes; `publishConfig` of its manifest counts more than the settings.

        Raises:
            UnauthenticatedError: Nothing is known to be shown there.
            OutriderError: What is wrong with the settings.
        """
        if self._registry:
            found = self._settings.registry(self._registry, "registry")
        else:
            found = self._settings.registry_for(publication.name, _config(publication.said))
        return shown_to(found, f"npm login --registry {found.url}/", "write //HOST/:_authToken=TOKEN into ~/.npmrc")

    async def state(self, registry: Registry, publication: Publication) -> State:
        """Return whether a version is there.

        Raises:
            ConflictError: It would take the tag `latest` from a newer version.
            OutriderError: What the registry says.
        """
        async with opened_uploads(registry, self._question) as downloads:
            try:
                document = await downloads.get(_address(registry, publication), headers={"accept": "application/json"})
            except NotFoundError:
                return ""
        try:
            versions = msgspec.json.decode(document.content or b"", type=_Document).versions
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""  # that it is there is told by the registry, then
        known = versions.get(publication.version)
        if known is not None:
            integrity, shasum = _digests(publication.file)
            same = known.dist.integrity == integrity or (not known.dist.integrity and known.dist.shasum == shasum)
            return "there" if same else "other"
        _refuse_older(publication, versions)
        return ""

    async def send(self, registry: Registry, publication: Publication) -> None:
        """Send a package.

        Raises:
            OutriderError: Why the registry does not take it.
        """
        body = msgspec.json.encode(self.document(registry, publication))
        async with opened_uploads(registry, self._question) as downloads:
            await upload(downloads, "PUT", _address(registry, publication), body, {"content-type": "application/json"})

    def document(self, registry: Registry, publication: Publication) -> dict[str, Any]:
        """Return the document that npm sends."""
        name, version, file = publication.name, publication.version, publication.file
        integrity, shasum = _digests(file)
        said, tarball = publication.said, f"{name}-{version}.tgz"
        programs = {
            key: value for key, value in (("_nodeVersion", self._program.node), ("_npmVersion", self._program.version)) if value
        }  # fmt: skip
        where = f"{registry.url}/{name}/-/{tarball}".replace("https://", "http://", 1)
        shown = {
            **said, "_id": f"{name}@{version}", **programs, "dist": {"integrity": integrity, "shasum": shasum, "tarball": where},
        }  # fmt: skip
        data = {
            "content_type": "application/octet-stream", "data": b64encode(file.content).decode(), "length": len(file.content),
        }  # fmt: skip
        config = _config(said)
        return {
            "_id": name, "name": name, "description": said.get("description", ""), "dist-tags": {_tag(said): version},
            "versions": {version: shown}, "access": config.get("access"),
            "_attachments": {tarball: data},
        }  # fmt: skip


def _publication(file: LocalFile) -> Publication:
    packed = read_packed(file)
    name, version = packed.manifest.get("name"), packed.manifest.get("version")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or _NAME.fullmatch(name) is None:
        raise not_packed(file, f"the name {str(name)[:100]!r}")
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None or not _is_version(version):
        raise not_packed(file, f"the version {str(version)[:100]!r}")
    if packed.manifest.get("private"):
        raise contradiction(
            file, "its package.json says that it is private", found="private", expected="a package that may be published",
            remedy="remove private from package.json, and pack it anew",
        )  # fmt: skip
    if not name.startswith("@") and _config(packed.manifest).get("access") == "restricted":
        raise contradiction(
            file, "without a scope it cannot be restricted", found="access restricted", expected="a name such as @scope/name",
            remedy="remove access from publishConfig in package.json",
        )  # fmt: skip
    if scheme_of("npm").parse(version).prerelease and _tag(packed.manifest) == _LATEST:
        raise contradiction(
            file, "a prerelease needs a tag of its own, so that nobody gets it who does not ask for it", found=version,
            expected='"publishConfig": {"tag": "next"}', remedy="name a tag in publishConfig of package.json, and pack it anew",
        )  # fmt: skip
    for kind in _NEEDS:
        if not isinstance(packed.manifest.get(kind, {}), dict):
            raise not_packed(file, f"{kind} is no object")
    return Publication(name, version, file, _shown(packed))


def _shown(packed: Packed) -> dict[str, Any]:
    """Return the manifest as registries have it, with the readme."""
    said = normalised(packed.manifest)
    readme, text = packed.readme
    return {**said, "readme": text, "readmeFilename": readme} if readme and "readme" not in said else said


def _is_version(text: str) -> bool:
    try:
        scheme_of("npm").parse(text)
    except InvalidConfigError:
        return False
    return True


def _config(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of `publishConfig`."""
    found = manifest.get("publishConfig")
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _tag(manifest: Mapping[str, Any]) -> str:
    return _config(manifest).get("tag") or _LATEST


def _address(registry: Registry, publication: Publication) -> str:
    return f"{registry.url}/{quote(publication.name, safe='@/').replace('/', '%2f')}"


def _digests(file: LocalFile) -> tuple[str, str]:
    """Return the integrity and the older hash of a file."""
    integrity = f"sha512-{b64encode(hashlib.sha512(file.content).digest()).decode()}"
    return integrity, hashlib.sha1(file.content, usedforsecurity=False).hexdigest()


def _refuse_older(publication: Publication, versions: Mapping[str, _Version]) -> None:
    """Refuse to have `latest` stand for an older version than it does, as npm does."""
    if _tag(publication.said) != _LATEST:
        return
    scheme = scheme_of("npm")
    known = [one for one, said in versions.items() if _is_version(one) and not said.deprecated]
    releases = [one for one in known if not scheme.parse(one).prerelease]
    highest = max(releases, key=lambda one: scheme.parse(one).key, default="")
    if highest and scheme.parse(highest).key > scheme.parse(publication.version).key:
        raise ConflictError(
            f"{publication.file.path}: {highest} is there, and the tag latest would go to the older {publication.version}", path="files",
            found=publication.version, expected=f"a version above {highest}, or another tag",
            suggestions=['write "publishConfig": {"tag": "NAME"} into package.json, and pack it anew'],
        )  # fmt: skip
