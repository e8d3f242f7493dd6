"""Versions of NuGet: https://learn.microsoft.com/en-us/nuget/concepts/package-versioning.

Where that page is silent, the rules are those of NuGetVersion, VersionComparer, VersionRange and FloatRange in
https://github.com/NuGet/NuGet.Client/tree/dev/src/NuGet.Core/NuGet.Versioning:

- Blanks may stand around a version and around each of its numbers.
- A label is compared as a number where 32 bits hold it, with a minus sign or without, and as a text otherwise: of 1.0.0--5,
  1.0.0-5 and 1.0.0-202401090430 the labels are -5, 5 and a text.
- A star is read as a zero wherever it stands: `1.1*` starts at 1.10.

A range allows what `VersionRange.Satisfies` allows. It leaves out neither prereleases nor what is beyond a floating number:
`1.0` allows 2.0.0-beta, and `1.*` allows 2.0.0. Both count only where one of the allowed versions is selected, which is not
done here. `VersionRange.FindBestMatch` takes the lowest one, and a prerelease only where a bound is one; where a version
floats, it takes the highest one that this version covers before any other. `VersionRange.preferred` keeps what floats.
"""

import re
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ranges import Key, Span, VersionRange, intersection
from outrider.operators.packages.versions.scheme import Version, invalid_range, invalid_version
from outrider.operators.packages.versions.semver import BUILD, PRERELEASE

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1
_NUMBERS = 4
# What .NET takes for blanks; Python would take four control characters more.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_NUMBER = rf"[{_BLANKS}]*[0-9]+[{_BLANKS}]*"
_VERSION = re.compile(
    rf"(?P<numbers>{_NUMBER}(?:\.{_NUMBER}){{0,{_NUMBERS - 1}}})(?:-(?P<labels>{PRERELEASE}))?(?:\+{BUILD})?"
)
_NUMERIC_LABEL = re.compile(r"-?[0-9]+")
# A release follows all of its prereleases.
_RELEASE = ((3,),)
_FLOATING = re.compile(r"(?P<numbers>[^*+-]*)(?P<star>\*?)(?:-(?P<labels>[^*+]*)\*)?")
_INTERVAL = re.compile(r"(?P<open>[\[(])(?P<low>[^,]*)(?:,(?P<high>[^,]*))?(?P<close>[\])])")
_EXPECTED = "a range such as 1.0, [1.0,2.0), (,1.0] or 1.*"


class _Lowest(NamedTuple):
    """What a version that may float starts with.

    Attributes:
        text: The lowest version.
        floats: Whether higher ones are preferred to it.
    """

    text: str
    floats: bool


class NugetScheme:
    """Versions and ranges of NuGet."""

    def parse(self, text: str) -> Version:
        """Read a version of one to four numbers; those left out are zero."""
        version = _version(text)
        if version is None:
            raise invalid_version("NuGet", text, "a version such as 1.2.3, 1.2.3.4 or 1.2.3-beta.1")
        return version

    def range(self, text: str) -> VersionRange:
        """Read a range: an interval, or its lowest version alone; that version may float."""
        trimmed = text.strip(_BLANKS)
        interval = _INTERVAL.fullmatch(trimmed)
        low = trimmed if interval is None else interval["low"]
        lowest = _lowest(low)
        if interval is None:
            spans: tuple[Span, ...] = (Span.at_least(_key(lowest.text, text)),)
        else:
            spans = _between(interval, lowest.text, text)
        return VersionRange(spans=spans, preferred=low.strip(_BLANKS) if lowest.floats else None)


def _version(text: str) -> Version | None:
    match = _VERSION.fullmatch(text.strip(_BLANKS))
    if match is None:
        return None
    numbers = [_int32(number.strip(_BLANKS)) for number in match["numbers"].split(".")]
    if None in numbers:
        return None
    missing = [0] * (_NUMBERS - len(numbers))
    labels = match["labels"]
    order = _RELEASE if labels is None else tuple(_label(label) for label in labels.split("."))
    return Version((*numbers, *missing, order), labels is not None)


def _int32(text: str) -> int | None:
    """Return the number that digits stand for, where 32 bits hold it."""
    # Eleven digits are too many already, and `int` refuses thousands of them.
    number = int(text.lstrip("-0")[:11] or "0")
    number = -number if text.startswith("-") else number
    return number if _SMALLEST <= number <= _LARGEST else None


def _label(text: str) -> Key:
    number = _int32(text) if _NUMERIC_LABEL.fullmatch(text) else None
    return (2, 0, text.upper()) if number is None else (1, number, "")


def _lowest(text: str) -> _Lowest:
    """Return the lowest version that a floating one stands for; any other text stays as it is."""
    match = _FLOATING.fullmatch(text)
    if match is None:
        return _Lowest(text, floats=False)
    has_star, labels = match["star"] == "*", match["labels"]
    numbers = match["numbers"] + ("0" if has_star else "")
    if labels is None:
        # What only extends the major number, as `1*` does, is taken as it stands.
        return _Lowest(numbers, floats=has_star and (text == "*" or "." in numbers))
    # Behind the last dot a label is missing. NuGet supplies it, but not where labels alone float and have a dash in them.
    lacks_label = labels == "" or (labels.endswith(".") and (has_star or "-" not in labels))
    return _Lowest(f"{numbers}-{labels}{'0' if lacks_label else ''}", floats=True)


def _between(interval: re.Match[str], low: str, whole: str) -> tuple[Span, ...]:
    alone = interval["high"] is None
    high = interval["low"] if alone else interval["high"]
    takes_low, takes_high = interval["open"] == "[", interval["close"] == "]"
    if (alone and not (takes_low and takes_high)) or not (interval["low"] or high):
        raise _invalid(whole)
    first, last = _bound(low, whole), _bound(high, whole)
    if first is not None and last is not None and (first > last or (first == last and takes_low != takes_high)):
        raise _invalid(whole)
    above = Span() if first is None else Span.at_least(first) if takes_low else Span.above(first)
    below = Span() if last is None else Span.at_most(last) if takes_high else Span.below(last)
    return intersection((above,), (below,))


def _bound(text: str, whole: str) -> Key | None:
    """Return the key of a bound; a blank one is none, as in `(, 1.0]`."""
    return _key(text, whole) if text.strip(_BLANKS) else None


def _key(text: str, whole: str) -> Key:
    version = _version(text)
    if version is None:
        raise _invalid(whole)
    return version.key


def _invalid(whole: str) -> InvalidConfigError:
    return invalid_range("NuGet", whole, _EXPECTED)
