"""Settings of native clients that say whom they ask, or how, and cannot be heeded: they are refused, never passed over."""

from outrider.core.errors import UnsupportedError

_OFF = frozenset(("", "0", "false", "f", "no", "n", "off", "null", "undefined"))


def is_on(said: str) -> bool:
    """Return whether a text switches something on."""
    return said.strip().lower() not in _OFF


def unheeded(source: str, key: str, why: str, remedy: str = "") -> UnsupportedError:
    """Return the error for a setting.

    Args:
        source: The file or the variable that has it.
        key: The setting.
        why: It cannot be heeded.
        remedy: What helps, where that is not to do without it or to use the native client.
    """
    where = key if source == key else f"{source}: {key}"
    return UnsupportedError(
        f"{where} cannot be heeded here: {why}", path=key, found=key, expected="settings without it",
        suggestions=[remedy or f"leave {key} out of {'the environment' if source == key else source}, or use the native client"],
    )  # fmt: skip
