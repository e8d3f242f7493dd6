"""Text of strangers, on its way to a terminal."""

# Control characters (C0 but for the line end and the tab, DEL, C1), and those that change the direction of writing.
_CONTROLS = [*range(9), *range(11, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SHOWN = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}


def printable(text: str) -> str:
    """Return a text in which nothing acts on a terminal: an event's sender must not move its cursor or set its title."""
    return text if text.isprintable() else text.translate(_SHOWN)
