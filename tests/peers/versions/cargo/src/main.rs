//! Answers questions about versions by Cargo's own rules: three words between tabs each in, one character each out.
use semver::{Version, VersionReq};
use std::cmp::Ordering;
use std::io::{self, BufRead, BufWriter, Write};

fn order(left: &str, right: &str) -> char {
    match (Version::parse(left), Version::parse(right)) {
        // Cargo sorts by precedence: metadata of builds does not count.
        (Ok(left), Ok(right)) => match left.cmp_precedence(&right) {
            Ordering::Less => '<',
            Ordering::Equal => '=',
            Ordering::Greater => '>',
        },
        _ => '!',
    }
}

fn allows(requirement: &str, version: &str) -> char {
    match (VersionReq::parse(requirement), Version::parse(version)) {
        (Ok(requirement), Ok(version)) => if requirement.matches(&version) { 'y' } else { 'n' },
        _ => '!',
    }
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        let answer = if words[0] == "order" { order(words[1], words[2]) } else { allows(words[1], words[2]) };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
