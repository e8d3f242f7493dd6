"""What RubyGems has installed: the specification of each gem is a program, whose assignments are read without running it."""

import re
from pathlib import Path

from outrider.operators.packages.licences.installed.found import Find, Installed, Places, folders_in, is_plain, text_of
from outrider.operators.packages.licences.normalising import Licence, licence_of

# As `Gem::Specification#to_ruby` writes it.
_LICENCES = re.compile(r"^  s\.licenses = \[([^\]\n]{0,4000})\]", re.MULTILINE)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*+)"')


def finder(places: Places) -> Find:
    """Return what finds gems of a project, of the user, and of the folders that variables name."""
    folders = _folders(places)

    def find(name: str, version: str) -> Installed | None:
        if not is_plain(name) or not is_plain(version):
            return None
        leaf = f"{name}-{version}"
        for folder in folders:
            text = text_of(folder / "specifications" / f"{leaf}.gemspec")
            if text:
                return Installed(_licence(text), (folder / "gems" / leaf,))
        return None

    return find


def _folders(places: Places) -> list[Path]:
    named = [places.environment.get("GEM_HOME", ""), *places.environment.get("GEM_PATH", "").split(":")]
    roots = [
        places.project / "vendor" / "bundle" / "ruby",
        places.home / ".gem" / "ruby",
        places.home / ".local/share/gem/ruby",
    ]
    versions = [version for root in roots for version in folders_in(root)]
    return [*versions, *(Path(one) for one in named if one), *places.others]


def licence_names(text: str) -> list[str]:
    """Return the licences that a specification names."""
    match = _LICENCES.search(text)
    return _TEXT.findall(match[1]) if match is not None else []


def _licence(text: str) -> Licence:
    names = licence_names(text)
    return licence_of("gem", names if len(names) > 1 else "".join(names))
