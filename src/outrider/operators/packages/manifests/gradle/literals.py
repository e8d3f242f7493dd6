"""Texts and numbers as scripts of Gradle write them."""

from pathlib import Path

from outrider.operators.packages.manifests.gradle.syntax import Literal, Number
from outrider.operators.packages.manifests.gradle.traced import Traced, written
from outrider.operators.packages.manifests.gradle.values import Digits


def digits(number: Number, *, is_kotlin: bool) -> Digits | None:
    """Return a number as it is shown; None for one that is shown otherwise than it is written, as those with a fraction in Kotlin.

    Args:
        number: It.
        is_kotlin: Whether it is in Kotlin, else in Groovy.
    """
    text = number.text.replace("_", "").rstrip("LlGgIi")
    has_zero = len(text) > 1 and text.startswith("0") and text.isdecimal()
    is_shown = text.isdecimal() or (not is_kotlin and text.replace(".", "", 1).isdecimal())
    return Digits(text) if is_shown and not has_zero else None


def as_written(literal: Literal, text: str, path: Path) -> Traced:
    """Return a part of a text, with where it stands if it stands there as it reads.

    Args:
        literal: It, which is known.
        text: Of the file.
        path: Of the file.
    """
    known = literal.text or ""
    return written(known, path, literal.start) if text[literal.start : literal.end] == known else Traced(known)
