"""What a licence is that is named by an address, such as that of its text at the Open Source Initiative."""

import re
from urllib.parse import unquote

from outrider.operators.packages.licences.expressions import Expression, try_expression
from outrider.operators.packages.licences.names import Meaning, meaning_of

_LONGEST = 300
_ADDRESS = re.compile(r"(?:https?:)?//(?:www\.)?(?P<host>[a-z0-9.-]+)(?::\d+)?/(?P<path>[^?#\s]*)\S*", re.IGNORECASE)
_END = re.compile(r"(?:\.(?:html?|txt|php|md|en|de|fr|rst|json|md5))+$|[-_]license$", re.IGNORECASE)
_SHORT_VERSION = re.compile(r"v(\d)(\d)$")
_CREATIVE = re.compile(r"(?P<kind>licenses|publicdomain)/(?P<name>[a-z-]+)/(?P<version>\d\.\d)")
# Hosts whose paths end with the name of a licence, and what is to be put before it.
_HOSTS = {
    "opensource.org": "",
    "spdx.org": "",
    "choosealicense.com": "",
    "gnu.org": "",
    "fsf.org": "",
    "apache.org": "apache ",
    "mozilla.org": "mpl ",
    "eclipse.org": "",
    "boost.org": "boost ",
    "jquery.org": "",
    "json.org": "json ",
    "scripts.sil.org": "",
    "dev.perl.org": "",
    "api.github.com": "",
}
# What is at the very top, or has a name that says nothing.
_PLACES = {
    "unlicense.org": "Unlicense",
    "wtfpl.net": "WTFPL",
    "sam.zoy.org/wtfpl": "WTFPL",
    "bouncycastle.org/licence": "MIT",
    "slf4j.org/license": "MIT",
    "jquery.org/license": "MIT",
    "jquery.com/license": "MIT",
    "json.org/license": "JSON",
    "zlib.net/zlib_license": "Zlib",
    "hsqldb.org/web/hsqllicense": "BSD-3-Clause",
    "postgresql.org/about/licence": "PostgreSQL",
    "mozilla.org/mpl/mpl-1.1": "MPL-1.1",
    "eclipse.org/org/documents/edl-v10": "BSD-3-Clause",
    "glassfish.dev.java.net/public/cddlv1.0": "CDDL-1.0",
    "glassfish.dev.java.net/public/cddl+gpl": "CDDL-1.0 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "glassfish.java.net/public/cddl+gpl_1_1": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "oss.oracle.com/licenses/cddl+gpl-1.1": "CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0",
    "gnu.org/software/classpath/license": "GPL-2.0-only WITH Classpath-exception-2.0",
    "openjdk.java.net/legal/gplv2+ce": "GPL-2.0-only WITH Classpath-exception-2.0",
}
# The page of whichever version is the newest.
_NEWEST = {"gnu.org/copyleft/lesser": "LGPL-2.0-or-later", "gnu.org/licenses/lgpl": "LGPL-2.0-or-later"}


def meaning_of_address(text: str) -> Meaning | None:
    """Return what is at an address; None where that is not known. Nobody is asked."""
    match = _ADDRESS.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        return None
    host, path = match["host"].lower(), unquote(match["path"]).strip("/")
    place = _END.sub("", f"{host}/{path}".strip("/").lower())
    if place in _PLACES:
        return Meaning(_PLACES[place])
    if place in _NEWEST:
        return Meaning(_NEWEST[place], vague=True)
    if host == "creativecommons.org":
        return _creative(path.lower())
    expression = expression_of_address(text)
    return Meaning(str(expression)) if expression is not None else _at(host, path)


def expression_of_address(text: str) -> Expression | None:
    """Return the expression of which an address was made by NuGet; None where it is no such address.

    The host of such an address begins with `licenses.`: https://learn.microsoft.com/nuget/reference/nuspec#license.
    """
    match = _ADDRESS.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    is_made = match is not None and match["host"].lower().startswith("licenses.")
    return try_expression(unquote(match["path"])) if match is not None and is_made else None


def _at(host: str, path: str) -> Meaning | None:
    if host not in _HOSTS:
        return None
    last = path.rpartition("/")[2]
    name = _END.sub("", last).replace("_", ".")
    expression = try_expression(name)
    if expression is not None:
        return Meaning(str(expression))
    # Eclipse writes epl-v10 for version 1.0, and GNU has pages without a frame.
    name = _SHORT_VERSION.sub(r"\1.\2", name.removesuffix("-standalone"))
    prefix = _HOSTS[host]
    return meaning_of(f"{prefix}{name}") or (meaning_of(last) if prefix else None)


def _creative(path: str) -> Meaning | None:
    match = _CREATIVE.match(path)
    if match is None or (match["kind"] == "publicdomain" and match["name"] != "zero"):
        return None
    name = "CC0" if match["kind"] == "publicdomain" else f"CC-{match['name']}"
    expression = try_expression(f"{name}-{match['version']}")
    return None if expression is None else Meaning(str(expression))
