"""pom.xml as one file: https://maven.apache.org/pom.html. What its parent sets, and what it imports, is elsewhere and reported.

Where it has the profile of a lock, all that this manages is locked, and nothing that is elsewhere matters.
"""

import re
from xml.etree.ElementTree import Element

from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.lock import Lock, unreadable
from outrider.operators.packages.locks.xml_properties import child_text, resolved
from outrider.operators.packages.manifests.pom import LOCK_PROFILE

FORM = "pom.xml"
_REFERENCE = re.compile(r"\$\{([^{}]+)\}")
_ONE_VERSION = re.compile(r"\[([^,\[\]()]+)\]")
_PARTIAL = "only what it names is looked at, not what that needs: lock it with outrider maven lock --file pom.xml"
_FLOATING = ("LATEST", "RELEASE")


def read(text: str) -> Lock:
    """Return the dependencies that have a fixed version in this file.

    Raises:
        InvalidConfigError: It is none of this format.
    """
    root = read_xml(FORM, text)
    if root.tag != "project":
        raise unreadable(FORM, f"<{root.tag}> at the top", "<project> at the top")
    findings = Findings(FORM, "maven")
    pom = _Pom(root, findings)
    parent = root.find("parent")
    if parent is not None and not pom.is_locked:
        findings.report(f"parent {child_text(parent, 'artifactId')}: what it sets is not in this file")
    for profile in root.iterfind("profiles/profile"):
        if profile.find("dependencies/dependency") is not None and not _is_lock(profile):
            findings.report(f"profile {child_text(profile, 'id')}: its dependencies are not always there, and not read")
    for number, dependency in enumerate(root.iterfind("dependencies/dependency"), 1):
        with findings.entry(f"dependency {child_text(dependency, 'artifactId') or number}"):
            pom.note(dependency)
    pom.take_all()
    return findings.lock(tells_needs=False, partial="" if pom.is_locked else _PARTIAL)


def _is_lock(profile: Element) -> bool:
    return child_text(profile, "id") == LOCK_PROFILE


class _Pom:
    """The properties and the managed dependencies of a file."""

    def __init__(self, root: Element, findings: Findings) -> None:
        self._findings = findings
        self._properties = _properties(root)
        self._managed: dict[tuple[str, ...], Element] = {}
        self._said_anew: dict[tuple[str, ...], Element] = {}
        self._locked: list[Element] = []
        self._own: dict[tuple[str, ...], Element] = {}
        profile = next(filter(_is_lock, root.iterfind("profiles/profile")), None)
        self.is_locked = profile is not None
        self._manage(root)
        if profile is not None:
            self._locked = self._manage(profile)
            for number, one in enumerate(profile.iterfind("dependencies/dependency"), 1):
                with findings.entry(f"dependency {child_text(one, 'artifactId') or number} of the lock"):
                    self._said_anew[self._key(one)] = one

    def _manage(self, element: Element) -> list[Element]:
        """Take what a part of the file manages, and return it; what comes later counts."""
        found = []
        for number, one in enumerate(element.iterfind("dependencyManagement/dependencies/dependency"), 1):
            with self._findings.entry(f"managed dependency {child_text(one, 'artifactId') or number}"):
                if child_text(one, "scope") != "import":
                    self._managed[self._key(one)] = one
                    found.append(one)
                elif not self.is_locked:
                    self._findings.report(f"import {child_text(one, 'artifactId')}: what it sets is not in this file")
        return found

    def note(self, dependency: Element) -> None:
        """Note a dependency of the project; of twins the last one counts."""
        self._own[self._key(dependency)] = dependency

    def take_all(self) -> None:
        """Take the dependencies of the project, and what else is locked."""
        for key, one in self._own.items():
            with self._findings.entry(f"dependency {key[1]}"):
                self._take(key, self._said_anew.get(key, one))
        for one in self._locked:
            with self._findings.entry(f"locked {child_text(one, 'artifactId')}"):
                key = self._key(one)
                if key not in self._own:
                    self._findings.add(f"{key[0]}:{key[1]}", self._value(one, "version"))

    def _take(self, key: tuple[str, ...], dependency: Element) -> None:
        managed = self._managed.get(key)
        version = self._version(dependency, managed)
        scope = self._value(dependency, "scope")
        if managed is not None:
            version = version or self._value(managed, "version")
            scope = scope or self._value(managed, "scope")
        fixed = _ONE_VERSION.fullmatch(version)
        version = fixed[1].strip() if fixed else version
        if not version or version in _FLOATING or version[0] in "[(":
            raise UnusableEntry(f"{version} is no fixed version" if version else "it has no version in this file")
        self._findings.ask([f"{key[0]}:{key[1]}"])
        self._findings.add(
            f"{key[0]}:{key[1]}", version, development=scope == "test", source="path" if scope == "system" else ""
        )

    def _version(self, dependency: Element, managed: Element | None) -> str:
        """Return the version that a dependency says; empty where it says none, or where what it says is elsewhere and locked."""
        try:
            return self._value(dependency, "version")
        except UnusableEntry:
            if not any(one is managed for one in self._locked):
                raise
            return ""

    def _key(self, dependency: Element) -> tuple[str, ...]:
        group, artifact = self._value(dependency, "groupId"), self._value(dependency, "artifactId")
        if not group or not artifact:
            raise UnusableEntry("it has no groupId or no artifactId")
        return group, artifact, self._value(dependency, "type") or "jar", self._value(dependency, "classifier")

    def _value(self, element: Element, name: str) -> str:
        return resolved(child_text(element, name), self._properties, _REFERENCE)


def _properties(root: Element) -> dict[str, str]:
    """Return what a file sets, and what Maven knows of a project; group and version are those of the parent if it has none."""
    found: dict[str, str] = {}
    for name in ("groupId", "artifactId", "version"):
        parent = (root.findtext(f"parent/{name}") or "").strip()
        own = child_text(root, name) or (parent if name != "artifactId" else "")
        known = {f"project.{name}": own, f"pom.{name}": own, name: own, f"project.parent.{name}": parent}
        found |= {key: value for key, value in known.items() if value}
    found |= {one.tag: (one.text or "").strip() for one in root.iterfind("properties/*")}
    return found
