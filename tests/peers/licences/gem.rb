# Says of each text of a JSON list whether RubyGems takes it for a licence.
require "json"
require "rubygems/util/licenses"

puts JSON.generate(JSON.parse($stdin.read).map { |text| Gem::Licenses.match?(text) ? true : false })
