"""Secrets as handles: objects name them, code passes them on unseen, and only `reveal` gives the value."""

import hmac
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NoReturn

import msgspec

from outrider.core.objects import Name

MASK = "***"


class SecretRef(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A reference to a secret, the same in every object.

    Attributes:
        secret: Its name.
        key: Which entry, where the value is a JSON object or lines of `KEY=value`.
    """

    secret: Name
    key: str | None = None


# Fields of an HTTP request, as text or from a secret.
HeaderFields = dict[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]+$")], str | SecretRef]


class SecretValue:
    """A value that does not show itself in text, logs, JSON or pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; the caller answers for where it goes."""
        return self._value

    def __repr__(self) -> str:
        return f"SecretValue({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretValue):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    __hash__ = None  # type: ignore[assignment]  # a hash would tell values apart, and equality is constant time

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretValue cannot be pickled or copied")


def mask(text: str, values: Iterable[SecretValue]) -> str:
    """Return the text with every value replaced by `***`, also where it stands escaped as in JSON or in a `repr`."""
    forms = {form for value in values for form in _written_forms(value.reveal())}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def masked(value: Any, mask_text: Callable[[str], str]) -> Any:
    """Return plain data with secrets taken out of every text in it."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {mask_text(key): masked(item, mask_text) for key, item in value.items()}
    return [masked(item, mask_text) for item in value] if isinstance(value, list) else value


def _written_forms(value: str) -> set[str]:
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    return forms - {""}


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")
