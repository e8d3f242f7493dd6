#!/bin/sh
# Output: appends each report as one line of JSON to config.path and waits until it is on disk.
#
# The protocol: one JSON message per line, both ways; standard error is the plugin's log. fields.awk takes a message apart.

LC_ALL=C
export LC_ALL
folder=${0%/*}
line_end='
'
path=

# Sets input, id, method and given_path from the message in $1.
take_apart() {
    fields=$(printf '%s' "$1" | awk -f "$folder/fields.awk" && echo .) || return 1
    fields=${fields%"$line_end".}
    given_path=${fields##*"$line_end"}
    fields=${fields%"$line_end"*}
    method=${fields##*"$line_end"}
    fields=${fields%"$line_end"*}
    id=${fields##*"$line_end"}
    input=${fields%"$line_end"*}
}

answer() {
    printf '{"id":%s,"result":%s}\n' "$id" "$1"
}

# $1 code, $2 message, $3 whether it may succeed later.
fail() {
    message=$(printf '%s' "$2" | tr -cd '\040\041\043-\133\135-\176' | cut -c 1-400)
    printf '{"id":%s,"error":{"code":"%s","message":"%s","retryable":%s}}\n' "$id" "$1" "$message" "$3"
}

# A line that a full disk or a crash cut off is ended first, so that it spoils no other one.
append() {
    if [ -s "$path" ] && [ -n "$(tail -c 1 "$path")" ]; then
        echo >> "$path" || return 1
    fi
    printf '%s\n' "$input" >> "$path" && sync "$path"
}

initialize() {
    path=$given_path
    if [ -d "$path" ] || [ ! -d "${path%/*}/" ]; then
        fail INVALID_CONFIG "config.path: $path is no file in an existing folder" false
    else
        answer '{"ready":true,"protocol":1}'
    fi
}

send() {
    if [ -z "$input" ]; then
        fail INVALID_CONFIG 'the request has no input' false
    elif reason=$( { append; } 2>&1 ); then
        answer '{"summary":"appended"}'
    else
        fail EXECUTION_FAILED "config.path cannot be written: $reason" true
    fi
}

while IFS= read -r message; do
    if ! take_apart "$message" || [ -z "$id" ]; then
        case $message in
            *'"method":"cancel"'* | *'"method":"credit"'*) ;;
            *) echo 'a line that is no request was left out' >&2 ;;
        esac
        continue
    fi
    case $method in
        initialize) initialize ;;
        start) answer '{}' ;;
        send) send ;;
        stop)
            answer '{}'
            exit 0
            ;;
        *) fail UNSUPPORTED "unknown method $method" false ;;
    esac
done
