"""Random Gemfiles as people write them, and gems for them with variants for many platforms."""

from random import Random

from outrider.operators.packages.tests.gem_registry import GemRegistry

_VERSIONS = ("0.9", "1.0", "1.0.1", "1.1", "1.2.0", "2.0", "2.0.rc1", "2.1", "3.0")
_REQUIREMENTS = (
    "", "", "", "", "~> 1.0", "~>1.0", "~> 2.0", ">= 1.0", ">= 1.1", "< 2.1", "< 3", "1.0", "!= 2.0", ">= 1.0, < 3", "< 3, >= 1.0.1, != 2",
    ">= 0", ">= 2.0.rc1",
)  # fmt: skip
_PLATFORMS = (
    "x86_64-linux", "x86_64-linux", "x86_64-linux-gnu", "x86_64-linux-musl", "aarch64-linux", "arm64-darwin", "x86_64-darwin20",
    "universal-darwin", "java", "x64-mingw-ucrt", "x86-mingw32",
)  # fmt: skip
_WORDS = (":ruby", ":jruby", ":mri", ":windows", "%i[windows jruby]", "[:ruby, :mri_31]", '"x64_mingw"', ":truffleruby")


def draw_gemfile(random: Random, registry: GemRegistry, prefix: str) -> str:
    """Have random gems, and return a Gemfile that asks for some of them.

    Args:
        random: Where chance comes from.
        registry: That has them.
        prefix: Of their names.
    """
    names = [f"{prefix}-{letter}" for letter in "abcdefgh"[: random.randint(2, 8)]]
    names += [f"{prefix}_x"] if random.random() < 0.3 else []
    for position, name in enumerate(names):
        offered = [*dict.fromkeys(random.sample(_PLATFORMS, random.choice((0, 0, 1, 2, 4))))]
        for version in random.sample(_VERSIONS, random.randint(1, 5)):
            _add(random, registry, f"{name}@{version}", names[position + 1 :], offered)
    return gemfile(random, registry.url, random.sample(names, random.randint(1, min(4, len(names)))))


def _add(random: Random, registry: GemRegistry, spec: str, others: list[str], offered: list[str]) -> None:
    of_all = _needs(random, others)
    anywhere = random.random() < (0.85 if offered else 1.0)
    if anywhere:
        registry.add(spec, *of_all)
    for platform in offered if anywhere or random.random() < 0.9 else offered[:1]:
        facts = {"ruby": random.choice((">= 2.7, < 3.5.dev", "< 3.1", ">= 3.2"))} if random.random() < 0.2 else {}
        registry.add(f"{spec}-{platform}", *(of_all if random.random() < 0.8 else _needs(random, others)), **facts)


def _needs(random: Random, others: list[str]) -> list[str]:
    some = random.sample(others, min(len(others), random.choice((0, 1, 1, 2))))
    texts = [f"{name}@{random.choice(_REQUIREMENTS)}".rstrip("@") for name in some]
    return [*texts, "bundler@>= 1.3"] if random.random() < 0.05 else texts


def gemfile(random: Random, url: str, names: list[str]) -> str:
    """Return a Gemfile that asks for some gems."""
    lines = ["# frozen_string_literal: true", f'source "{url}"']
    lines += ['git_source(:github) { |repo| "https://files.test/#{repo}.git" }'] if random.random() < 0.2 else []
    lines += [random.choice(('ruby "3.1.2"', 'ruby "~> 3.0"', 'ruby ">= 2.7", "< 4"'))] if random.random() < 0.3 else []
    lines += ['gem "bundler", ">= 1.17"'] if random.random() < 0.1 else []
    inside = 0
    for name in names:
        if not inside and random.random() < 0.3:
            lines.append(
                random.choice(("group :development, :test do", 'group "test", optional: true do', "platforms :ruby do"))
            )
            inside = 1
        lines.append("  " * inside + _line(random, name))
        if inside and random.random() < 0.6:
            lines.append("end")
            inside = 0
    return "\n".join([*lines, *(["end"] if inside else []), ""])


def _line(random: Random, name: str) -> str:
    words = [word.strip() for word in random.choice(_REQUIREMENTS).split(",") if word]
    quote = random.choice('\'""')
    texts = [f"{quote}{word}{quote}" for word in words]
    given = [
        f"{quote}{name}{quote}",
        *([f"[{', '.join(texts)}]"] if len(texts) > 1 and random.random() < 0.3 else texts),
    ]
    given += (
        [random.choice(("require: false", ":require => nil", "group: :test", "groups: %w[a b]"))]
        if random.random() < 0.3
        else []
    )
    given += [f"platforms: {random.choice(_WORDS)}"] if random.random() < 0.25 else []
    joined = (",\n    " if random.random() < 0.1 else ", ").join(given)
    return f"gem({joined})" if random.random() < 0.15 else f"gem {joined}{' # kept' if random.random() < 0.1 else ''}"
