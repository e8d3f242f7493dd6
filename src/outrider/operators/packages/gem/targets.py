"""For what gems are chosen: the Ruby of this machine, with its RubyGems and Bundler."""

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# What gems need beside gems. No gem may have such a name.
RUBY_ITSELF, RUBYGEMS, BUNDLER = "\0ruby", "\0rubygems", "\0bundler"
_CALLED = {RUBY_ITSELF: "Ruby", RUBYGEMS: "RubyGems", BUNDLER: "bundler"}


class GemTarget(msgspec.Struct, frozen=True, kw_only=True):
    """For what gems are chosen; what is empty is not known, and then everything goes with it.

    Attributes:
        ruby: The version of Ruby.
        rubygems: That of RubyGems.
        bundler: That of Bundler.
        platform: Such as `x86_64-linux`; `ruby` where nothing that was built for a platform is wanted.
    """

    ruby: str = ""
    rubygems: str = ""
    bundler: str = ""
    platform: str = RUBY

    def __str__(self) -> str:
        words = [f"ruby {self.ruby}" if self.ruby else "", self.platform if self.platform != RUBY else ""]
        return " ".join(word for word in words if word) or RUBY

    def here(self, name: str) -> str:
        """Return the version that is here of what gems need beside gems."""
        return {RUBY_ITSELF: self.ruby, RUBYGEMS: self.rubygems, BUNDLER: self.bundler}[name]

    def allows(self, name: str, requirement: str) -> bool:
        """Return whether what is here of it is what a requirement asks for."""
        version = self.here(name)
        try:
            return not version or bool(VersionTable(scheme_of("gem"), [version]).mask(requirement))
        except InvalidConfigError:
            return False


def is_here(name: str) -> bool:
    """Return whether a name stands for what gems need beside gems."""
    return name in _CALLED


def called(name: str) -> str:
    """Return how people call a gem, or what gems need beside gems."""
    return _CALLED.get(name, name)
