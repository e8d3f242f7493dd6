<?php
// Says of each text of a JSON list whether Composer takes it for a licence expression.
require 'Composer/Spdx/autoload.php';

ini_set('display_errors', 'stderr');
$licences = new Composer\Spdx\SpdxLicenses();
$takes = function (string $text) use ($licences): bool {
    try {
        return $licences->validate($text);
    } catch (InvalidArgumentException) {
        return false;
    }
};
echo json_encode(array_map($takes, json_decode(stream_get_contents(STDIN)))), "\n";
