#!/usr/bin/env bash
# Every manual page is clean for mandoc.
set -u
shopt -s nullglob
pages=(docs/man/*.[1-8])
if [ "${#pages[@]}" -eq 0 ]; then
    echo "no manual pages in docs/man"
    exit 1
fi
mandoc -T lint -W warning "${pages[@]}" && echo "${#pages[@]} pages: ok"
