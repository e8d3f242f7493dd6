"""The kinds of platforms that Bundler tells apart, and the words of a Gemfile for them.

`Bundler::GemHelpers.generic` and `Bundler::CurrentRuby::PLATFORM_MAP` of Bundler 2.6.7.
"""

import re
from collections.abc import Iterable

from outrider.operators.packages.gem.platforms import RUBY, fits

_JAVA = "java"
_WINDOWS = ("mswin32", "mswin64", "universal-mingw")
_WORDS = {
    "ruby": (RUBY,),
    "mri": (RUBY,),
    "rbx": (RUBY,),
    "truffleruby": (RUBY,),
    "jruby": (_JAVA,),
    "windows": _WINDOWS,
    "mswin": ("mswin32",),
    "mswin64": ("mswin64",),
    "mingw": ("universal-mingw",),
    "x64_mingw": ("universal-mingw",),
}
# A version of Ruby may stand behind a word. It says on which one a gem is loaded, and not for which platforms it is locked.
_WORD = re.compile(rf"({'|'.join(sorted(_WORDS, key=len, reverse=True))})(?:_(1[89]|2[0-7]|3[0-5]))?")
_THE_USUAL_RUBY = ("ruby", "mri")


def generic(platform: str) -> str:
    """Return the kind of a platform: that of Java, one of Windows, or `ruby` for all others."""
    return next((one for one in (_JAVA, *_WINDOWS) if platform != RUBY and fits(one, platform)), RUBY)


def kinds_of(word: str) -> tuple[str, ...]:
    """Return the kinds that a word of a Gemfile stands for; none for what is no such word."""
    match = _WORD.fullmatch(word)
    return _WORDS[match[1]] if match is not None else ()


def is_loaded(words: Iterable[str], ruby: str) -> bool:
    """Return whether words of a Gemfile allow a version of the usual Ruby; no words allow all."""
    found = [match for word in words if (match := _WORD.fullmatch(word)) is not None]
    return not found or any(
        match[1] in _THE_USUAL_RUBY and (not match[2] or ruby.startswith(f"{'.'.join(match[2])}.")) for match in found
    )


def limited(platforms: Iterable[str], words: Iterable[str]) -> tuple[str, ...]:
    """Return those among some platforms that words of a Gemfile allow; all where there are no words."""
    kinds = {kind for word in words for kind in kinds_of(word)}
    return tuple(one for one in platforms if not kinds or generic(one) in kinds)
