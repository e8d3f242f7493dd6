"""Texts as TOML writes them: https://toml.io/en/v1.0.0#string."""

import json


def toml_text(value: str) -> str:
    """Return a basic string of TOML; of what JSON escapes, TOML reads all in the same way."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
