"""A new plugin from a template: plugin.yaml, a program that works, a README."""

import re
from pathlib import Path
from typing import Literal, get_args

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.objects import NAME_PATTERN

Language = Literal["python", "nodejs", "go", "sh"]
Kind = Literal["trigger", "action", "output", "tool"]
LANGUAGES: tuple[str, ...] = get_args(Language)
KINDS: tuple[str, ...] = get_args(Kind)
_TEMPLATES = Path(__file__).parent / "templates"
_FRAME = "@FRAME@"
_GO_IMPORTS = ("bufio", "encoding/json", "fmt", "os", "sync")
_MORE_IMPORTS = {"trigger": ("time",), "tool": ("strings",)}


class _Form(msgspec.Struct, frozen=True):
    """What a language needs."""

    runtime: str
    program: str
    memory: str
    processes: int
    build: str = ""


_FORMS = {
    "python": _Form("python", "{module}.py", "64MB", 8),
    "nodejs": _Form("nodejs", "{module}.js", "256MB", 32),
    "go": _Form("executable", "{id}", "256MB", 32, build="go build -o {id} ."),
    "sh": _Form("sh", "{module}.sh", "64MB", 16),
}


class Scaffold(msgspec.Struct, kw_only=True):
    """What was made; `build` is the command that makes the program of it, empty where the source is the program."""

    folder: Path
    files: list[str]
    build: str


def scaffold(parent: Path, plugin_id: str, kind: Kind, language: Language) -> Scaffold:
    """Make the folder of a plugin below `parent`.

    Raises:
        InvalidConfigError: The id is no name.
        ConflictError: There is a folder of that name.
    """
    if not re.fullmatch(NAME_PATTERN, plugin_id):
        raise InvalidConfigError(
            f"'{plugin_id}' is no id of a plugin", path="id", found=plugin_id,
            expected="lower-case letters, digits and -, at most 63", suggestions=["write for example disk-space"],
        )  # fmt: skip
    folder = parent / plugin_id
    if folder.exists():
        raise ConflictError(f"{folder} is there already", found=str(folder), suggestions=["choose another id"])
    form = _FORMS[language]
    files = _files(plugin_id, kind, language)
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.write_text(text)
        if form.runtime == "sh" and name.endswith(".sh"):
            path.chmod(0o755)
    return Scaffold(folder=folder, files=sorted(files), build=form.build.format(id=plugin_id))


def _files(plugin_id: str, kind: Kind, language: Language) -> dict[str, str]:
    form = _FORMS[language]
    module = plugin_id.replace("-", "_")
    program = form.program.format(id=plugin_id, module=module)
    values = {
        "@ID@": plugin_id,
        "@CLASS@": "".join(part.capitalize() for part in plugin_id.split("-")),
        "@RUNTIME@": form.runtime,
        "@PROGRAM@": program,
        "@MEMORY@": form.memory,
        "@PROCESSES@": str(form.processes),
        "@IMPORTS@": "".join(f'\t"{package}"\n' for package in sorted({*_GO_IMPORTS, *_MORE_IMPORTS.get(kind, ())})),
    }
    source = (_TEMPLATES / language / kind).read_text()
    if _FRAME in source:
        source = _framed(source, (_TEMPLATES / language / "frame").read_text(), first=language == "go")
    files = {
        "plugin.yaml": (_TEMPLATES / f"{kind}.yaml").read_text(),
        "main.go" if language == "go" else program: source,
        "README.md": (_TEMPLATES / f"{kind}.md").read_text(),
    }
    if language == "go":
        files |= {"go.mod": "module @ID@\n\ngo 1.19\n", ".gitignore": "/@ID@\n"}
    return {name.replace("@ID@", plugin_id): _filled(text, values) for name, text in files.items()}


def _framed(source: str, frame: str, *, first: bool) -> str:
    """Return a program with the part that speaks the protocol: under its first line, or (`first` false) at its end too."""
    head, _, rest = source.partition(f"{_FRAME}\n")
    if first:
        return f"{head}//\n{frame}\n{rest}"
    comment, _, body = frame.partition("\n\n")
    declarations, _, loop = body.partition("readline.createInterface")
    return f"{head}//\n{comment}\n\n{declarations}{rest}\nreadline.createInterface{loop}"


def _filled(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
