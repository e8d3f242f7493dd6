# Prints of one JSON message, in this order, each on a line of its own: the raw value of params.input, and then id, method and the
# decoded text of params.config.path. The message has no line ends of its own.
#
# Records end at quotation marks, so a record is either the inside of a string, or a piece of the text between two strings. A quotation
# mark after an odd number of backslashes belongs to its string (RFC 8259, section 7). Only the text between strings is looked at
# character by character, which keeps this linear. It works on bytes: run it with LC_ALL=C.

BEGIN { RS = "\""; ORS = "" }

inside {
    match($0, /\\*$/)
    escaped = RLENGTH % 2
    if (printing) print $0 (escaped ? "\"" : "")
    if (keeping || at_key) text = text $0 (escaped ? "\"" : "")
    if (escaped) next
    inside = 0
    if (at_key) key[depth] = text
    if (keeping) kept[place] = text
    if (printing) print "\""
    at_key = keeping = 0
    next
}

{
    for (i = 1; i <= length($0); i++) structure(substr($0, i, 1))
    inside = 1
    text = ""
    if (printing) print "\""
    else if (!at_key && (place == "method" || place == "params/config/path")) keeping = 1
}

END {
    path = kept["params/config/path"]
    gsub(/\\"/, "\"", path)
    gsub(/\\\\/, "\\", path)
    print "\n" number "\n" kept["method"] "\n" path "\n"
}

function structure(character) {
    if (character == "," || character == "}" || character == "]") ends()
    if (printing) print character
    if (character == ":") begins()
    else if (character == "{" || character == "[") opens(character)
    else if (character == "}" || character == "]") depth--
    else if (character == ",") at_key = kind[depth] == "{"
    else if (place == "id" && depth == 1 && character ~ /[0-9]/) number = number character
}

# A value begins after the key of the current depth.
function begins(   level) {
    if (printing) return
    place = key[1]
    for (level = 2; level <= depth && level <= 4; level++) place = place "/" key[level]
    if (place == "params/input") {
        printing = 1
        base = depth
    }
}

function ends() {
    if (printing && depth == base) printing = 0
    if (!printing) place = ""
}

function opens(character) {
    kind[++depth] = character
    key[depth] = ""
    at_key = character == "{"
}
