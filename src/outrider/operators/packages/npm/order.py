"""The order in which npm looks at folders: that of the ICU collation for English."""

from functools import lru_cache

# Signs by their weight there; digits and letters follow.
_SIGNS = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_WEIGHTS = {ord(sign): chr(at + 1) for at, sign in enumerate(_SIGNS)}


@lru_cache(maxsize=65536)
def collated(text: str) -> tuple[str, str]:
    """Return what texts are sorted by: first without regard to case, then small letters first."""
    return text.lower().translate(_WEIGHTS), text.swapcase()
