"""A plugin of type `tool` in a folder of its own."""

import shutil
from pathlib import Path
from typing import Any

import yaml

PROBE = Path(__file__).parent / "probe.py"


def manifest(**more: Any) -> dict[str, Any]:
    """Return the plugin.yaml of the probe."""
    fields: dict[str, Any] = {
        "do": {"type": "string"}, "paths": {"type": "array", "items": {"type": "string"}}, "word": {"type": "string", "pattern": "^[a-z]*$"},
        "often": {"type": "integer", "default": 3},
    }  # fmt: skip
    return {
        "id": "probe", "type": "tool", "version": "1.2.0", "summary": "does what a test wants",
        "runtime": {"type": "python", "entry_point": "probe.py"},
        "configuration": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "token": {"type": "string"}, "path": {"type": "string"}, "refuse": {"type": "boolean"},
                "unit": {"type": "string", "default": "s"},
            },
        },
        "input": {"type": "object", "additionalProperties": False, "required": ["do"], "properties": fields},
        "limits": {"processes": 16}, "permissions": {"filesystem": {"read": ["path"]}}, **more,
    }  # fmt: skip


def write_probe(folder: Path, **more: Any) -> Path:
    """Put the probe into `plugins/` of a folder."""
    home = folder / "plugins" / str(more.get("id", "probe"))
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROBE, home / "probe.py")
    (home / "plugin.yaml").write_text(yaml.safe_dump(manifest(**more)))
    return home
