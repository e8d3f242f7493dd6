"""How pages for people look: one file each, which needs nothing else, for narrow windows, dark ones, keyboards and screen readers."""

import html
from collections.abc import Iterable, Sequence

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.texts import flattened

_FIELDS = (
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("vary", "accept, authorization"),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
)
# The contrast of all texts is above 4.5:1 (WCAG 2.2, level AA), in light and in dark.
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 1.5rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
h1, h2, p, th, td { overflow-wrap: anywhere } h1 { margin: .5rem 0; line-height: 1.2 } h2 { margin: 2rem 0 .5rem; font-size: 1.2rem }
a { color: #0b57d0 } nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0; padding: 0; list-style: none }
a:focus-visible, button:focus-visible, input:focus-visible, .wide:focus-visible { outline: 3px solid currentColor; outline-offset: 2px }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin-bottom: 1rem } label { flex: 1 1 16rem } input { display: block; box-sizing: border-box; width: 100% }
input, button { font: inherit; padding: .3rem .6rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top; min-width: 6rem }
thead th { overflow-wrap: normal } tbody th { font-weight: normal } code { font-size: .9em } .quiet { color: #555 } .bad { color: #a40000 }
@media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 } a { color: #8ab4f8 } .quiet { color: #aaa }
th, td { border-color: #444 } .bad { color: #ff8a80 } }
"""


def page(
    title: str, content: Iterable[str], *, above: str = "", status: int = 200, more: Sequence[tuple[str, str]] = ()
) -> Response:
    """Return a page.

    Args:
        title: Its heading too.
        content: What follows, in HTML.
        above: What leads away from it, in HTML.
        status: Of the answer.
        more: Further fields of it.
    """
    body = "\n".join(content)
    text = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{shown(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{f'<nav>{above}</nav>' if above else ''}<main><h1>{shown(title)}</h1>\n{body}</main></body></html>"
    )
    return Response(status, Headers([*_FIELDS, *more]), text.encode())


def section(name: str, heading: str, content: str) -> str:
    """Return a part of a page, to which `#name` leads."""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{shown(heading)}</h2>{content}</section>'


def table(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a section of a name; who has no mouse scrolls what has the focus."""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
        for first, *others in rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-labelledby="{name}"><table aria-labelledby="{name}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def links(label: str, targets: Iterable[tuple[str, str]]) -> str:
    """Return a list of links, each of a target and a text."""
    listed = "".join(f'<li><a href="{target}">{shown(text)}</a></li>' for target, text in targets)
    return f'<nav aria-label="{label}"><ul>{listed}</ul></nav>'


def bad(text: str) -> str:
    """Return a text that tells of something bad."""
    return f'<span class="bad">{shown(text)}</span>'


def shown(text: str) -> str:
    """Return a text of somebody else in HTML, on one line, without what cannot be seen."""
    return html.escape(flattened(text))
