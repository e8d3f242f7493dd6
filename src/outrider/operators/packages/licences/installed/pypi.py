"""What stands in the site-packages of a project's environments: https://packaging.python.org/specifications/core-metadata/."""

from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.licences.installed.found import Find, Installed, Places, folders_in, text_of
from outrider.operators.packages.licences.normalising import Licence, best_of, licence_of
from outrider.operators.packages.pypi.core_metadata import classified_licence
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Key

_ENVIRONMENTS = (".venv", "venv", "env")
_DESCRIPTIONS = ((".dist-info", "METADATA"), (".egg-info", "PKG-INFO"))


def finder(places: Places) -> Find:
    """Return what finds distributions in the environments of a project, and in further folders of that kind."""
    found: dict[tuple[str, Key], Installed] = {}
    for site in _sites(places):
        for folder in folders_in(site):
            for ending, name in _DESCRIPTIONS:
                if folder.name.endswith(ending):
                    _note(found, folder, text_of(folder / name))

    def find(name: str, version: str) -> Installed | None:
        key = _key(version)
        return found.get((normalised(name), key)) if key is not None else None

    return find


def licence_in(metadata: Message) -> Licence:
    """Return the licence that a distribution tells: as an expression (PEP 639), in words, or by classifiers."""
    expression, field = (str(metadata.get(name, "")).strip() for name in ("License-Expression", "License"))
    classifiers = classified_licence(str(one) for one in metadata.get_all("Classifier", []))
    return best_of(*(licence_of("pypi", one) for one in (expression, field, classifiers) if one))


def _sites(places: Places) -> list[Path]:
    roots = [places.project / name for name in _ENVIRONMENTS]
    sites = [
        python / "site-packages"
        for root in roots
        for python in folders_in(root / "lib")
        if python.name.startswith("python")
    ]
    sites += [root / "Lib" / "site-packages" for root in roots]
    sites += [version / "lib" for version in folders_in(places.project / "__pypackages__")]
    return [*sites, *places.others]


def _note(found: dict[tuple[str, Key], Installed], folder: Path, text: str) -> None:
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    metadata = HeaderParser().parsestr(head)
    name, key = str(metadata.get("Name", "")).strip(), _key(str(metadata.get("Version", "")).strip())
    if name and key is not None:
        found.setdefault((normalised(name), key), Installed(licence_in(metadata), (folder, folder / "licenses")))


def _key(version: str) -> Key | None:
    """Return what versions are compared by: metadata has 1.0.0 where a lock may have 1.0."""
    try:
        return scheme_of("pypi").parse(version).key
    except InvalidConfigError:
        return None
