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

// As Yarn 4 does where prereleases count too: `satisfiesWithPrereleases` in its `semverUtils.ts`.
function allowsPrereleases(text, version) {
  if (semver.validRange(text) === null || semver.valid(version) === null) return "!";
  const range = new semver.Range(text, { includePrerelease: true });
  if (range.test(version)) return "y";
  const released = new semver.SemVer(version, range);
  released.prerelease = [];
  const has = (comparator) => {
    if (comparator.semver.prerelease) comparator.semver.prerelease = [];
    return comparator.test(released);
  };
  return range.set.some((comparators) => comparators.every(has)) ? "y" : "n";
}

const answers = { order, range: allows, prereleases: allowsPrereleases };
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [question, one, two] = line.split("\t");
  process.stdout.write(`${answers[question](one, two)}\n`);
});
