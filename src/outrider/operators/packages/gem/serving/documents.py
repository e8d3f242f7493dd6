"""What is served of a gem: its document of the compact index, and what the list of all versions says of it.

https://github.com/rubygems/compact_index
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from outrider.operators.packages.gem.lines import Line, lines_of, read_line
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.gem.serving.specifications import variant
from outrider.operators.packages.gem.serving.texts import TEXT
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.policies import Policy, by_version
from outrider.operators.packages.serving.documents import Document
from outrider.operators.packages.serving.tables import Release, Summary
from outrider.operators.packages.serving.upstreams import Built, Contents
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

INFO, LISTED = "info", "listed"
_HEAD = b"---\n"


class KeptInfo(msgspec.Struct, array_like=True):
    """What another source says of a gem.

    Attributes:
        index: Its address.
        content: The document.
    """

    index: str
    content: bytes


class Pushed(msgspec.Struct, array_like=True):
    """What was pushed with a gem.

    Attributes:
        line: Of the index.
        platform: That it is for.
        summary: One line.
        licence: As it is written.
    """

    line: str
    platform: str
    summary: str = ""
    licence: str = ""


_KEPT = msgspec.msgpack.Decoder(KeptInfo)
_PUSHED = msgspec.msgpack.Decoder(Pushed)


def read_kept(raw: bytes) -> KeptInfo:
    """Return what was kept."""
    return _KEPT.decode(raw)


def read_pushed(release: Release) -> Pushed:
    """Return what was pushed with a gem."""
    return _PUSHED.decode(release.said)


def build(name: str, contents: Contents, policy: Policy) -> Built:
    """Return the documents of a gem; versions that policy refuses are not in them.

    Args:
        name: Of the gem.
        contents: What there is.
        policy: What may be installed.
    """
    own = {one.version: read_pushed(one) for one in contents.releases}
    content = read_kept(contents.raw).content if contents.raw is not None else _of_releases(contents.releases)
    texts = lines_of(content)
    read = [(text, line) for text in texts if (line := read_line(text)) is not None]
    table = VersionTable(scheme_of("gem"), {line.version for _, line in read})
    whys = by_version(policy.refusals(name, table, _published([line for _, line in read], table, own)), table)
    # An index does not tell licences: gems of others are judged when they are asked for.
    for version in own if policy.asks_for_licences else ():
        if why := policy.refuses_licence(name, version, own[version].licence):
            whys.setdefault(version, why)
    shown = [(text, line) for text, line in read if line.version not in whys]
    if len(shown) < len(texts):
        content = _HEAD + b"".join(text + b"\n" for text, _ in shown)
    documents = [Document(INFO, TEXT, content)]
    if shown:
        variants = dict.fromkeys(variant(line.version, line.variant.platform) for _, line in shown)
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        documents.append(Document(LISTED, TEXT, f"{','.join(variants)} {checksum}".encode()))
    return Built(documents, whys, _summary([line for _, line in shown], table, own))


def _of_releases(releases: Sequence[Release]) -> bytes:
    """Return the document of a gem that was published here, in the order of time; what was taken back is in no index."""
    lines = [
        read_pushed(one).line
        for one in sorted(releases, key=lambda one: (one.published, one.file))
        if one.yanked is None
    ]
    return "".join(["---\n", *(f"{one}\n" for one in lines)]).encode()


def _published(lines: Sequence[Line], table: VersionTable, own: Mapping[str, Pushed]) -> list[float]:
    # What is published here is nobody's news.
    times = dict.fromkeys(own, 1.0)
    for line in lines:
        if line.version not in own:
            times[line.version] = max(line.variant.created, times.get(line.version, 0.0))
    found = [times[version] for version in table.versions]
    return found if any(found) else []


def _summary(shown: Sequence[Line], table: VersionTable, own: Mapping[str, Pushed]) -> Summary:
    of_versions = {line.version: line.variant for line in shown}
    left = sum(1 << bit for bit, version in enumerate(table.versions) if version in of_versions)
    if not left:
        return Summary()
    latest = table.versions[newest(left, table.releases)]
    pushed = own.get(latest, Pushed("", RUBY))
    return Summary(
        versions=[*reversed(table.named(left))], latest=latest, description=pushed.summary, licence=pushed.licence,
        needs=[need.name for need in of_versions[latest].needs],
    )  # fmt: skip
