"""CEL expressions of rules and policies (https://cel.dev), compiled once and evaluated in microseconds.

cel-expr-python is imported when the first expression is compiled: agents have none. It judges every expression when it is
read; simple comparisons are then evaluated by `comparisons`.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, OutriderError, did_you_mean
from outrider.runtime.comparisons import compile_comparison

if TYPE_CHECKING:
    from cel_expr_python import cel

_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([\w]+)")
_EXPRESSION_LIMIT = 4096


@cache
def _environment(variables: tuple[str, ...]) -> "cel.Env":
    from cel_expr_python import cel  # noqa: PLC0415 - 10 MB that an agent does not need

    return cel.NewEnv(variables=dict.fromkeys(variables, cel.Type.DYN))


class Expression:
    """A compiled expression.

    Args:
        text: The expression.
        variables: Names that it may use.

    Raises:
        InvalidConfigError: It does not compile; line and column within it are named.
    """

    def __init__(self, text: str, variables: tuple[str, ...]) -> None:
        if len(text) > _EXPRESSION_LIMIT:
            raise InvalidConfigError(
                "the expression is too long", found=f"{len(text)} characters", expected="at most 4096"
            )
        self.text = text
        try:
            self._compiled = _environment(variables).compile(text)
        except RuntimeError as error:
            raise _compile_error(text, str(error), variables) from error
        self._quick = compile_comparison(text, variables)

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Return the value as plain data.

        Raises:
            ExecutionFailedError: The evaluation failed, for example on a key that is not there.
        """
        value = self._compiled.eval(data=variables)
        if value.type().name().strip("*").upper() == "ERROR":  # `ERROR`, and `*error*` in other versions
            raise ExecutionFailedError(f"`{self.text}`: {_plain(str(value.plain_value()))}", found=self.text)
        return value.plain_value()

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Return whether a condition is true.

        Raises:
            ExecutionFailedError: The evaluation failed, or its value is not true or false.
        """
        if self._quick is not None and (known := self._quick(variables)) is not None:
            return known
        value = self.evaluate(variables)
        if not isinstance(value, bool):
            raise ExecutionFailedError(f"`{self.text}` is not a condition", found=repr(value), expected="true or false")
        return value

    def met(self, variables: Mapping[str, Any]) -> bool:
        """Return whether a condition is true; one that cannot be evaluated, as on a field that is not there, is not."""
        if self._quick is not None:
            return self._quick(variables) is True
        try:
            return self.holds(variables)
        except OutriderError:
            return False


@lru_cache(maxsize=2048)
def compiled(text: str, variables: tuple[str, ...]) -> Expression:
    """Return an expression that may have been compiled before; arguments and errors are those of `Expression`."""
    return Expression(text, variables)


def _compile_error(text: str, report: str, variables: tuple[str, ...]) -> InvalidConfigError:
    match = _PLACE.search(report)
    reason = _plain(match[3]) if match else _plain(report)
    place = f" at column {match[2]}" if match else ""
    undeclared = _UNDECLARED.search(report)
    if undeclared:
        reason = f"'{undeclared[1]}' is not known here"
        suggestions = did_you_mean(undeclared[1], variables)
    else:
        suggestions = ['compare for example with event.data.state == "down"']
    return InvalidConfigError(
        f"not a CEL expression{place}: {reason}",
        found=text,
        expected=f"CEL over {', '.join(variables)}",
        suggestions=suggestions,
    )


def _plain(report: str) -> str:
    """Return the reason without CEL's status words and tables of tokens."""
    reason = report.splitlines()[0]
    for prefix in ("INVALID_ARGUMENT: ", "NOT_FOUND: ", "ERROR: ", "Syntax error: "):
        reason = reason.removeprefix(prefix)
    return reason.partition(" expecting {")[0]
