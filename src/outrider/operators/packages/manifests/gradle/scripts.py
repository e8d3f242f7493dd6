"""A script of Gradle, and the statements in it."""

from pathlib import Path
from typing import NamedTuple, NoReturn

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.manifests.gradle.statements import Statements
from outrider.operators.packages.manifests.gradle.syntax import Statement
from outrider.operators.packages.manifests.gradle.words import Token, Words

LARGEST = 1 << 20
REMEDY = "write the lock with Gradle itself: gradle dependencies --write-locks"
_SHOWN = 80


class Script(NamedTuple):
    """A script.

    Attributes:
        path: Of its file.
        form: What it is called, for errors.
        text: Of it.
        is_kotlin: Whether it is in Kotlin, else in Groovy.
        words: Of it.
        statements: In it.
    """

    path: Path
    form: str
    text: str
    is_kotlin: bool
    words: tuple[Token, ...]
    statements: tuple[Statement, ...]

    def line_of(self, line: int) -> str:
        """Return where a line is, for those who read of it.

        Args:
            line: Its number.
        """
        return f"{self.form}:{line}"

    def unsupported(self, line: int, why: str) -> UnsupportedError:
        """Return the error for what is not read here.

        Args:
            line: Where it is.
            why: It is not.
        """
        where = self.line_of(line)
        return UnsupportedError(
            f"{where}: {why}", path=where, source=where, found=self.shown(line), expected="a build that can be read without being run",
            suggestions=[REMEDY],
        )  # fmt: skip

    def refuse(self, line: int, why: str) -> NoReturn:
        """Refuse what is not read here.

        Args:
            line: Where it is.
            why: It is not.

        Raises:
            UnsupportedError: Always.
        """
        raise self.unsupported(line, why)

    def shown(self, line: int) -> str:
        """Return a line as far as an error shows it.

        Args:
            line: Its number.
        """
        lines = self.text.split("\n", line)
        return lines[line - 1].strip()[:_SHOWN] if line <= len(lines) else ""


def read_script(path: Path, form: str, text: str) -> Script:
    """Read a script.

    Args:
        path: Of its file.
        form: What it is called, for errors.
        text: Of it.

    Raises:
        InvalidConfigError: It is too large, or its texts, comments and brackets are not closed.
    """
    if len(text) > LARGEST:
        raise unreadable(form, f"{len(text)} characters", f"at most {LARGEST} characters")
    checked(form, text)
    is_kotlin = path.suffix == ".kts"
    words = Words(form, text, is_kotlin=is_kotlin).read()
    statements = Statements(form, words, is_kotlin=is_kotlin).read()
    return Script(path, form, text, is_kotlin, tuple(words), statements)
