"""Pages for people: what is here, and of each package its versions, files, advisories, licence, and who needs it here."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote

from outrider.core.errors import CODES, NotFoundError, OutriderError, UnauthenticatedError
from outrider.core.http.messages import Request, Response
from outrider.core.quantities import Size
from outrider.operators.packages.advisories.matching import Matcher, Vulnerability
from outrider.operators.packages.advisories.places import store_path
from outrider.operators.packages.advisories.store import AdvisoryStore
from outrider.operators.packages.resolving.naming import of_one
from outrider.operators.packages.serving.accounts import Caller
from outrider.operators.packages.serving.hub import Hub
from outrider.operators.packages.serving.page_layout import bad, links, page, section, shown, table
from outrider.operators.packages.serving.tables import PackageState, Summary, warning
from outrider.operators.packages.texts import number_of
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_MOST = 200
_ALL = '<a href="/">All packages</a>'
_HEADINGS = {"NOT_FOUND": "Not here", "UNAUTHENTICATED": "Log in"}
_NOTHING = (
    "<p>Nothing is here yet. What a client fetches through this registry is kept and shown here, and so is what is published. "
    "Set a client to this registry, and install something.</p>"
)


class Advice(NamedTuple):
    """What advisories say.

    Attributes:
        found: Vulnerabilities by version; None of one that cannot be compared with what is known of the package.
        imported: When the advisories were; empty where there are none.
        missing: Why nothing can be said; empty where it can.
    """

    found: Mapping[str, Sequence[Vulnerability] | None]
    imported: str = ""
    missing: str = ""


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
                "to see packages you have to log in", found="nobody", expected="a user or a token",
                suggestions=["log in as a user of this registry, or with __token__ and a token"],
            )  # fmt: skip
        match request.path.strip("/").split("/", 2):
            case [""] if request.method in ("GET", "HEAD"):
                words = request.arguments().get("q", [""])[0].lower().split()
                return page("Packages", self._list(words, caller))
            case ["packages", ecosystem, name] if ecosystem in self._hubs and request.method in ("GET", "HEAD"):
                return self._package(self._hubs[ecosystem], name, caller)
        raise NotFoundError(f"there is nothing at {request.path}", found=request.path)

    def _list(self, words: Sequence[str], caller: Caller) -> Iterable[str]:
        asked = shown(" ".join(words))
        yield f'<form role="search"><label>Name or description <input name="q" type="search" value="{asked}"></label> <button>Search</button></form>'
        lists = {ecosystem: self._found(ecosystem, words, caller) for ecosystem in sorted(self._hubs)}
        if words and not any(lists.values()):
            yield f"<p>No package here has “{asked}” in its name or description. {_ALL}</p>"
        elif not any(lists.values()):
            yield _NOTHING
        full = {ecosystem: found for ecosystem, found in lists.items() if found}
        if len(full) > 1:
            yield links("Ecosystems", ((f"#{one}", f"{one} ({len(found)})") for one, found in full.items()))
        for ecosystem, found in full.items():
            rows = [
                (_link(ecosystem, name), shown(summary.latest), shown(summary.description), shown(origin))
                for name, summary, origin in found[:_MOST]
            ]
            more = f", of which the first {_MOST} are shown: search for others" if len(found) > _MOST else ""
            heading = f"{ecosystem}: {number_of(len(found), 'package')}{more}"
            yield section(ecosystem, heading, table(ecosystem, ("Package", "Version", "Description", "From"), rows))

    def _found(self, ecosystem: str, words: Sequence[str], caller: Caller) -> list[tuple[str, Summary, str]]:
        """Return the packages of an ecosystem that have all words, each with where it is from."""
        hub = self._hubs[ecosystem]
        return [
            (name, summary, "published here" if hub.is_private(name) else "elsewhere")
            for name, summary in hub.store.tables.summaries(ecosystem)
            if all(word in f"{name} {summary.description}".lower() for word in words)
            and caller.may("read", f"{ecosystem}:{name}")
        ]

    def _package(self, hub: Hub, name: str, caller: Caller) -> Response:
        tables, ecosystem = hub.store.tables, hub.ecosystem
        state = tables.state(ecosystem, name)
        if state is None or not state.there or not caller.may("read", f"{ecosystem}:{name}"):
            raise NotFoundError(
                f"{ecosystem} {name}: it is not here", found=name, suggestions=["install it once through this registry"]
            )
        summary = state.summary
        own = {one.file: one for one in tables.releases(ecosystem, name)}
        taken_back = {one.version: one.yanked for one in own.values() if one.yanked is not None}
        further = {*state.refused, *taken_back}.difference(summary.versions)
        known = _newest_first(ecosystem, {*summary.versions, *further}) if further else summary.versions
        advice, count = _advice(ecosystem, name, known[:_MOST]), len(known)
        rows = _versions(known, state, advice, taken_back)
        files = [(file, one.digest, one.size) for file, one in own.items()]
        files += [(file, one.digest, one.size) for file, one in tables.files(ecosystem, name).items()]
        parts = [
            _part("versions", "Versions", ("Version", "Advisories", "Policy")[: 3 if state.refused else 2], rows, count),
            _part(
                "files", "Files that are here", ("File", "Size", "SHA-256"),
                [(shown(file), Size(size).readable(), f"<code>{digest}</code>") for file, digest, size in files],
            ),
            _part("needed", "Needed here by", ("Package",), [(_link(ecosystem, one),) for one in tables.needing(ecosystem, name)]),
            _part("needs", "Needs", ("Package",), [(_link(ecosystem, one),) for one in sorted(set(summary.needs))]),
        ]  # fmt: skip
        content = [
            f"<p>{shown(summary.description)}</p>" if summary.description else "",
            _facts(summary, _origin(hub, name, state)),
            _compared(ecosystem, advice),
            links("Parts of this page", ((f"#{one.name}", one.heading) for one in parts)),
            *(section(one.name, one.heading, one.content) for one in parts),
        ]
        return page(f"{ecosystem} {name}", content, above=_ALL)


class _Part(NamedTuple):
    name: str
    heading: str
    content: str


def _part(
    name: str, heading: str, heads: Sequence[str], rows: Sequence[Sequence[str]], count: int | None = None
) -> _Part:
    """Return a part with a table of rows; where not all are shown, how many there are is told."""
    if not rows:
        # What another registry does not tell is not known here: that is no none.
        return _Part(name, heading, "<p>None is known here.</p>")
    return _Part(name, f"{heading} ({len(rows) if count is None else count})", table(name, heads, rows))


def refusal(error: OutriderError, more: Sequence[tuple[str, str]]) -> Response:
    """Return the page of an error, for a browser.

    Args:
        error: What is wrong.
        more: Further fields of the answer.
    """
    content = [
        f"<p>{shown(error.message)}.</p>",
        *(f"<p>What would help: {shown(one)}.</p>" for one in error.suggestions),
    ]
    status = CODES[error.code].http
    return page(_HEADINGS.get(error.code, "It did not work"), content, above=_ALL, status=status, more=more)


def _facts(summary: Summary, origin: str) -> str:
    told = (f"Latest version: {summary.latest or 'none'}", origin, f"Licence: {summary.licence or 'not told here'}")
    return f'<p class="quiet">{shown(". ".join(told))}.</p>'


def _compared(ecosystem: str, advice: Advice) -> str:
    if advice.missing:
        return f"<p>{bad(advice.missing)}</p>"
    day = advice.imported.partition("T")[0]
    return f'<p class="quiet">Compared with the advisories of {ecosystem} that were imported on {shown(day)}.</p>'


def _origin(hub: Hub, name: str, state: PackageState) -> str:
    return (
        "Published here"
        if hub.is_private(name)
        else f"From {state.source.partition('://')[2].partition('/')[0] or 'elsewhere'}"
    )


def _newest_first(ecosystem: str, versions: Iterable[str]) -> list[str]:
    """Return versions in their order, behind them those that their ecosystem cannot sort."""
    known = VersionTable(scheme_of(ecosystem), versions)
    return [*reversed(known.versions), *sorted(known.unsorted)]


def _versions(
    known: Sequence[str], state: PackageState, advice: Advice, taken_back: Mapping[str, str]
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (_version(one, _warning(one, state, taken_back)), _advisories(one, advice), _judged(one, state))
        for one in known[:_MOST]
    ]
    if len(known) > _MOST:
        refused = sum(one in state.refused for one in known[_MOST:])
        rows.append((f"{len(known) - _MOST} older ones", "not looked at here", f"{refused} refused" if refused else ""))
    return rows if state.refused else [row[:2] for row in rows]


def _warning(version: str, state: PackageState, taken_back: Mapping[str, str]) -> str:
    """Return what is said against a version; what was taken back nobody is shown any more, and yet it is here."""
    if version in taken_back and version not in state.summary.versions:
        return warning("taken back", taken_back[version])
    return state.summary.warned.get(version, "")


def _judged(version: str, state: PackageState) -> str:
    why = state.refused.get(version)
    return "" if why is None else f"{bad('refused')}, for it {shown(of_one(why))}"


def _version(version: str, said: str) -> str:
    """Return a version with what is said against it."""
    return f"{shown(version)} {bad(said)}" if said else shown(version)


def _advisories(version: str, advice: Advice) -> str:
    """Return what is known of a version; that nobody could look does not read as nothing found."""
    found = advice.found.get(version, ())
    if advice.missing or found is None:
        return "not known"
    return ", ".join(f"{bad(one.severity)} {shown(one.id)}" for one in found) or "none known"


def _advice(ecosystem: str, name: str, versions: Iterable[str]) -> Advice:
    try:
        with closing(AdvisoryStore(store_path())) as store:
            source = store.sources().get(ecosystem)
            if source is None or not source.records:
                return Advice(
                    {}, missing=f"No advisories of {ecosystem} are imported: nothing is known of vulnerabilities."
                )
            matcher = Matcher(store)
            found = {
                one: matcher.vulnerabilities(ecosystem, name, one)
                or (None if matcher.is_unread(ecosystem, name, one) else [])
                for one in versions
            }
            return Advice(found, source.imported)
    except OutriderError as error:
        return Advice({}, missing=f"{error.message}: nothing is known of vulnerabilities.")


def _link(ecosystem: str, name: str) -> str:
    return f'<a href="/packages/{ecosystem}/{quote(name, safe="@/")}">{shown(name)}</a>'
