"""Properties in the texts of a POM: https://maven.apache.org/ref/3.8.7/maven-model-builder/#model-interpolation.

What is not known stays as it is written. What leads to itself makes the whole POM unusable, even where nothing needs it.
"""

from collections.abc import Iterator, Mapping

_PREFIXES = ("pom.", "project.")
# A text may grow by this much; real ones have some hundred characters.
_LONGEST = 100_000
_DEEPEST = 50


class PropertyCycleError(Exception):
    """A property leads to itself, or to more text than any POM has."""


class Interpolation:
    """Puts values in the place of properties.

    Args:
        model: What the POM says of itself, such as `version` and `parent.version`.
        properties: That it sets.
        machine: Those of Java.
    """

    def __init__(self, model: Mapping[str, str], properties: Mapping[str, str], machine: Mapping[str, str]) -> None:
        self._model, self._properties, self._machine = model, properties, machine
        # By texts as they are written: each property is put together once, however often it is named.
        self._known: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Return a text with the values of what is known.

        Raises:
            PropertyCycleError: A property leads to itself.
        """
        if "${" not in text:
            return text
        return self._resolved(text, [])

    def _resolved(self, text: str, within: list[str]) -> str:
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self._put_together(text, within)
        return found

    def _put_together(self, text: str, within: list[str]) -> str:
        parts: list[str] = []
        position = 0
        while (start := text.find("${", position)) >= 0 and (end := text.find("}", start)) >= 0:
            whole = text[start : end + 1]
            parts += text[position:start], self._value(whole, whole[2:-1].removeprefix("."), within)
            position = end + 1
        parts.append(text[position:])
        if sum(map(len, parts)) > _LONGEST:
            raise PropertyCycleError(f"{text[:40]} becomes too long")
        return "".join(parts)

    def _value(self, whole: str, name: str, within: list[str]) -> str:
        naked = next((name.removeprefix(one).removeprefix(".") for one in _PREFIXES if name.startswith(one)), name)
        if naked in within or len(within) > _DEEPEST:
            raise PropertyCycleError(f"{whole} leads to itself")
        values = [*self._values(name)]
        usable = [value for value in values if whole not in value]
        if not values:
            return whole
        if not usable:
            raise PropertyCycleError(f"{whole} leads to itself")
        return self._resolved(usable[0], [*within, naked])

    def _values(self, name: str) -> Iterator[str]:
        """Yield what a property may stand for, the most important first."""
        prefix = next((one for one in _PREFIXES if name.startswith(one)), "")
        if prefix and name.removeprefix(prefix) in self._model:
            yield self._model[name.removeprefix(prefix)]
        for source, key in (
            (self._properties, name),
            (self._machine, name),
            (self._machine, f"env.{name}"),
            (self._model, name),
        ):
            if key in source:
                yield source[key]
