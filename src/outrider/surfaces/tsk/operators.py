"""What the operators of .tsk mean: no value is converted, and unlike types are never compared."""

import operator
from collections.abc import Callable
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.core.schema import describe

_LARGEST = 10**100
_LONGEST = 1024 * 1024
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "%": operator.mod,
}  # fmt: skip


def unary(sign: str, value: Any) -> Any:
    """Return `!value` or `-value`."""
    if sign == "!":
        return not boolean(value, "!")
    if not _is_number(value):
        raise _unfit("-", value, "a number")
    return -value


def binary(sign: str, left: Any, right: Any) -> Any:
    """Return the value of an operator between two values; `||` and `&&` are not among them.

    Raises:
        InvalidConfigError: They do not fit the operator, or each other.
    """
    if sign in ("==", "!="):
        return _equal(left, right, sign) is (sign == "==")
    if sign in _ORDER:
        if not (_is_number(left) and _is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
            raise _unlike(sign, left, right)
        return _ORDER[sign](left, right)
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > _LONGEST:
            raise InvalidConfigError("+: the text grows beyond 1 MiB", suggestions=["keep it shorter"])
        return left + right
    if not (_is_number(left) and _is_number(right)):
        raise _unlike(sign, left, right)
    return _number(sign, left, right)


def _number(sign: str, left: Any, right: Any) -> Any:
    if sign in "/%" and right == 0:
        raise InvalidConfigError(f"{sign}: division by zero", found=f"{describe(left)} {sign} 0", suggestions=["check the divisor"])  # fmt: skip
    try:
        if sign == "/":
            exact = isinstance(left, int) and isinstance(right, int) and left % right == 0
            result = left // right if exact else left / right
        else:
            result = _ARITHMETIC[sign](left, right)
    except OverflowError as error:
        raise InvalidConfigError(f"{sign}: the number is too large", suggestions=["use smaller numbers"]) from error
    if abs(result) > _LARGEST:
        raise InvalidConfigError(f"{sign}: the number is too large", suggestions=["use smaller numbers"])
    return result


def boolean(value: Any, where: str) -> bool:
    """Return a value that must be true or false.

    Raises:
        InvalidConfigError: It is something else.
    """
    if not isinstance(value, bool):
        raise _unfit(where, value, "true or false")
    return value


def _equal(left: Any, right: Any, sign: str) -> bool:
    numbers = _is_number(left) and _is_number(right)
    if left is not None and right is not None and not numbers and type(left) is not type(right):
        raise _unlike(sign, left, right)
    return bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unlike(sign: str, left: Any, right: Any) -> InvalidConfigError:
    return InvalidConfigError(
        f"{sign}: {describe(left)} and {describe(right)} are of unlike types", found=f"{describe(left)} {sign} {describe(right)}",
        expected="two numbers or two texts", suggestions=["make both numbers, or both texts"],
    )  # fmt: skip


def _unfit(where: str, value: Any, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{where}: expected {expected}, got {describe(value)}", found=describe(value), expected=expected,
        suggestions=["compare it, as in $name == null" if expected.startswith("true") else "use a number"],
    )  # fmt: skip
