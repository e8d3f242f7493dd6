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
  const options = { includePrerelease: true };
  // A range may be none with them alone: what it ends below may have too large a number then.
  if ([semver.validRange(text), semver.validRange(text, options), semver.valid(version)].includes(null)) return "!";
  const range = new semver.Range(text, options);
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
