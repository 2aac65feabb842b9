#!/usr/bin/env bash
# Every C file is as clang-format-14 would write it.
set -u
mapfile -t files < <(find sni config router bench test -name '*.[ch]' -not -path '*/seeds_*' | sort)
if [ "${#files[@]}" -eq 0 ]; then
    echo "no C files found"
    exit 1
fi
if ! clang-format-14 --version; then
    echo "clang-format-14 is missing: bash deploy/install-packages clang-format-14"
    exit 1
fi
clang-format-14 --style=file --dry-run --Werror --ferror-limit=5 "${files[@]}" || {
    echo "mend with: clang-format-14 -i FILE"
    exit 1
}
echo "${#files[@]} files: ok"
