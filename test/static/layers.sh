#!/usr/bin/env bash
# The rooms know only what they may know: greps the includes (docs/design.md, "Rooms").
set -u
bad=0

# forbid ROOM REASON PATTERN FILE...: no file of the list may match the pattern.
forbid() {
    local room=$1 reason=$2 pattern=$3 hits
    shift 3
    if [ "$#" -eq 0 ]; then
        echo "$room: no files to look at"
        bad=1
        return
    fi
    if hits=$(grep -nHE "$pattern" "$@"); then
        printf '%s %s:\n%s\n' "$room" "$reason" "$hits"
        bad=1
    fi
}

shopt -s nullglob
inc='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
call='(^|[^[:alnum:]_>.])'

forbid sni/ "knows no sockets, time, loop, JSON or other room" \
    "$inc(sys/socket|sys/epoll|netdb|time|sys/time|pthread|uv|cjson|cJSON|stdio|config/|router/|bench/)" \
    sni/*.[ch]
forbid sni/ "does not allocate" "$call(malloc|calloc|realloc|free|strdup|alloca)[[:space:]]*\(" \
    sni/*.[ch]
forbid config/ "knows no sockets, threads, loop or upper room" \
    "$inc(sys/socket|sys/epoll|netdb|pthread|threads|uv|router/|bench/)" config/*.[ch]
forbid router/ "does not know how JSON looks, nor the load tool" \
    "$inc(cjson|cJSON|bench/)" router/*.[ch] router/*/*.[ch]
bench_files=(bench/*.[ch])
if [ "${#bench_files[@]}" -gt 0 ]; then
    forbid bench/ "does not know the insides of the router" "$inc\"?router/" "${bench_files[@]}"
fi

# Files of router/ that do not live on the loop.
pure=()
for name in log/reason state/snapshot state/tally state/balance log/access_log log/json_writer; do
    pure+=(router/"$name".[ch])
done
forbid router/ "pure file includes uv.h" "${inc}uv" "${pure[@]}"
forbid "every room" "uses an unbounded or unchecked call" \
    "$call(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok)[[:space:]]*\(" \
    sni/*.[ch] config/*.[ch] router/*.[ch] router/*/*.[ch] "${bench_files[@]}"

users=(config/*.[ch])
mapfile -t users < <(grep -lE "${inc}(cjson/|cJSON)" "${users[@]}")
if [ "${#users[@]}" -ne 1 ]; then
    echo "cJSON.h belongs into exactly one file of config/, found: ${users[*]:-none}"
    bad=1
fi
[ "$bad" -eq 0 ] && echo "layers: ok"
exit "$bad"
