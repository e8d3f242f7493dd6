"""Writes what RubyGems says of platforms into the table that the tests hold us to: with RubyGems 4 on Ruby 3.2 or newer,
`python -m outrider.operators.packages.tests.platform_table`.

The table keeps its own questions. For each platform it has a letter for each that a gem may be for: `n` for one that cannot be used on it,
`y` for one that can, and `b` for the best ones among these, the platform itself left aside.
"""

import json
import subprocess
from pathlib import Path

TABLE = Path(__file__).parent / "tables" / "gem_platforms.json"
_QUESTION = r"""
require "json"
all = JSON.parse(STDIN.read)
rows = all.to_h do |text|
  target = Gem::Platform.new(text)
  fit = all.select {|one| (of = Gem::Platform.new(one)) == "ruby" || of == target || of === target }
  far = (fit - [text]).to_h {|one| [one, Gem::Platform.platform_specificity_match(Gem::Platform.new(one), target)] }
  [text, all.map {|one| far.key?(one) && far[one] == far.values.min ? "b" : fit.include?(one) ? "y" : "n" }.join]
end
puts JSON.generate({ "oracle" => "RubyGems #{Gem::VERSION}", "platforms" => rows })
"""


def write() -> None:
    """Answer the questions of the table anew."""
    texts = list(json.loads(TABLE.read_text())["platforms"])
    done = subprocess.run(
        ["ruby", "-e", _QUESTION], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    TABLE.write_text(json.dumps(json.loads(done.stdout), indent=0) + "\n")


if __name__ == "__main__":
    write()
