"""Functions that projects call in properties and conditions: https://learn.microsoft.com/visualstudio/msbuild/property-functions.

Those alone that ask for what is the same everywhere: texts, versions, target frameworks and paths.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from outrider.operators.packages.manifests.msbuild.expansion import LONGEST, Function, Method
from outrider.operators.packages.nuget.compatibility import is_compatible
from outrider.operators.packages.nuget.frameworks import full_name, read_framework


def functions(folder: Callable[[], Path]) -> dict[str, Function]:
    """Return functions by their types and names.

    Args:
        folder: Gives the folder of the file that is being read.
    """
    return {
        **_FRAMEWORKS,
        **_VERSIONS,
        **_TEXTS,
        "msbuild::isosplatform": lambda given: truth(given[0].lower() == "linux"),
        "msbuild::isosunixlike": lambda _: truth(True),
        "msbuild::normalizepath": lambda given: str(_path(folder(), given)),
        "msbuild::normalizedirectory": lambda given: f"{_path(folder(), given)}/",
        "msbuild::ensuretrailingslash": lambda given: given[0] if given[0].endswith("/") or not given[0] else f"{given[0]}/",
        "msbuild::getpathoffileabove": lambda given: _above(_path(folder(), given[1:]), given[0]),
        "msbuild::getdirectorynameoffileabove": lambda given: _folder_above(_path(folder(), given[:1]), given[1]),
        "msbuild::valueordefault": lambda given: given[0] or given[1],
        "system.io.path::combine": lambda given: str(Path(*map(slashes, given))),
        "system.io.path::getfullpath": lambda given: str(_path(folder(), given)),
        "system.io.path::getfilename": lambda given: Path(slashes(given[0])).name,
        "system.io.path::getfilenamewithoutextension": lambda given: Path(slashes(given[0])).stem,
        "system.io.path::getdirectoryname": lambda given: str(Path(slashes(given[0])).parent),
        "system.io.file::exists": lambda given: truth(is_there(_path(folder(), given), Path.is_file)),
        "system.io.directory::exists": lambda given: truth(is_there(_path(folder(), given), Path.is_dir)),
    }  # fmt: skip


def methods() -> dict[str, Method]:
    """Return what can be asked of a text."""
    return {
        "startswith": lambda text, given: truth(text.startswith(given[0])),
        "endswith": lambda text, given: truth(text.endswith(given[0])),
        "contains": lambda text, given: truth(given[0] in text),
        "equals": lambda text, given: truth(text == given[0]),
        "indexof": lambda text, given: str(text.find(given[0])),
        "replace": _replaced,
        "substring": _substring,
        "tolower": lambda text, _: text.lower(),
        "tolowerinvariant": lambda text, _: text.lower(),
        "toupper": lambda text, _: text.upper(),
        "toupperinvariant": lambda text, _: text.upper(),
        "trim": lambda text, given: text.strip(given[0] if given else None),
        "trimstart": lambda text, given: text.lstrip(given[0] if given else None),
        "trimend": lambda text, given: text.rstrip(given[0] if given else None),
        "length": lambda text, _: str(len(text)),
    }


def truth(value: bool) -> str:
    """Return how MSBuild writes it."""
    return "True" if value else "False"


def slashes(text: str) -> str:
    """Return a path as it is written here; projects write both kinds of slashes."""
    return text.replace("\\", "/")


def is_there(path: Path, question: Callable[[Path], bool] = Path.exists) -> bool:
    """Return what is asked of a path; what cannot be one is not there."""
    try:
        return question(path)
    except (OSError, ValueError):
        return False


def version_key(text: str) -> tuple[int, ...]:
    """Return by what versions compare: https://learn.microsoft.com/visualstudio/msbuild/property-functions#msbuild-version-comparison-functions.

    Raises:
        ValueError: It is none.
    """
    numbers = text.strip().lstrip("vV").partition("-")[0].partition("+")[0].split(".")
    if len(numbers) > 4:
        raise ValueError(text)
    return (*(int(one) for one in numbers), *[0] * (4 - len(numbers)))


def _substring(text: str, given: Sequence[str]) -> str:
    start = int(given[0])
    end = start + int(given[1]) if len(given) > 1 else len(text)
    if not 0 <= start <= end <= len(text):
        raise ValueError(text)
    return text[start:end]


def _replaced(text: str, given: Sequence[str]) -> str:
    before, after = given[0], given[1]
    if not before or len(text) + text.count(before) * len(after) > LONGEST:
        raise ValueError(before)
    return text.replace(before, after)


def _path(folder: Path, parts: Sequence[str]) -> Path:
    return Path(os.path.normpath(folder.joinpath(*map(slashes, parts))))


def _above(folder: Path, name: str) -> str:
    found = _folder_above(folder, name)
    return str(Path(found) / name) if found else ""


def _folder_above(folder: Path, name: str) -> str:
    return next((str(one) for one in (folder, *folder.parents) if is_there(one / name, Path.is_file)), "")


def _identifier(text: str) -> str:
    return full_name(read_framework(text)._replace(version=(0, 0, 0, 0), platform="")).partition(",")[0]


def _framework_version(text: str, parts: int = 2) -> str:
    numbers = [*read_framework(text).version]
    while len(numbers) > max(parts, 1) and not numbers[-1]:
        numbers.pop()
    return ".".join(map(str, numbers))


_FRAMEWORKS: dict[str, Function] = {
    "msbuild::istargetframeworkcompatible": lambda given: truth(is_compatible(read_framework(given[0]), read_framework(given[1]))),
    "msbuild::gettargetframeworkidentifier": lambda given: _identifier(given[0]),
    "msbuild::gettargetframeworkversion": lambda given: _framework_version(given[0], *(int(one) for one in given[1:])),
    "msbuild::gettargetplatformidentifier": lambda given: read_framework(given[0]).platform,
}  # fmt: skip
_VERSIONS: dict[str, Function] = {
    "msbuild::versionequals": lambda given: truth(version_key(given[0]) == version_key(given[1])),
    "msbuild::versionnotequals": lambda given: truth(version_key(given[0]) != version_key(given[1])),
    "msbuild::versiongreaterthan": lambda given: truth(version_key(given[0]) > version_key(given[1])),
    "msbuild::versiongreaterthanorequals": lambda given: truth(version_key(given[0]) >= version_key(given[1])),
    "msbuild::versionlessthan": lambda given: truth(version_key(given[0]) < version_key(given[1])),
    "msbuild::versionlessthanorequals": lambda given: truth(version_key(given[0]) <= version_key(given[1])),
}
_TEXTS: dict[str, Function] = {
    "system.string::isnullorempty": lambda given: truth(not given[0]),
    "system.string::isnullorwhitespace": lambda given: truth(not given[0].strip()),
    "system.string::concat": "".join,
    "string::isnullorempty": lambda given: truth(not given[0]),
    "string::isnullorwhitespace": lambda given: truth(not given[0].strip()),
}
