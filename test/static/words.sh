#!/usr/bin/env bash
# Nothing unfinished is left in the text, and no line is wider than the style allows.
set -u
bad=0
mapfile -t files < <(find sni config router bench test docs deploy .ci README.md CMakeLists.txt \
    -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' -o -name '*.py' -o -name '*.txt' \
    -o -name run -o -name demo -o -name 'install-packages' -o -name '*.json' -o -name '*.[1-8]' \) \
    -not -path '*/seeds_*' | sort)
[ "${#files[@]}" -gt 20 ] || { echo "only ${#files[@]} files found" && exit 1; }
# Split, so that this file does not find itself.
for word in "TO""DO" "FIX""ME" "XX""X" "HA""CK" "not yet impl""emented"; do
    if grep -nHw -- "$word" "${files[@]}"; then
        echo "^ unfinished: $word"
        bad=1
    fi
done
# C has its own check of the format.
scripts='\.(py|sh)$|/(run|demo|install-packages)$'
mapfile -t code < <(printf '%s\n' "${files[@]}" | grep -E "$scripts")
if grep -nHE '^.{101,}' "${code[@]}"; then
    echo "^ wider than 100 columns"
    bad=1
fi
if grep -nHE '[[:space:]]+$' "${code[@]}"; then
    echo "^ white space at the end of the line"
    bad=1
fi
[ "$bad" -eq 0 ] && echo "${#files[@]} files: ok"
exit "$bad"
