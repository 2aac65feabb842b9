#!/usr/bin/env bash
# strays.sh: a file in test/ that would be part of no test stops CMake. Planted in a copy, each kind
# is found, and named.
set -u
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

if ! cmake -DFOLDER=test -P test/every_file.cmake; then
    exit 1
fi
cp -r test "$scratch/test"
for stray in unit/test_nowhere_thing.c unit/test_sni.c unit/sni_thing.c test_sni_thing.c \
    loop/conn_thing.c loop/deeper/test_thing.c fuzz/fuzz_nowhere_thing.c fuzz/test_sni_thing.c \
    fuzz/seeds_fuzz_sni_nothing/one.bin fuzz/seeds_sni_hello/one.bin support/test-thing.c \
    e2e/thing.py e2e/bench_thing.sh e2e/deeper/thing.py static/thing.sh; do
    mkdir -p "$(dirname "$scratch/test/$stray")"
    touch "$scratch/test/$stray"
    if cmake -DFOLDER="$scratch/test" -P test/every_file.cmake >"$scratch/said" 2>&1; then
        echo "test/$stray is dropped without a word"
        bad=1
    elif ! grep -q "test/$stray: " "$scratch/said"; then
        echo "test/$stray stops CMake, but is not named:"
        cat "$scratch/said"
        bad=1
    fi
    rm "$scratch/test/$stray"
done
if ! cmake -DFOLDER="$scratch/test" -P test/every_file.cmake; then
    echo "a copy without strays stops CMake"
    bad=1
fi
[ "$bad" -eq 0 ] && echo "strays: ok"
exit "$bad"
