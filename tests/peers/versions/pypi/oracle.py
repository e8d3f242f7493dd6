"""Answers questions about versions by the rules of `packaging`: three words between tabs each in, one character each out."""

import sys

from packaging.specifiers import SpecifierSet
from packaging.version import Version


def order(left: str, right: str) -> str:
    one, two = Version(left), Version(right)
    return "<" if one < two else ">" if one > two else "="


def allows(specifiers: str, version: str) -> str:
    Version(version)  # `===` finds what is no version, too
    return "y" if SpecifierSet(specifiers).contains(version, prereleases=True) else "n"


def answer(line: str) -> str:
    question, one, two = line.removesuffix("\n").split("\t")
    try:
        return order(one, two) if question == "order" else allows(one, two)
    except ValueError:
        return "!"


sys.stdout.writelines(f"{answer(line)}\n" for line in sys.stdin)
