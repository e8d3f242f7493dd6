"""The files in which NuGet is told things, put together.

https://learn.microsoft.com/nuget/consume-packages/configuring-nuget-behavior and https://learn.microsoft.com/nuget/reference/nuget-config-file.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.documents import read_xml

# Of several in one folder NuGet takes the first.
_NAMES = ("nuget.config", "NuGet.config", "NuGet.Config")
_VARIABLE = re.compile(r"%([^%]+)%")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LARGEST = 4 << 20


class Setting(NamedTuple):
    """An element of a section.

    Attributes:
        element: As it is written.
        path: Of the file.
    """

    element: Element
    path: Path


class SettingFiles:
    """The sections of all files.

    Args:
        environment: Variables, which may stand in values.
        folder: Of the project. A file there and those in the folders above count, the nearest most, then the user's, then the machine's.

    Raises:
        InvalidConfigError: A file cannot be read.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self.paths = list(_paths(environment, folder.absolute()))
        self._roots = [(path, _root(path)) for path in self.paths]

    def items(
        self, section: str, tag: str = "add", key: str = "key", *, ignore_case: bool = True
    ) -> dict[str, Setting]:
        """Return the elements of a section by their keys, the nearest first; of equal ones the nearest counts.

        `<clear/>` takes away whatever stands before it and in files that are further away.

        Args:
            section: Its name.
            tag: Of the elements; empty for all.
            key: The attribute by which they are told apart; empty for the name of the element.
            ignore_case: Whether keys are equal that differ in their case alone.
        """
        found: dict[str, Setting] = {}
        known: set[str] = set()
        for path, root in self._roots:
            here: dict[str, Setting] = {}
            is_cleared = False
            for one in root.iterfind(f"{section}/*"):
                if one.tag == "clear":
                    here.clear()
                    is_cleared = True
                elif tag in (one.tag, ""):
                    name = one.get(key, "").strip() if key else _ESCAPED.sub(_character, one.tag)
                    here[name] = Setting(one, path)
            for name, setting in here.items():
                same = name.lower() if ignore_case else name
                if same not in known:
                    known.add(same)
                    found[name] = setting
            if is_cleared:
                break
        return found

    def value(self, element: Element, attribute: str = "value") -> str:
        """Return an attribute, with variables replaced that are set; empty where it is missing."""
        text = element.get(attribute, "").strip()
        return _VARIABLE.sub(lambda match: self._environment.get(match[1], match[0]), text)

    def text(self, section: str, key: str) -> str:
        """Return the value of a key; empty where it is missing."""
        setting = self.items(section).get(key)
        return self.value(setting.element) if setting is not None else ""


def _paths(environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """Yield the files that there are, the nearest first."""
    for place in (folder, *folder.parents):
        yield from [path for name in _NAMES if (path := place / name).is_file()][:1]
    home = Path(environment.get("DOTNET_CLI_HOME") or environment.get("HOME") or "/")
    # Which of these a client reads is up to which client it is; the .NET SDK reads the first.
    for place in (home / ".nuget" / "NuGet", home / ".config" / "NuGet"):
        if (place / "NuGet.Config").is_file():
            yield place / "NuGet.Config"
            yield from _in_folder(place / "config")
            break
    common = Path(environment.get("NUGET_COMMON_APPLICATION_DATA") or "/etc/opt")
    yield from _in_folder(common / "NuGet" / "Config")


def _in_folder(folder: Path) -> list[Path]:
    return sorted(path for pattern in ("*.Config", "*.config") for path in folder.glob(pattern) if path.is_file())


def _root(path: Path) -> Element:
    try:
        if path.stat().st_size > _LARGEST:
            raise _unreadable(path, f"more than {_LARGEST} bytes")
        root = read_xml(path.name, path.read_text("utf-8-sig"))
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, type(error).__name__) from error
    except InvalidConfigError as error:
        # What the parser says has no line of the file in it, and so no password.
        raise _unreadable(path, str(error.found)) from error
    if root.tag != "configuration":
        raise _unreadable(path, f"<{root.tag[:40]}> at the top")
    return root


def _unreadable(path: Path, found: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{path}: NuGet's settings cannot be read", found=found, expected="XML with <configuration> at the top",
        suggestions=[f"correct {path}"],
    )  # fmt: skip


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))
