"""Pages for people: what is here, and of each package its versions, files, advisories, licence, and who needs it here."""

import html
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote

from outrider.core.errors import NotFoundError, OutriderError, UnauthenticatedError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.serving.accounts import Caller
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.tables import PackageState, Summary

_FIELDS = Headers({
    "content-type": "text/html; charset=utf-8", "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
})  # fmt: skip
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
a { color: #0b57d0 } h1 { margin-bottom: 0 } table { border-collapse: collapse; width: 100% } caption { text-align: left; font-weight: 600 }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top } code { font-size: .9em }
td code { overflow-wrap: anywhere } .quiet { color: #555 } .bad { color: #a40000 }
@media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 } a { color: #8ab4f8 } .quiet { color: #aaa }
th, td { border-color: #444 } .bad { color: #ff8a80 } }
"""
_MOST = 200


class Advice(NamedTuple):
    """What advisories say.

    Attributes:
        found: Vulnerabilities by version.
        missing: Why nothing can be said; empty where it can.
    """

    found: Mapping[str, Sequence[Vulnerability]]
    missing: str


class Pages:
    """Makes pages.

    Args:
        hubs: Have the packages, by ecosystem.
    """

    def __init__(self, hubs: Mapping[str, Hub]) -> None:
        self._hubs = hubs

    def answer(self, request: Request, caller: Caller) -> Response:
        """Answer with a page.

        Raises:
            NotFoundError: There is none.
            UnauthenticatedError: Nobody may see it who shows nothing.
        """
        if not caller.may("read"):
            raise UnauthenticatedError(
                "to see packages you have to log in", found="nobody", expected="a user or a token"
            )
        match request.path.strip("/").split("/", 2):
            case [""] if request.method in ("GET", "HEAD"):
                words = request.arguments().get("q", [""])[0].lower().split()
                return _page("Packages", self._list(words, caller))
            case ["packages", ecosystem, name] if ecosystem in self._hubs and request.method in ("GET", "HEAD"):
                return self._package(self._hubs[ecosystem], name, caller)
        raise NotFoundError(f"there is nothing at {request.path}", found=request.path)

    def _list(self, words: Sequence[str], caller: Caller) -> Iterable[str]:
        asked = html.escape(" ".join(words))
        yield f'<form><label>Name or description <input name="q" type="search" value="{asked}"></label> <button>Search</button></form>'
        for ecosystem, hub in sorted(self._hubs.items()):
            found = [
                (name, summary)
                for name, summary in hub.store.tables.summaries(ecosystem)
                if all(word in f"{name} {summary.description}".lower() for word in words)
                and caller.may("read", f"{ecosystem}:{name}")
            ]
            rows = [
                (_link(ecosystem, name), _text(summary.latest), _text(summary.description), "published here" if hub.is_private(name) else "")
                for name, summary in found[:_MOST]
            ]  # fmt: skip
            more = f", {len(found) - _MOST} more" if len(found) > _MOST else ""
            yield _table(f"{ecosystem}: {len(found)} packages{more}", ("Package", "Version", "Description", ""), rows)

    def _package(self, hub: Hub, name: str, caller: Caller) -> Response:
        tables, ecosystem = hub.store.tables, hub.ecosystem
        state = tables.state(ecosystem, name)
        if state is None or not state.there or not caller.may("read", f"{ecosystem}:{name}"):
            raise NotFoundError(
                f"{ecosystem} {name}: it is not here", found=name, suggestions=["install it once through this registry"]
            )
        summary = state.summary
        advice = _advice(ecosystem, name, summary)
        own = {one.file: one for one in tables.releases(ecosystem, name)}
        files = [(file, one.digest, one.size) for file, one in own.items()]
        files += [(file, one.digest, one.size) for file, one in tables.files(ecosystem, name).items()]
        content = [
            f"<p>{_text(summary.description)}</p>" if summary.description else "",
            f'<p class="quiet">{_text(_origin(hub, name, state))}. Licence: {_text(summary.licence or "not told here")}.</p>',
            f'<p class="bad">{_text(advice.missing)}</p>' if advice.missing else "",
            _table("Versions", ("Version", "Advisories", ""), _versions(summary, state, advice)),
            _table("Files that are here", ("File", "Bytes", "SHA-256"), [(_text(file), str(size), f"<code>{digest}</code>") for file, digest, size in files]),
            _table("Needed here by", ("Package",), [(_link(ecosystem, one),) for one in tables.needing(ecosystem, name)]),
            _table("Needs", ("Package",), [(_link(ecosystem, one),) for one in sorted(set(summary.needs))]),
        ]  # fmt: skip
        return _page(f"{ecosystem} {name} {summary.latest}", content)


def _origin(hub: Hub, name: str, state: PackageState) -> str:
    return (
        "Published here"
        if hub.is_private(name)
        else f"From {state.source.partition('://')[2].partition('/')[0] or 'elsewhere'}"
    )


def _versions(summary: Summary, state: PackageState, advice: Advice) -> list[tuple[str, ...]]:
    shown = [(_text(version), _advisories(advice.found.get(version, ())), "") for version in summary.versions[:_MOST]]
    if len(summary.versions) > _MOST:
        shown.append((f"{len(summary.versions) - _MOST} older ones", "", ""))
    refused = [
        (_text(version), "", f'<span class="bad">refused</span>: {_text(why)}')
        for version, why in list(state.refused.items())[-_MOST:]
    ]
    return [*reversed(refused), *shown]


def _advisories(found: Sequence[Vulnerability]) -> str:
    return ", ".join(f'<span class="bad">{_text(one.severity)}</span> {_text(one.id)}' for one in found)


def _advice(ecosystem: str, name: str, summary: Summary) -> Advice:
    """Return what is known of the versions of a package; that nothing is imported does not read as nothing found."""
    try:
        with closing(AdvisoryStore(store_path())) as store:
            if ecosystem not in store.sources():
                return Advice({}, f"No advisories of {ecosystem} are imported: nothing is known of vulnerabilities.")
            matcher = Matcher(store)
            return Advice({one: matcher.vulnerabilities(ecosystem, name, one) for one in summary.versions[:_MOST]}, "")
    except OutriderError as error:
        return Advice({}, f"{error.message}: nothing is known of vulnerabilities.")


def _link(ecosystem: str, name: str) -> str:
    return f'<a href="/packages/{ecosystem}/{quote(name, safe="@/")}">{_text(name)}</a>'


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><caption>{_text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _page(title: str, content: Iterable[str]) -> Response:
    body = "\n".join(content)
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f'<body><main><p><a href="/">Packages</a></p><h1>{_text(title)}</h1>{body}</main></body></html>'
    )
    return Response(200, _FIELDS, page.encode())


def _text(text: str) -> str:
    return html.escape(text)
