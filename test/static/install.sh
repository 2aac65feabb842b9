#!/usr/bin/env bash
# install.sh BUILD_DIR: `cmake --install` puts working binaries where they belong.
set -eu
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" >/dev/null
"$prefix/bin/sni-router" --version
"$prefix/bin/sni-bench" --version
"$prefix/bin/sni-router" schema | /usr/bin/python3 -c 'import json, sys; json.load(sys.stdin)'
