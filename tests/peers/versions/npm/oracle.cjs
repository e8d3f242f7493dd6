// Answers questions about versions by npm's own rules: three words between tabs each in, one character each out.
const readline = require("node:readline");
const semver = require("semver");

function order(left, right) {
  if (semver.valid(left) === null || semver.valid(right) === null) return "!";
  return "<=>"[semver.compare(left, right) + 1];
}

function allows(range, version) {
  if (semver.validRange(range) === null || semver.valid(version) === null) return "!";
  return semver.satisfies(version, range) ? "y" : "n";
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [question, one, two] = line.split("\t");
  process.stdout.write(`${question === "order" ? order(one, two) : allows(one, two)}\n`);
});
