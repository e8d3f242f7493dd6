# Answers questions about versions by RubyGems' own rules: three words between tabs each in, one character each out.

def order(left, right)
  "=><"[Gem::Version.new(left) <=> Gem::Version.new(right)]
end

def allows(requirements, version)
  # Bundler splits those of a lock file in the same way.
  requirement = Gem::Requirement.new(requirements.split(",").map(&:strip))
  requirement.satisfied_by?(Gem::Version.new(version)) ? "y" : "n"
end

$stdin.set_encoding("UTF-8")
$stdin.each_line do |line|
  question, one, two = line.delete_suffix("\n").split("\t", -1)
  puts(question == "order" ? order(one, two) : allows(one, two))
rescue ArgumentError
  puts "!"
end
