#!/bin/sh
# Answers questions about versions by dpkg itself: three words between tabs each in, one character each out.
LC_ALL=C
tab=$(printf '\t')
while IFS= read -r line; do
    rest=${line#*"$tab"}
    one=${rest%%"$tab"*}
    two=${rest#*"$tab"}
    # dpkg knows of versions that are none; those who ask here do not.
    if [ -z "$one" ] || [ -z "$two" ]; then
        echo '!'
        continue
    fi
    dpkg --compare-versions "$one" lt "$two" 2>/dev/null
    case $? in
        0) echo '<' ;;
        1) if dpkg --compare-versions "$one" eq "$two" 2>/dev/null; then echo '='; else echo '>'; fi ;;
        *) echo '!' ;;
    esac
done
