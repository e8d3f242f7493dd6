"""Field names and values of a message, checked once so that whoever writes them can trust them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from outrider.core.errors import InvalidConfigError

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_VALUE = re.compile(r"[\t -~\x80-\xff]*+")


class Headers:
    """An immutable multi-map of fields; names are held in lower case (RFC 9110 section 5.1), order is kept.

    Args:
        fields: Names and values; other `Headers` are accepted too.

    Raises:
        InvalidConfigError: A name is no token, or a value holds a line end or another control character.
    """

    __slots__ = ("_fields", "_wire")

    def __init__(self, fields: "Mapping[str, str] | Iterable[tuple[str, str]]" = ()) -> None:
        # Most are a list, and to ask whether something is a Mapping costs more than a field.
        pairs = fields.items() if not isinstance(fields, list) and isinstance(fields, Mapping) else fields
        self._fields = [(_checked_name(name), _checked_value(name, value)) for name, value in pairs]
        self._wire: bytes | None = None

    @classmethod
    def trusted(cls, fields: list[tuple[str, str]]) -> "Headers":
        """Take fields that a parser has checked and put into lower case."""
        headers = cls.__new__(cls)  # every message has one, and there is nothing to check
        headers._fields = fields
        headers._wire = None  # noqa: SLF001 - its own class
        return headers

    def joined(self, fields: "Iterable[tuple[str, str]]") -> "Headers":
        """Return these and more, which alone are checked; errors are those of the class."""
        return Headers.trusted([*self._fields, *Headers(list(fields))])

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value."""
        wanted = name.lower()
        for known, value in self._fields:
            if known == wanted:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Return all values, in their order."""
        wanted = name.lower()
        return [value for known, value in self._fields if known == wanted]

    def tokens(self, name: str) -> list[str]:
        """Return the members of a comma-separated field in lower case, over all its lines."""
        return [token.strip(" \t").lower() for value in self.get_all(name) for token in value.split(",")]

    def replaced(self, name: str, *values: str) -> "Headers":
        """Return a copy in which `name` has these values; none removes it."""
        wanted = name.lower()
        kept = [field for field in self._fields if field[0] != wanted]
        return Headers(kept + [(wanted, value) for value in values])

    def wire(self) -> bytes:
        """Return the field lines as they are sent, each with its line end."""
        if self._wire is None:
            self._wire = "".join([f"{name}: {value}\r\n" for name, value in self._fields]).encode("latin-1")
        return self._wire

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(tuple(self._fields))

    def __repr__(self) -> str:
        # Names only: a value may be a credential, and representations end up in logs.
        return f"Headers({', '.join(name for name, _ in self._fields)})"


@lru_cache(maxsize=1000)
def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise InvalidConfigError(
            f"{name!r} is not a field name",
            path="headers",
            found=repr(name),
            expected="letters, digits and !#$%&'*+-.^_`|~",
            suggestions=["remove spaces, colons and line ends from the name"],
        )
    return name.lower()


def _checked_value(name: str, value: str) -> str:
    if _VALUE.fullmatch(value) is None:
        raise InvalidConfigError(
            f"the value of header {name!r} holds a character that cannot be sent",
            path=f"headers[{name}]",
            expected="printable Latin-1 characters, space and tab",
            suggestions=[
                "remove line ends and other control characters; encode other text, for instance in percent form"
            ],
        )
    return value.strip(" \t")
