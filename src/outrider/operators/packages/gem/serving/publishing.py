"""What gem push and gem yank send: https://github.com/rubygems/rubygems/tree/v3.3.15/lib/rubygems/commands."""

import hashlib
import io
import re

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.core.timestamps import timestamp_of_second
from outrider.operators.packages.gem.lines import read_line
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.gem.serving.documents import Pushed, read_pushed
from outrider.operators.packages.gem.serving.naming import before_versions
from outrider.operators.packages.gem.serving.packages import check, metadata_of
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping
from outrider.operators.packages.gem.serving.specifications import (
    Specification,
    licence_of,
    line,
    quick,
    read_specification,
    wrong,
)
from outrider.operators.packages.serving.blobs import Blobs
from outrider.operators.packages.serving.tables import Release, Tables
from outrider.operators.packages.versions.ecosystems import scheme_of

# As the public registry wants them.
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_LONGEST = 4_000
TAKEN_BACK = "taken back"


def read_gem(content: bytes) -> Specification:
    """Return the specification in the file of a gem, and refuse one that no client could install.

    Raises:
        InvalidConfigError: It is one, or no gem at all.
    """
    file = io.BytesIO(content)
    found = read_specification(read_mapping(metadata_of(file)))
    if _NAME.fullmatch(found.name) is None:
        raise wrong("name", found.name, "letters, digits, dots, hyphens and underscores, a letter or a digit first")
    check(file)
    return found


def release_of(specification: Specification, content: bytes, blobs: Blobs, publisher: str, now: float) -> Release:
    """Keep the file of a gem, and return what is known of it.

    Args:
        specification: In the file.
        content: Of the file.
        blobs: Where files are kept.
        publisher: Who sends it.
        now: Seconds since the epoch.

    Raises:
        InvalidConfigError: Its specification says something that no index can say.
    """
    beside, digest = quick(specification), hashlib.sha256(content).hexdigest()
    of_index = line(specification, digest, timestamp_of_second(now))
    if read_line(of_index.encode()) is None:
        raise wrong("dependencies", of_index, "something that an index can say")
    summary = (specification.summary or "")[:_LONGEST]
    said = Pushed(of_index, specification.platform, summary, licence_of(specification))
    return Release(
        file=f"{specification.full_name}.gem", version=specification.version, digest=blobs.put(content, durable=True), size=len(content),
        said=msgspec.msgpack.encode(said), published=now, publisher=publisher, beside=blobs.put(beside, durable=True),
    )  # fmt: skip


def publish(tables: Tables, name: str, release: Release) -> None:
    """Have a gem; one that is there already with the same bytes is left as it is.

    Raises:
        ConflictError: There is another one of its version, or of the name of its file, or a gem whose name is too near.
    """
    for other in tables.names("gem", hosted=True):
        if other != name and other.lower() == name.lower():
            raise _conflict("name", name, f"there is {other} already", "choose another name")
    for other in before_versions(release.file):
        if other != name and any(one.file == release.file for one in tables.releases("gem", other)):
            raise _conflict("version", release.file, f"{other} has a file of that name", "choose another version")
    for one in tables.releases("gem", name):
        if not _is_same(one, release):
            continue
        if one.file == release.file and one.digest == release.digest and one.yanked is None:
            return
        why = "there is one with another content" if one.yanked is None else "it was taken back"
        if one.file != release.file:
            why = f"there is {one.version}, which is the same version"
        raise _conflict("version", release.file, why, "raise the version in the gemspec")
    tables.put_release("gem", name, release)


def yank(tables: Tables, name: str, version: str, platform: str) -> None:
    """Take a gem back.

    Raises:
        NotFoundError: There is none.
    """
    for one in tables.releases("gem", name):
        if one.version == version and read_pushed(one).platform == (platform or RUBY) and one.yanked is None:
            tables.put_release("gem", name, msgspec.structs.replace(one, yanked=TAKEN_BACK))
            return
    shown = f"{version} for {platform}" if platform else version
    raise NotFoundError(
        f"gem {name}: there is no version {shown}", found=shown, suggestions=["check version and platform"]
    )


def _is_same(one: Release, other: Release) -> bool:
    """Return whether two are the same version for the same platform, such as 1.0 and 1.0.0."""
    scheme = scheme_of("gem")
    same = scheme.parse(one.version).key == scheme.parse(other.version).key
    return same and read_pushed(one).platform == read_pushed(other).platform


def _conflict(path: str, found: str, why: str, remedy: str) -> ConflictError:
    return ConflictError(f"{found} cannot be published: {why}", path=path, found=found, suggestions=[remedy])


def yank_form(fields: dict[str, list[str]]) -> tuple[str, str, str]:
    """Return the name, the version and the platform that gem yank sends.

    Raises:
        InvalidConfigError: Name or version is missing.
    """
    name, version, platform = (fields.get(key, [""])[0] for key in ("gem_name", "version", "platform"))
    if not name or not version:
        raise InvalidConfigError(
            "gem_name and version are missing", path="body", found=", ".join(sorted(fields))[:100], expected="a form with both",
            suggestions=["take it back with gem yank"],
        )  # fmt: skip
    return name, version, platform
