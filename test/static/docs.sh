#!/usr/bin/env bash
# docs.sh BINARY: links between the documents lead somewhere, and every example configuration in
# them is one that the binary accepts.
set -u
binary=$1 bad=0 links=0 examples=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
shopt -s nullglob

for page in README.md docs/*.md; do
    while read -r target; do
        links=$((links + 1))
        if [ ! -e "$(dirname "$page")/$target" ]; then
            echo "$page: links to $target, which is not there"
            bad=1
        fi
    done < <(grep -oE '\]\([^)#:]+' "$page" | cut -c3-)

    rm -f "$scratch"/*
    awk -v dir="$scratch" '/^```json/ { n++; on = 1; next } /^```/ { on = 0 }
        on { print > (dir "/" n ".json") }' "$page"
    for example in "$scratch"/*.json; do
        grep -q '"routes"' "$example" || continue
        grep -q '"backends"' "$example" || continue
        examples=$((examples + 1))
        if ! "$binary" check "$example" >"$scratch/out" 2>&1; then
            echo "$page: an example is refused:"
            cat "$scratch/out"
            bad=1
        fi
    done
done
if [ "$links" -lt 5 ] || [ "$examples" -lt 1 ]; then
    echo "only $links links and $examples examples found"
    bad=1
fi
echo "$links links, $examples examples"
exit "$bad"
