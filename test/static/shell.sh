#!/usr/bin/env bash
# Every shell script passes shellcheck.
set -u
mapfile -t scripts < <(grep -rlE '^#!.*\b(ba)?sh$' .ci bench deploy test docs | sort)
if [ "${#scripts[@]}" -lt 5 ]; then
    echo "only ${#scripts[@]} scripts found"
    exit 1
fi
shellcheck "${scripts[@]}" && echo "${#scripts[@]} scripts: ok"
