"""Looks at arguments before anything is sent."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError, best_match

from outrider.core.codec import canonical
from outrider.core.errors import InvalidConfigError, LimitedError, did_you_mean
from outrider.core.source import format_path

# A schema of somebody else, and arguments of an agent, must not keep a processor busy together.
CHECK_SECONDS = 5.0
LONGEST_REASON = 300
Keyword = Callable[[Any, Any, Any, Mapping[str, Any]], Iterator[ValidationError] | None]
_end: ContextVar[float] = ContextVar("end")


def check(schema: Mapping[str, Any], arguments: Any) -> None:
    """Check arguments. Patterns are left to the service: one of somebody else's can take for ever, and is of another dialect.

    Args:
        schema: Of the tool.
        arguments: What it is called with.

    Raises:
        InvalidConfigError: They do not fit; the argument is named.
        LimitedError: It takes too long to find out.
    """
    _end.set(time.monotonic() + CHECK_SECONDS)
    try:
        error = best_match(_Validator(schema).iter_errors(arguments))
    except RecursionError as failed:
        raise InvalidConfigError(
            "the arguments are nested too deeply to be checked, or their schema goes in a circle",
            suggestions=["send less"],
        ) from failed
    if error is not None:
        raise _fault(error)


def _fault(error: Any) -> InvalidConfigError:
    path = list(error.absolute_path)
    place = f"argument '{format_path(tuple(path))[:200]}'" if path else "the arguments"
    if error.validator == "required":
        missing = [str(one) for one in error.validator_value if one not in error.instance]
        what = "lacks" if path else "lack"
        return InvalidConfigError(
            f"{place} {what} '{missing[0][:80]}'", path=format_path((*path, missing[0]))[:200], expected=f"a value for '{missing[0][:80]}'",
        )  # fmt: skip
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = list(error.schema.get("properties", ()))
        unknown = next(str(one) for one in error.instance if one not in known)
        return InvalidConfigError(
            f"{place}: there is no '{unknown[:80]}'", path=format_path((*path, unknown))[:200], found=unknown[:80],
            expected=", ".join(known)[:1000] or "nothing", suggestions=did_you_mean(unknown[:80], known[:200]),
        )  # fmt: skip
    return InvalidConfigError(
        f"{place} {'does' if path else 'do'} not fit: {error.message[:LONGEST_REASON]}", path=format_path(tuple(path))[:200],
        expected=f"{error.validator} {error.validator_value!r}"[:LONGEST_REASON],
    )  # fmt: skip


def _bounded(keyword: Keyword) -> Keyword:
    def judge(validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
        if time.monotonic() > _end.get():
            raise LimitedError(f"the arguments cannot be checked within {CHECK_SECONDS:g} s", suggestions=["send less"])
        yield from keyword(validator, wanted, instance, schema) or ()

    return judge


def _nothing(_validator: Any, _wanted: Any, _instance: Any, _schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    return iter(())


def _unique(_validator: Any, wanted: Any, instance: Any, _schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Do in one pass what jsonschema does with each pair."""
    if wanted and isinstance(instance, list) and len({canonical(one) for one in instance}) < len(instance):
        yield ValidationError("it has a member twice")


def _additional(validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    if "patternProperties" not in schema:
        yield from (
            jsonschema.Draft202012Validator.VALIDATORS["additionalProperties"](validator, wanted, instance, schema)
            or ()
        )


_Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # it has no types
    jsonschema.Draft202012Validator,
    {
        name: _bounded(keyword)
        for name, keyword in {
            **jsonschema.Draft202012Validator.VALIDATORS,
            "pattern": _nothing, "patternProperties": _nothing, "additionalProperties": _additional, "uniqueItems": _unique,
        }.items()
    },
)  # fmt: skip
