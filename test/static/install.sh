#!/usr/bin/env bash
# install.sh BUILD_DIR: `cmake --install` puts working binaries where they belong, and the pages
# that the manual refers to.
set -eu
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" >/dev/null
"$prefix/bin/sni-router" --version
"$prefix/bin/sni-bench" --version
while read -r page; do
    ls "$prefix/$page"
done < <(grep -hoE 'share/doc/[^ ]+' "$prefix"/share/man/man*/*)
"$prefix/bin/sni-router" schema | /usr/bin/python3 -c 'import json, sys; json.load(sys.stdin)'
