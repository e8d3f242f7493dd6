<?php
// Answers questions about versions by Composer's own rules: three words between tabs each in, one character each out.
// `?` answers an order question about two branches: Composer knows none between them.
require 'Composer/Semver/autoload.php';

use Composer\Semver\Comparator;
use Composer\Semver\Semver;
use Composer\Semver\VersionParser;

ini_set('display_errors', 'stderr');

function order(VersionParser $parser, string $left, string $right): string
{
    $left = $parser->normalize($left);
    $right = $parser->normalize($right);
    foreach (['<' => 'lessThan', '=' => 'equalTo', '>' => 'greaterThan'] as $sign => $method) {
        if (Comparator::$method($left, $right)) {
            return $sign;
        }
    }

    return '?';
}

function allows(string $range, string $version): string
{
    return Semver::satisfies($version, $range) ? 'y' : 'n';
}

$parser = new VersionParser();
while (($line = fgets(STDIN)) !== false) {
    [$question, $one, $two] = explode("\t", rtrim($line, "\n"));
    try {
        echo $question === 'order' ? order($parser, $one, $two) : allows($one, $two), "\n";
    } catch (UnexpectedValueException) {
        echo "!\n";
    }
}
