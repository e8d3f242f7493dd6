"""What a project of pnpm 10 and the members of its workspace ask for: https://pnpm.io/10.x/workspaces."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.locks.writing.pnpm_lock import Locking
from outrider.operators.packages.manifests.package_json import FORM, NpmWish, texts_of
from outrider.operators.packages.manifests.pnpm_settings import (
    REMEDY,
    WORKSPACE,
    PnpmSettings,
    catalog_entry,
    read_settings,
    refuse_npmrc,
)
from outrider.operators.packages.manifests.workspaces import folders_below
from outrider.operators.packages.npm.catalogs import CATALOG, catalog_of
from outrider.operators.packages.npm.details import Member, NpmDetails, at
from outrider.operators.packages.npm.globs import matches, refuse_unread
from outrider.operators.packages.npm.pnpm.extensions import known_extensions
from outrider.operators.packages.npm.pnpm.links import Links, link_between
from outrider.operators.packages.npm.pnpm.overrides import Overrides, is_peer_range
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.questions import Question

_PEERS = "peerDependencies"
# In the order in which pnpm looks at them; what stands in a later one counts.
_KINDS = (_PEERS, "devDependencies", "dependencies", "optionalDependencies")
_OTHER_FORMS = ("package.yaml", "package.json5")
_NO_MEMBERS = "bower_components"
_SHOWN = 80


class PnpmImporter(msgspec.Struct, kw_only=True, frozen=True):
    """The project, or a member of its workspace.

    Attributes:
        path: Of its package.json.
        text: Of that.
        place: Its folder, below that of the project; empty for the project.
        document: Its package.json as pnpm takes it: with overrides.
        needs: What it asks for, in the order of pnpm; without a package where that is a member.
        overridden: The names of what overrides say in place of it, or take from it.
        links: What a lock file has for members that it asks for, by name.
    """

    path: Path
    text: str
    place: str
    document: dict[str, Any]
    needs: list[NpmWish]
    overridden: frozenset[str]
    links: dict[str, str]


class PnpmWorkspace(msgspec.Struct, kw_only=True, frozen=True):
    """A project with the members of its workspace, where it has one.

    Attributes:
        folder: Of the project.
        settings: What it is told.
        members: All of them, and the project.
        importers: Likewise, the project first.
    """

    folder: Path
    settings: PnpmSettings
    members: list[Member]
    importers: list[PnpmImporter]

    def catalogs(self) -> dict[str, dict[str, str]]:
        """Return what is asked of catalogs, by catalog and name."""
        found: dict[str, dict[str, str]] = {}
        for one in self.importers:
            for need in one.needs:
                if catalog := catalog_of(need.range):
                    found.setdefault(catalog, {})[need.name] = self.settings.catalogs[catalog][need.name]
        return found

    def asked(self, question: Question, locked: Mapping[str, Mapping[str, str]] | None = None) -> Question:
        """Return the question for all that is needed.

        Args:
            question: What may be used for an answer.
            locked: Versions that are tried first, as `NpmDetails` has them.

        Raises:
            UnsupportedError: Files of npm or the environment set what is not heeded here.
        """
        folder = self.folder.resolve()
        refuse_npmrc(question.environment, folder)
        packages = [asked_at(one.place, need) for one in self.importers for need in one.needs]
        packages += [
            at(CATALOG + catalog, f"{name}@{text}")
            for catalog, some in self.catalogs().items()
            for name, text in some.items()
        ]
        details = NpmDetails(
            optional=self._names("optionalDependencies"), peers=self._names(_PEERS), members=self.members,
            overrides=self.settings.overrides, extensions=self.settings.extensions, locked_needs=locked or {},
            patches={key: one.hash for key, one in self.settings.patches.items()},
        )  # fmt: skip
        return msgspec.structs.replace(
            question, packages=packages, folder=folder, files=True, client="pnpm", details=details
        )

    def locking(self) -> Locking:
        """Return what a lock file is of."""
        return Locking(
            importers={one.place: one.document for one in self.importers},
            links={one.place: one.links for one in self.importers},
            catalogs=self.catalogs(),
            overrides=self.settings.overrides,
            extensions=self.settings.extensions,
            patches={key: one._asdict() for key, one in self.settings.patches.items()},
        )

    def _names(self, kind: str) -> set[str]:
        return {at(one.place, need.name) for one in self.importers for need in one.needs if need.kind == kind}


def asked_at(place: str, need: NpmWish) -> str:
    """Return what an importer asks for, as a question has it."""
    return at(place, f"{need.name}@{need.range}")


def read_workspace(folder: Path, changed: Mapping[Path, str] = {}) -> PnpmWorkspace:
    """Read a project, and the members of its workspace.

    Args:
        folder: Of the project.
        changed: Texts of files that are not those on the disk.

    Raises:
        InvalidConfigError: Something cannot be read.
        NotFoundError: A member is asked for that is not there.
        UnsupportedError: Settings are made that are not heeded here, or something comes from elsewhere than a registry.
        LimitedError: There are too many folders.
    """

    def read(path: Path) -> str:
        return changed[path] if path in changed else read_text(path)

    text, path = read(folder / FORM), folder / WORKSPACE
    settings = read_settings(read_json(FORM, text), folder, read(path) if path.exists() else "")
    texts = {"": text, **{place: read(folder / place / FORM) for place in sorted(_members(folder, settings.patterns))}}
    documents = {place: _document(place, one) for place, one in texts.items()}
    members = [
        Member(place=place, name=str(one.get("name") or ""), manifest=one) for place, one in sorted(documents.items())
    ]
    needs = _Needs(Overrides(settings.overrides), settings, Links(members))
    importers = [needs.importer(folder / place / FORM, place, texts[place], documents[place]) for place in documents]
    return PnpmWorkspace(folder=folder, settings=settings, members=members, importers=importers)


def _members(folder: Path, patterns: list[str]) -> Iterator[str]:
    """Yield the folders of members; the order of patterns does not count, as with `find-packages` of pnpm 10.34."""
    wanted = [_pattern(one) for one in patterns if not one.startswith("!")]
    unwanted = [_pattern(one[1:]) for one in patterns if one.startswith("!")]
    for place in folders_below(folder) if any(wanted) else ():
        is_found = matches(place, wanted) and not matches(place, unwanted)
        if not is_found or _NO_MEMBERS in place.split("/") or (folder / place).is_symlink():
            continue
        if (folder / place / FORM).is_file():
            yield place
            continue
        other = next((one for one in _OTHER_FORMS if (folder / place / one).is_file()), "")
        if other:
            raise _refused(f"{place}/{other}", "packages", other, f"a {FORM}")


def _pattern(text: str) -> str:
    """Return a pattern of folders below that of the project; empty for the project itself.

    Raises:
        UnsupportedError: It leads elsewhere, or is written in a way that is not read here.
    """
    pattern = re.sub(r"^(\./+)+", "", text).rstrip("/")
    if pattern in (".", ""):
        return ""
    if pattern.split("/")[0] in ("", "..") or "\\" in pattern:
        raise _refused(WORKSPACE, "packages", text, "patterns of folders below its own, with *, **, ? and braces")
    refuse_unread(WORKSPACE, "packages", [pattern])
    return pattern


def _file(place: str) -> str:
    return f"{place}/{FORM}" if place else FORM


def _document(place: str, text: str) -> dict[str, Any]:
    """Read a package.json.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It says what is not heeded here.
    """
    file = _file(place)
    document = read_json(file, text)
    for field in ("name", "version"):
        if not isinstance(document.get(field, ""), str):
            raise InvalidConfigError(
                f"{file}: {field} cannot be read", path=field, found=str(document[field])[:80], expected="a text", suggestions=["correct it"]
            )  # fmt: skip
    for field, inside in (("engines", "runtime"), ("devEngines", "runtime"), ("publishConfig", "directory")):
        table = document.get(field)
        if isinstance(table, dict) and inside in table:
            raise _refused(file, f"{field}.{inside}", f"{field}.{inside}", "a manifest without it")
    if document.get("dependenciesMeta"):
        raise _refused(file, "dependenciesMeta", "dependenciesMeta", "a manifest without it")
    return document


class _Needs:
    """Reads what manifests need.

    Args:
        overrides: What is put in place of what they ask for.
        settings: What the project is told.
        links: The members of the workspace.
    """

    def __init__(self, overrides: Overrides, settings: PnpmSettings, links: Links) -> None:
        self._overrides, self._settings, self._links = overrides, settings, links

    def importer(self, path: Path, place: str, text: str, document: dict[str, Any]) -> PnpmImporter:
        """Return one with what it needs; the errors are those of `read_workspace`."""
        file = _file(place)
        for kind in _KINDS:
            texts_of(document, kind, file)
        amended = self._overrides.applied(known_extensions().applied(document))
        fields = {kind: texts_of(amended, kind, file) for kind in _KINDS}
        _check_peers(fields[_PEERS], file)
        kinds = {name: kind for kind, some in fields.items() for name in some}
        targets = {name: self._links.target(place, name, fields[kind][name]) for name, kind in kinds.items()}
        return PnpmImporter(
            path=path, text=text, place=place, document=amended,
            needs=[self._need(file, kind, name, fields[kind][name], targets[name]) for name, kind in kinds.items()],
            overridden=self._overrides.concerned(document) | (frozenset() if place else self._settings.referred),
            links={name: link_between(place, one.place) for name, one in targets.items() if one is not None},
        )  # fmt: skip

    def _need(self, file: str, kind: str, name: str, text: str, target: Member | None) -> NpmWish:
        where = f"{kind}.{name}"[:_SHOWN]
        if target is not None:
            return NpmWish(kind=kind, name=name, package="", range=text)
        shown = catalog_entry(self._settings.catalogs, f"{file}: {where}", name, text)
        package = read_spec(name, shown).package
        if not package:
            raise _refused(
                f"{file}: {where}",
                where,
                text[:_SHOWN],
                "a range of a registry, a catalog or a member of the workspace",
            )
        return NpmWish(kind=kind, name=name, package=package, range=text)


def _check_peers(peers: Mapping[str, str], file: str) -> None:
    for name, text in peers.items():
        if not is_peer_range(text):
            raise InvalidConfigError(
                f"{file}: {_PEERS}.{name} cannot be read", path=f"{_PEERS}.{name}", found=text[:80],
                expected="a range, workspace: or catalog:", suggestions=["correct it"],
            )  # fmt: skip


def _refused(where: str, path: str, found: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"{where}: pnpm would take {found}, which is not done here",
        path=path,
        found=found,
        expected=expected,
        suggestions=[REMEDY],
    )
