"""Gemfiles: what is read, what is refused and why, and what is changed."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.gemfile import GemWish, read_manifest, rewritten
from outrider.operators.packages.manifests.ruby_tokens import Kind, tokens

USUAL = """\
# frozen_string_literal: true
source "https://gems.test"
git_source(:github) { |repo| "https://git.test/#{repo}.git" }
git_source :other do |name|
  name = "#{name}/#{name}" unless name.include?("/")
  "https://git.test/#{name}"
end
ruby ">= 3.1", "< 4"; ruby file: ".ruby-version"

gem "web", "~> 7.0.4", '>= 7.0.4.2' # the site
gem 'pg', require: false, group: %w[db main]
gem("other", ["~> 1.0", ">= 1.1"], :group => [:a, "b"], "require" => ["a",
  "b/c"])
gem "zone", platforms: %i[ windows jruby ]
group :development, :test do
  gem "debug",
    platform: "mri_31",
    require: nil
  platforms :jruby do gem "jdbc"; end
end
group(:test, optional: true) do gem "last", "= 1" end
=begin
gem "not this"
=end
__END__
gem "nor this"
"""


def test_the_usual_form() -> None:
    found = read_manifest(USUAL)
    assert (found.source, found.ruby) == ("https://gems.test", True)
    assert [(one.text, one.platforms) for one in found.wishes] == [
        ("web@~> 7.0.4, >= 7.0.4.2", ()),
        ("pg", ()),
        ("other@~> 1.0, >= 1.1", ()),
        ("zone", ("jruby", "windows")),
        ("debug", ("mri_31",)),
        ("jdbc", ("jruby",)),
        ("last@= 1", ()),
    ]


REFUSED = [
    ('gem "a" if ENV["X"]', 2, "a condition"),
    ('if true\ngem "a"\nend', 2, "a condition"),
    ('install_if -> { true } do\ngem "a"\nend', 2, "a condition|plain texts"),
    ('\ngem "a", git: "x"', 3, "git: gems from elsewhere"),
    ('gem "a", "1", :path => "x"', 2, "path: gems from elsewhere"),
    ('gem "a", source: "x"', 2, "source: gems from elsewhere"),
    ('gem "a", force_ruby_platform: true', 2, "force_ruby_platform: is not read"),
    ('git "x" do\nend', 2, "gems from elsewhere"),
    ("gemspec", 2, "a gemspec is a program"),
    ('eval_gemfile "x"', 2, "other Gemfiles"),
    ('plugin "x"', 2, "plugins"),
    ('wanted = "~> 1"', 2, "wanted is none of the commands"),
    ('gem "a", wanted', 2, "plain texts"),
    ('gem "a", "~> #{wanted}"', 2, "plain texts"),
    ('gem "a", "~> \\x31"', 2, "plain texts"),
    ('gem "a", ENV["A"]', 2, "plain texts"),
    ('gem "a", :one', 2, "plain texts"),
    ('gem "a" "b"', 2, "plain texts"),
    ('gem "a", "1', 2, "plain texts"),
    ('gem "a", [', 3, "plain texts"),
    ('gem("a"', 3, "plain texts"),
    ('gem "a", [["1"]]', 2, "plain texts"),
    ('gem "a", ["1" "2"]', 2, "plain texts"),
    ("gem <<~NAME\na\nNAME", 2, "plain texts"),
    ("ruby RUBY_VERSION", 2, "plain texts"),
    ("ruby true", 2, "plain texts"),
    ('gem "a", "1"\ngem "b"\ngem "a", "2"', 4, "a is asked for twice"),
    ('source "https://gems.test/more"', 2, "several sources"),
    ('source "https://gems.test/more" do\nend', 2, "a source of some gems alone"),
    ("source :rubygems", 2, "the address of a source"),
    ('group :a { gem "b" }', 2, "do and end"),
]


@pytest.mark.parametrize(("text", "line", "why"), REFUSED)
def test_what_is_refused_names_its_line_and_why(text: str, line: int, why: str) -> None:
    with pytest.raises(UnsupportedError, match=why) as caught:
        read_manifest(f'source "https://gems.test"\n{text}\n')
    assert (caught.value.path, f"line {line}: " in caught.value.message) == (f"line {line}", True)


WRONG = [
    "end", "group :a do", 'gem "a", "~> 1, < 3"', 'gem "a", ""', 'gem "a", "one"', "gem", 'gem "a b"', "gem %w[a b]",
    'gem "a", platforms: :windows_95', "platforms true do\nend", 'git_source(:a) { "',
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_gemfile(text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read_manifest(f'source "https://gems.test"\n{text}\n')
    assert caught.value.path.startswith("line ")


def test_a_gemfile_without_a_source_and_one_that_is_too_large() -> None:
    with pytest.raises(UnsupportedError, match="no source"):
        read_manifest('gem "a"')
    with pytest.raises(InvalidConfigError, match="2097152 characters"):
        read_manifest("#" * (1 << 21))


def test_only_the_requirements_change() -> None:
    wishes = {one.name: one for one in read_manifest(USUAL).wishes}
    places = [(wishes[name].span or (0, 0), wanted) for name, wanted in (("web", "~> 8.0.1"), ("last", "2"))]
    text = rewritten(f"\ufeff{USUAL}", places)
    assert text == "\ufeff" + USUAL.replace("\"~> 7.0.4\", '>= 7.0.4.2'", '"~> 8.0.1"').replace('"= 1"', '"2"')
    assert wishes["pg"].span is None
    [between] = read_manifest('source "x"\ngem "a", "1", # one\n  "< 2"').wishes
    assert between == GemWish(name="a", requirements=("1", "< 2"))


_PIECES = st.sampled_from([
    "gem", "source", "group", "platforms", "ruby", "git_source", "end", "do", " ", "\n", ";", ",", "(", ")", "[", "]", "{", "}", "=>", "|",
    '"a"', "'~> 1.2'", '"#{x}"', ":test", "x:", "%w[a b]", "%i(", "=begin\n", "\n=end\n", "__END__", "\\", "\\\n", "'", '"', "#", "1.0", "é",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join)))
def test_whatever_it_is_it_is_read_or_refused(text: str) -> None:
    with suppress(InvalidConfigError, UnsupportedError):
        assert all(one.name for one in read_manifest(f'source "https://gems.test"\n{text}').wishes)


@settings(max_examples=40, deadline=None)
@given(st.lists(_PIECES, max_size=30).map("".join))
def test_words_are_in_order_and_apart(text: str) -> None:
    found = [*tokens(text)]
    assert [one.kind for one in found if one.kind is Kind.END] == [found[-1].kind]
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(text[: one.start].count("\n") + 1 == one.line for one in found)
