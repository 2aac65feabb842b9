#!/usr/bin/env bash
# Every manual page is clean for mandoc, and says whose it is in header and footer.
set -u
shopt -s nullglob
pages=(docs/man/*.[1-8])
if [ "${#pages[@]}" -eq 0 ]; then
    echo "no manual pages in docs/man"
    exit 1
fi
version=$(sed -nE 's/^project\(sni-router VERSION ([0-9.]+) .*/\1/p' CMakeLists.txt)
if [ -z "$version" ] || grep -L "^\.Os sni-router $version\$" "${pages[@]}" | grep .; then
    echo "^ without .Os sni-router $version"
    exit 1
fi
if grep -L '^\.ds doc-volume-operating-system sni-router$' "${pages[@]}" | grep .; then
    echo "^ says \"BSD\" in groff's header"
    exit 1
fi
mandoc -T lint -W warning "${pages[@]}" && echo "${#pages[@]} pages: ok"
