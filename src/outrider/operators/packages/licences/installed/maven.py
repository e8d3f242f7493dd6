"""What Maven keeps of what it fetched: the POM of each version, which has its licences from its parents if it has none itself."""

from pathlib import Path
from xml.etree.ElementTree import Element

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.licences.installed.found import Find, Installed, Places, is_plain, text_of
from outrider.operators.packages.licences.normalising import Licence, licence_of
from outrider.operators.packages.locks.documents import read_xml
from outrider.operators.packages.locks.xml_properties import child_text

_MOST_PARENTS = 20
_MOST_LICENCES = 50


def finder(places: Places) -> Find:
    """Return what finds artifacts in the local repository of the user, and in further ones."""
    repositories = (places.home / ".m2" / "repository", *places.others)

    def find(name: str, version: str) -> Installed | None:
        for repository in repositories:
            root = _pom(repository, *name.partition(":")[::2], version)
            if root is not None:
                return Installed(_licence(repository, root), ())
        return None

    return find


def _pom(repository: Path, group: str, artifact: str, version: str) -> Element | None:
    if not all(is_plain(one) for one in (*group.split("."), artifact, version)):
        return None
    folder = repository.joinpath(*group.split("."), artifact, version)
    text = text_of(folder / f"{artifact}-{version}.pom")
    try:
        return read_xml("pom.xml", text) if text else None
    except InvalidConfigError:
        return None


def _licence(repository: Path, root: Element) -> Licence:
    """Return the licences of a POM, or those of the nearest parent that has some."""
    current: Element | None = root
    for _ in range(_MOST_PARENTS):
        if current is None:
            break
        rows = [
            {name: text for name in ("name", "url") if (text := child_text(one, name))}
            for one in current.findall("licenses/license")[:_MOST_LICENCES]
        ]
        rows = [row for row in rows if row]
        if rows:
            return licence_of("maven", rows if len(rows) > 1 else rows[0])
        parent = current.find("parent")
        current = (
            _pom(repository, *(child_text(parent, name) for name in ("groupId", "artifactId", "version")))
            if parent is not None
            else None
        )
    return Licence()
