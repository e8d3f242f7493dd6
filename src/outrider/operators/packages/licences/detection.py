"""What the texts of licences are, by ScanCode in a process of its own: it takes 750 MB, and wants other libraries than Outrider.

https://scancode-toolkit.readthedocs.io/. What a text is is kept by its hash, as a run takes seconds and a gigabyte of memory.
"""

import asyncio
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.operators.packages.licences.expressions import joined, try_expression
from outrider.operators.packages.licences.licence_files import licence_files
from outrider.operators.packages.licences.normalising import Licence
from outrider.operators.packages.licences.sources import Told
from outrider.operators.packages.registries.record_files import read_record, write_record
from outrider.ports.process import run

PROGRAM = "scancode"
MOST_TEXTS = 2000
_LARGEST_REPORT = 256 << 20
_SECONDS_EACH = 60
_SHOWN = 300
_LEAF = "LICENSE"
# What ScanCode calls a licence that it does not know.
_UNKNOWN = re.compile(r"LicenseRef-scancode-(?:unknown|generic|other)")


class Detected(msgspec.Struct):
    """What a text is.

    Attributes:
        expression: In SPDX; empty where ScanCode knows none.
        program: Which ScanCode said so: its path and when it was changed.
    """

    expression: str
    program: str


class _File(msgspec.Struct):
    path: str
    detected_license_expression_spdx: str | None = None


class _Report(msgspec.Struct):
    files: list[_File] = []


class Detector:
    """Asks ScanCode.

    Args:
        environment: Variables; the program is looked for in its PATH.
        cache: The folder of what is kept of all ecosystems.
        timeout: Seconds for a run.

    Attributes:
        notes: What was left out, in words.

    Raises:
        MissingRequirementError: There is no ScanCode here.
    """

    def __init__(self, environment: Mapping[str, str], cache: Path, timeout: float) -> None:
        found = shutil.which(PROGRAM, path=environment.get("PATH"))
        if found is None:
            raise MissingRequirementError(
                "licence texts are read by ScanCode, which is not installed", found=f"no {PROGRAM} in PATH", expected=PROGRAM,
                suggestions=["pipx install scancode-toolkit, or into an environment of its own whose bin is in PATH", "leave out detect"],
            )  # fmt: skip
        self.notes: list[str] = []
        self._program, self._timeout = Path(found), timeout
        self._identity = f"{self._program.resolve()} {self._program.stat().st_mtime_ns}"
        self._kept = cache / "licences" / "texts"

    async def completed(self, told: Sequence[Told]) -> list[Told]:
        """Return the same with what licence files say, where no licence was known.

        Raises:
            ExecutionFailedError: ScanCode failed.
            DeadlineExceededError: It did not end in time.
        """
        texts = await asyncio.to_thread(_texts, told)
        places = {digest: path for one in texts for digest, path in one if digest}
        known = {digest: expression for digest in places if (expression := self._known(digest)) is not None}
        new = {digest: path for digest, path in places.items() if digest not in known}
        if len(new) > MOST_TEXTS:
            self.notes.append(
                f"{len(new) - MOST_TEXTS} licence texts were left out: at most {MOST_TEXTS} are read at once"
            )
            new = dict(list(new.items())[:MOST_TEXTS])
        if new:
            known |= await self._scanned(new)
        return [
            _with(one, [known.get(digest, "") for digest, _ in text]) for one, text in zip(told, texts, strict=True)
        ]

    def _known(self, digest: str) -> str | None:
        kept = read_record(self._kept / digest, msgspec.msgpack.Decoder(Detected))
        return kept.expression if kept is not None and kept.program == self._identity else None

    async def _scanned(self, texts: Mapping[str, Path]) -> dict[str, str]:
        with tempfile.TemporaryDirectory(prefix="outrider-licences-") as name:
            root, report = Path(name, "texts"), Path(name, "report.json")
            await asyncio.to_thread(_lay_out, texts, root)
            done = await run(
                [str(self._program), "--license", "--quiet", "--strip-root", "--timeout", str(_SECONDS_EACH), "--json", str(report), str(root)],
                timeout=self._timeout, cwd=Path(name),
            )  # fmt: skip
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-_SHOWN:]
            # It ends with 1 too where single files could not be read, and tells of the others.
            found = _expressions(report, said)
        for digest in texts:
            if digest in found:
                write_record(self._kept / digest, Detected(found[digest], self._identity))
        return found


def _texts(told: Sequence[Told]) -> list[list[tuple[str, Path]]]:
    """Return the licence files of each package by their hashes; under no hash one that cannot be read."""
    return [
        [(_digest(path), path) for path in licence_files(one)] if not one.licence.expression else [] for one in told
    ]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _lay_out(texts: Mapping[str, Path], root: Path) -> None:
    root.mkdir()
    for digest, path in texts.items():
        if _digest(path) == digest:
            (root / digest).mkdir()
            shutil.copyfile(path, root / digest / _LEAF)


def _expressions(report: Path, said: str) -> dict[str, str]:
    try:
        content = report.read_bytes() if report.stat().st_size <= _LARGEST_REPORT else b""
        files = msgspec.json.decode(content, type=_Report).files
    except (OSError, msgspec.DecodeError) as error:
        raise ExecutionFailedError(
            f"{PROGRAM} gave no report", found=said or str(error), expected="a report in JSON",
            suggestions=[f"run {PROGRAM} --version and see what is wrong with it"],
        ) from error  # fmt: skip
    return {
        Path(one.path).parent.name: one.detected_license_expression_spdx or ""
        for one in files
        if Path(one.path).name == _LEAF
    }


def _with(one: Told, texts: Sequence[str]) -> Told:
    """Return a package with what its texts say: all of them count, as nothing says that one may be chosen."""
    read = [try_expression(text) for text in texts if not _UNKNOWN.search(text)]
    expressions = [expression for expression in read if expression is not None]
    # What one of them asks for is not known.
    if not expressions or len(expressions) < len(texts):
        return one
    together = str(joined("AND", expressions))
    if try_expression(together) is None:
        return one  # too long to be an expression
    licence = Licence(raw=one.licence.raw, expression=together, guessed=True)
    return msgspec.structs.replace(one, licence=licence, origin="text")
