"""Text of strangers in a question to a person: on one line, and with nothing in it that changes how the rest is read."""


def visible(text: str) -> str:
    r"""Return a text with escapes, as JSON has them, in place of what is not seen: ends of lines, controls, marks of direction.

    JSON stays the same JSON.
    """
    return text if text.isprintable() else "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(character: str) -> str:
    """Return a character as the one or two units that JSON writes it in."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
