"""Texts of strangers, as they are shown."""


def flattened(text: str) -> str:
    """Return a text on one line, without what cannot be printed."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
