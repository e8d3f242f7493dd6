"""Versions that are asked for, with where they are written: https://docs.gradle.org/current/userguide/dependency_versions.html."""

from collections.abc import Sequence
from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.builds import Place, RichVersion
from outrider.operators.packages.manifests.gradle.traced import Traced

_STRICTLY = "!!"


class Wanted(NamedTuple):
    """A version that is asked for; what says it twice takes away what was said before, as in Gradle."""

    required: Traced = Traced("")
    strictly: Traced = Traced("")
    preferred: Traced = Traced("")
    rejected: tuple[str, ...] = ()

    def with_(self, key: str, texts: Sequence[Traced]) -> "Wanted":
        """Return it with what one more word of `version { }` asks for.

        Args:
            key: The word.
            texts: Given to it.
        """
        empty = Traced("")
        if key == "reject":
            return self._replace(rejected=tuple(one.text for one in texts))
        if key == "rejectAll":
            return Wanted(rejected=("+",))
        text = texts[0]
        if key == "require":
            return Wanted(text, empty, self.preferred)
        if key == "strictly":
            return Wanted(text, text, self.preferred)
        return Wanted(self.required, self.strictly, text)

    @property
    def rich(self) -> RichVersion:
        """It without where it is written."""
        return RichVersion(
            required=self.required.text,
            strictly=self.strictly.text,
            preferred=self.preferred.text,
            rejected=self.rejected,
        )

    @property
    def place(self) -> Place | None:
        """Where it is written: what is strict before what is required, and that before what is preferred."""
        return next((one.place for one in (self.strictly, self.required, self.preferred) if one.text), None)


def strict_or_not(version: Traced) -> Wanted:
    """Return what a text asks for: `1.0`, `1.0!!` for this one alone, `[1, 2[!!1.5` for one of these and best of all 1.5.

    Args:
        version: The text.
    """
    if not version.text:
        return Wanted()
    if _STRICTLY not in version.text:
        return Wanted(required=version)
    strictly, preferred = version.split(_STRICTLY, 1)
    return Wanted(strictly, strictly, preferred)
