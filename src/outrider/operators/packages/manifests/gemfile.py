"""What a Gemfile asks for: https://bundler.io/man/gemfile.5.html.

A Gemfile is a program. It is not run: what is read is the form in which nearly all are written, and of the rest it is said why it is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.details import GemDetails
from outrider.operators.packages.gem.generic_platforms import is_loaded, kinds_of, limited
from outrider.operators.packages.gem.lines import is_name
from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.lock import unreadable
from outrider.operators.packages.manifests.ruby_commands import Commands, Given, Value
from outrider.operators.packages.manifests.ruby_tokens import Kind, Token
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of

FORM = "Gemfile"
_LARGEST = 1 << 20
_BYTE_ORDER_MARK = "\ufeff"
# Which groups a gem is in and how it is loaded is not in a lock.
_IGNORED = ("group", "groups", "require")
_PLATFORMS = ("platform", "platforms")
_ELSEWHERE = (
    "git", "github", "gist", "bitbucket", "gitlab", "path", "source", "branch", "ref", "tag", "glob", "submodules",
)  # fmt: skip
_WHY_ELSEWHERE = "gems from elsewhere than the one source are not read"
_WHY = {
    **dict.fromkeys(("git", "path", "github"), _WHY_ELSEWHERE),
    **dict.fromkeys(("install_if", "env", "if", "unless", "case", "while"), "a condition is not looked at"),
    "gemspec": "a gemspec is a program, and is not run",
    "eval_gemfile": "other Gemfiles are not read",
    "plugin": "plugins of Bundler are not read",
}


class GemWish(msgspec.Struct, kw_only=True, frozen=True):
    """A gem that is asked for.

    Attributes:
        name: Of it.
        requirements: What is asked of its version, each as it is written; none where any will do.
        platforms: The words for where it is wanted; none for everywhere.
        span: Where the requirements stand, with their quotation marks; None where there are none, or something is between them.
    """

    name: str
    requirements: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    span: tuple[int, int] | None = None

    @property
    def range(self) -> str:
        """The requirements as one text; empty where any version will do."""
        return ", ".join(self.requirements)

    @property
    def text(self) -> str:
        """It as it is asked for."""
        return f"{self.name}@{self.range}" if self.requirements else self.name


class GemManifest(msgspec.Struct, kw_only=True, frozen=True):
    """A Gemfile.

    Attributes:
        source: The address that gems come from.
        wishes: The gems that are asked for, each once.
        ruby: Whether it says which Ruby it is for.
    """

    source: str
    wishes: list[GemWish]
    ruby: bool = False


def read_manifest(text: str) -> GemManifest:
    """Read a Gemfile.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It has what is not read here.
    """
    if len(text) > _LARGEST:
        raise unreadable(FORM, f"{len(text)} characters", f"at most {_LARGEST} characters")
    return _Reader(checked(FORM, text)).read()


def manifest_name(lock: str) -> str:
    """Return what the Gemfile is called that a lock file is of."""
    return "gems.rb" if lock == "gems.locked" else lock.removesuffix(".lock")


def asked(
    manifest: GemManifest, question: Question, folder: Path, platforms: Sequence[str], ruby: str = ""
) -> Question:
    """Return the question for what a Gemfile asks for on some platforms, with what its lock has of each gem.

    Args:
        manifest: The Gemfile.
        question: What else counts.
        folder: Of the project.
        platforms: Of the lock.
        ruby: The version of Ruby here: what is for another one is left out where no version fits, as Bundler does it.
    """
    wanted = {wish: limited(platforms, wish.platforms) for wish in manifest.wishes}
    there = {wish: those for wish, those in wanted.items() if those}
    return msgspec.structs.replace(
        question, packages=[wish.text for wish in there], folder=folder, files=True,
        details=GemDetails(
            sources=[manifest.source], platforms={"": platforms, **{wish.name: those for wish, those in there.items()}},
            optional=[wish.name for wish in there if not is_loaded(wish.platforms, ruby)],
        ),
    )  # fmt: skip


def rewritten(text: str, changes: Iterable[tuple[tuple[int, int], str]]) -> str:
    """Return a Gemfile with other requirements.

    Args:
        text: Of the file.
        changes: Where requirements stand, as a wish has it, and what is to be there.
    """
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    text = text.removeprefix(mark)
    for (start, end), wanted in sorted(changes, reverse=True):
        quote = "'" if text[start] == "'" else '"'
        text = f"{text[:start]}{quote}{wanted}{quote}{text[end:]}"
    return f"{mark}{text}"


class _Reader:
    def __init__(self, text: str) -> None:
        # Places in it are those in the file.
        self._words = Commands(
            FORM, text, expected="source, gem, group, platforms and ruby, with plain texts", remedy="use Bundler itself: bundle lock"
        )  # fmt: skip
        self._sources: list[str] = []
        self._wishes: dict[str, GemWish] = {}
        self._ruby = False
        # Of each block that is open, the words for its platforms.
        self._blocks: list[tuple[str, ...]] = []
        self._commands: Mapping[str, Callable[[Token], None]] = {
            "source": self._source, "gem": self._gem, "group": self._group, "platforms": self._of_platforms,
            "platform": self._of_platforms, "ruby": self._of_ruby, "git_source": self._git_source, "end": self._end,
        }  # fmt: skip

    def read(self) -> GemManifest:
        while (token := self._words.next()).kind is not Kind.END:
            if token.kind is not Kind.LINE_END:
                self._command(token)(token)
        if self._blocks:
            raise self._words.wrong(token, "an end")
        if not self._sources:
            self._words.refuse(token, "it names no source, and gems that are installed are not looked at")
        return GemManifest(source=self._sources[0], wishes=[*self._wishes.values()], ruby=self._ruby)

    def _command(self, token: Token) -> Callable[[Token], None]:
        found = self._commands.get(token.value) if token.kind is Kind.NAME else None
        if found is None:
            self._words.refuse(token, _why(token) or f"{token.value[:40]} is none of the commands that are read")
        return found

    def _finish(self) -> None:
        """Take the end of a command."""
        following = self._words.peek()
        if following.kind is Kind.LINE_END:
            self._words.next()
        elif following.kind is not Kind.END and (following.kind, following.value) != (Kind.NAME, "end"):
            self._words.refuse(following, _why(following))

    def _source(self, token: Token) -> None:
        given = self._words.given()
        if given.named or self._words.peek().value == "do":
            self._words.refuse(token, "a source of some gems alone is not read")
        self._finish()
        texts = [text for one in given.values for text in (one.texts or ()) if one.plain]
        if len(given.values) != 1 or len(texts) != 1:
            self._words.refuse(token, "something else than the address of a source is not read")
        self._sources += texts
        if len(set(self._sources)) > 1:
            self._words.refuse(token, "several sources are not read: nothing says which gem comes from which")

    def _gem(self, token: Token) -> None:
        given = self._words.given()
        self._finish()
        for key in given.named:
            if key not in (*_IGNORED, *_PLATFORMS):
                self._words.refuse(
                    token, f"{key}: {_WHY_ELSEWHERE}" if key in _ELSEWHERE else f"{key[:40]}: is not read"
                )
        if any(not one.plain for one in given.values):
            self._words.refuse(token)
        texts = [one.texts or () for one in given.values]
        requirements = tuple(dict.fromkeys(text.strip() for one in texts[1:] for text in one))
        if not texts or len(texts[0]) != 1 or not is_name(texts[0][0]) or not all(map(_is_requirement, requirements)):
            raise self._words.wrong(token, 'gem "NAME", "~> 1.2", ">= 1.2.3"')
        self._add(token, texts[0][0], requirements, given)

    def _add(self, token: Token, name: str, requirements: tuple[str, ...], given: Given) -> None:
        words = [word for block in self._blocks for word in block]
        for key in _PLATFORMS:
            words += self._platforms(token, given.named[key]) if key in given.named else []
        values = given.values[1:]
        span = (values[0].start, values[-1].end) if values and not self._words.between(values).strip(", ") else None
        wish = GemWish(name=name, requirements=requirements, platforms=tuple(sorted(set(words))), span=span)
        before = self._wishes.setdefault(name, wish)
        if (before.requirements, before.platforms) != (wish.requirements, wish.platforms):
            self._words.refuse(token, f"{name} is asked for twice, in two ways")

    def _platforms(self, token: Token, value: Value) -> tuple[str, ...]:
        if value.texts is None or not all(map(kinds_of, value.texts)):
            raise self._words.wrong(token, "platforms such as :ruby, :jruby or :windows")
        return value.texts

    def _group(self, token: Token) -> None:
        self._words.given()
        self._open(token, ())

    def _of_platforms(self, token: Token) -> None:
        words = [word for value in self._words.given().values for word in self._platforms(token, value)]
        self._open(token, tuple(words))

    def _open(self, token: Token, platforms: tuple[str, ...]) -> None:
        if not self._words.takes(Kind.NAME, "do"):
            self._words.refuse(token, "a block that is not written with do and end is not read")
        self._blocks.append(platforms)

    def _end(self, token: Token) -> None:
        if not self._blocks:
            raise self._words.wrong(token, "an end of a block that is open")
        self._finish()
        self._blocks.pop()

    def _of_ruby(self, token: Token) -> None:
        """Note that a Ruby is named; which one it is does not change what is locked."""
        given = self._words.given()
        self._finish()
        if any(one.texts is None for one in (*given.values, *given.named.values())):
            self._words.refuse(token)
        self._ruby = True

    def _git_source(self, token: Token) -> None:
        """Pass over what says where gems from git would be: each gem that comes from there is refused."""
        self._words.given()
        depth = 0
        while (found := self._words.next()).kind is not Kind.END:
            depth += (found.kind, found.value) in ((Kind.MARK, "{"), (Kind.NAME, "do"))
            depth -= (found.kind, found.value) in ((Kind.MARK, "}"), (Kind.NAME, "end"))
            if found.kind is Kind.LINE_END and not depth:
                return
        if depth:
            raise self._words.wrong(token, "an end")


def _why(token: Token) -> str:
    return _WHY.get(token.value, "") if token.kind is Kind.NAME else ""


def _is_requirement(text: str) -> bool:
    try:
        scheme_of("gem").range(text)
    except InvalidConfigError:
        return False
    return bool(text) and "," not in text
