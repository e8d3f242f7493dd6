"""Compares names of licences: "The Apache Software License, Version 2.0" and "apache-2" fold to the same words."""

import re
import unicodedata

# "or any later version" in its many forms, and a plus sign right behind a name or a version.
_LATER = re.compile(
    r"\(?\b(?:or|and)[\s-]+(?:\(?at your option\)?,? )?(?:any[\s-]+)?"
    r"(?:later|newer|above|greater|higher|superior|upwards?)(?:[\s-]+versions?)?\b\)?|(?<=[\w.])\+(?!\w)|>=? ?(?=v?\d)"
)
_OPTION = re.compile(r"\(at your option\)|at your option")
_VERSION = re.compile(r"v(?:ersion|ers|er)?[.:]? ?(?=\d)")
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)*")
_POSSESSIVE = re.compile("['\u2019`]s\\b")
_NOISE = frozenset({
    "a", "an", "are", "as", "at", "available", "code", "covered", "details", "distributed", "file", "for", "full",
    "in", "is", "it", "its", "itself", "licence", "licenced", "licences", "license", "licensed", "licenses",
    "licensing", "more", "of", "on", "project", "released", "see", "the", "this", "to", "terms", "text", "under",
    "use", "version", "versions",
})  # fmt: skip
# Longer ones first: a part of one may be another.
_PHRASES = (
    ("gnu affero general public", "agpl"),
    ("gnu lesser general public", "lgpl"),
    ("gnu library general public", "lgpl"),
    ("gnu lesser public", "lgpl"),
    ("gnu general public", "gpl"),
    ("affero general public", "agpl"),
    ("lesser general public", "lgpl"),
    ("library general public", "lgpl"),
    ("gnu affero gpl", "agpl"),
    ("gnu lesser gpl", "lgpl"),
    ("gnu public", "gpl"),
    ("general public", "gpl"),
    ("affero gpl", "agpl"),
    ("lesser gpl", "lgpl"),
    ("gnu agpl", "agpl"),
    ("gnu lgpl", "lgpl"),
    ("gnu gpl", "gpl"),
    ("gnu lesser", "lgpl"),
    ("mozilla public", "mpl"),
    ("eclipse public", "epl"),
    ("eclipse distribution", "edl"),
    ("common development and distribution", "cddl"),
    ("apache software", "apache"),
    ("european union public", "eupl"),
    ("academic free", "afl"),
    ("osi approved", ""),
    ("open source initiative", ""),
)
LATER = "orlater"


def folded(text: str) -> str:
    """Return a name of a licence in the form in which names are compared: its words, sorted, each once."""
    lower = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    lower = _POSSESSIVE.sub("", _OPTION.sub(" ", _LATER.sub(f" {LATER} ", lower)))
    lower = lower.replace("terms of use", "tou")
    words = [word for word in _WORD.findall(_VERSION.sub(" ", lower)) if word not in _NOISE]
    line = f" {' '.join(words)} "
    for phrase, short in _PHRASES:
        line = line.replace(f" {phrase} ", f" {short} ")
    return " ".join(sorted({_shortened(word) for word in line.split()}))


def _shortened(word: str) -> str:
    """Return a version without the zeros at its end: 2.0 is 2."""
    if not word[0].isdigit() or "." not in word:
        return word
    while word.endswith(".0"):
        word = word[:-2]
    return word
