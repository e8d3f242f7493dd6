"""Plugins that Maven finds by a short name: what the document of a group says of them, and what a plugin says of itself.

https://maven.apache.org/guides/introduction/introduction-to-plugin-prefix-mapping.html
"""

import io
import lzma
import re
import zipfile
import zlib
from xml.etree.ElementTree import Element

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.maven.poms import read_markup
from outrider.operators.packages.maven.serving.kept import Plugin
from outrider.operators.packages.maven.serving.layout import METADATA

DESCRIPTOR = "META-INF/maven/plugin.xml"
_LARGEST = 4 << 20
_MOST = 5_000
_BLANK = " \t\r\n"
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def read_plugins(content: bytes) -> list[Plugin]:
    """Return the plugins that the document of a group lists; those that cannot be told by a name are left out.

    Args:
        content: Of a maven-metadata.xml, which may be about something else.
    """
    try:
        root = read_markup(METADATA, content)
    except InvalidConfigError:
        return []
    found = [_plugin(one, "prefix") for one in root.findall("plugins/plugin")[:_MOST]]
    return [one for one in found if one is not None]


def plugin_in(content: bytes) -> Plugin | None:
    """Return by what Maven finds the plugin in an archive; None where there is none in it.

    Args:
        content: Of a file, which may be anything.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(DESCRIPTOR) as file:
            return _plugin(read_markup(DESCRIPTOR, file.read(_LARGEST)), "goalPrefix")
    except (
        KeyError,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        InvalidConfigError,
    ):
        return None


def _plugin(element: Element, prefix: str) -> Plugin | None:
    said = [(element.findtext(name) or "").strip(_BLANK) for name in ("name", prefix, "artifactId")]
    return Plugin(*said) if _WORD.fullmatch(said[1]) and _WORD.fullmatch(said[2]) else None
