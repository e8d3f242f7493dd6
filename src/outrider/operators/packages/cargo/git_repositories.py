"""The manifests of commits of git repositories: from what is kept on disk, else from their servers by git.

What a commit has never changes. Which one is meant is asked each time, unless a lock says it: `GitSource` in src/cargo/sources/git of
Cargo 1.95.
"""

from pathlib import Path, PurePosixPath

import msgspec

from outrider.core.errors import (
    InvalidConfigError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.operators.packages.cargo.details import CargoDetails
from outrider.operators.packages.cargo.places import GitPlace
from outrider.operators.packages.registries.record_files import (
    hashed_name,
    read_current,
    read_record,
    registry_folder,
    write_record,
)
from outrider.operators.packages.resolving.questions import Question
from outrider.ports.git import Remote, fetched_commit, is_commit, references, revision

_FORM = 1
_SECONDS = 300.0
_OPEN = "https://"
_MANIFEST = "Cargo.toml"


class Checkout(msgspec.Struct, array_like=True):
    """What counts of a commit.

    Attributes:
        commit: Its hash.
        manifests: What is in each Cargo.toml, by its path.
        modules: Paths at which other repositories are to be.
    """

    commit: str
    manifests: dict[str, str]
    modules: list[str]
    form: int = _FORM


class _Meant(msgspec.Struct, array_like=True):
    commit: str


class GitRepositories:
    """Reads repositories.

    Args:
        question: What may be used for an answer.
    """

    def __init__(self, question: Question) -> None:
        self._question, self._details = question, CargoDetails.of(question)
        self._temporary = question.cache / "cargo" / "fetching"
        self._checkouts = msgspec.msgpack.Decoder(Checkout)
        self._meant = msgspec.msgpack.Decoder(_Meant)

    async def checkout(self, place: str) -> Checkout:
        """Return what counts of the commit that a place means.

        Args:
            place: As Cargo.lock writes it.

        Raises:
            NotFoundError: There is no such repository, or nothing that is meant in it.
            InvalidConfigError: Its address has a user or a password, or a form that git is not given.
            UnsupportedError: Strangers name it, and it may not be open to everybody.
            UnavailableError: Nothing is kept of it, and nobody is to be asked.
            MissingRequirementError: git is not installed.
            OutriderError: What git says.
        """
        meant = GitPlace.of(place)
        if self._details.is_bounded and not meant.url.startswith(_OPEN):
            raise UnsupportedError(
                f"{meant.url} is read with what this machine has, and strangers may have written that", path="git", found=meant.url, expected=f"{_OPEN}HOST/PATH",
                suggestions=["fix or update it where its repository lies: outrider packages fix FOLDER"],
            )  # fmt: skip
        folder = registry_folder(self._question.cache, "cargo", f"git+{meant.url}")
        try:
            return await self._checkout(meant, self._details.commits.get(place, ""), folder)
        except (InvalidConfigError, NotFoundError, UnauthenticatedError) as error:
            error.suggestions = [
                "check the address, and what is meant there",
                "for a repository that is not open to everybody: ssh://USER@HOST/PATH, with a key of the agent of ssh",
            ]
            raise

    async def _checkout(self, meant: GitPlace, commit: str, folder: Path) -> Checkout:
        name = folder / f"{hashed_name(f'{meant.kind} {meant.value}')}.meant"
        wanted = commit or await self._wanted(meant, name)
        known = read_current(folder / f"{wanted}.checkout", self._checkouts, _FORM) if is_commit(wanted) else None
        if known is not None:
            return known
        self._refuse_offline(meant)
        async with fetched_commit(Remote(meant.url), wanted, self._temporary, self._remaining) as found:
            files = await found.files()
            paths = [path for path in files if PurePosixPath(path).name == _MANIFEST]
            texts = await found.read([files[path] for path in paths])
            manifests = {path: text.decode("utf-8", "replace") for path, text in zip(paths, texts, strict=True)}
            checkout = Checkout(found.identity, manifests, await found.modules())
        write_record(folder / f"{checkout.commit}.checkout", checkout)
        if checkout.commit != wanted:
            write_record(name, _Meant(checkout.commit))
        return checkout

    async def _wanted(self, meant: GitPlace, name: Path) -> str:
        """Return the commit that is meant; the revision where only the whole of the repository tells it."""
        if meant.kind == "rev" and is_commit(meant.value):
            return meant.value
        known = read_record(name, self._meant) if self._question.offline else None
        if known is not None:
            return known.commit
        self._refuse_offline(meant)
        names = await references(Remote(meant.url), self._temporary, self._remaining)
        wanted = {"branch": f"refs/heads/{meant.value}", "tag": f"refs/tags/{meant.value}"}.get(meant.kind, "HEAD")
        commit = revision(meant.value, names) if meant.kind == "rev" else names.get(wanted, "")
        if commit:
            write_record(name, _Meant(commit))
        elif meant.kind != "rev":
            raise NotFoundError(
                f"{meant.url}: there is no {meant.kind or 'commit'} {meant.value}".rstrip(), path=meant.kind or "git", found=meant.value or "nothing",
                expected="what is there",
            )  # fmt: skip
        return commit or meant.value

    def _refuse_offline(self, meant: GitPlace) -> None:
        if self._question.offline:
            raise UnavailableError(
                f"cargo: nothing is kept of {meant.url}, and nobody is to be asked", found="offline", expected="what git says",
                suggestions=["ask without offline, once"],
            )  # fmt: skip

    def _remaining(self) -> float:
        self._question.check()
        return min(_SECONDS, self._question.deadline - self._question.clock.monotonic())
