#!/usr/bin/env bash
# hardening.sh BINARY: the release build is position independent, has read-only relocations, bound
# at start, no executable stack, stack protector and fortified calls, and links no TLS library.
set -u
binary=$1 bad=0

# need WHAT COMMAND...: its output must match the extended regular expression WHAT.
need() {
    local what=$1 pattern=$2
    shift 2
    if "$@" 2>/dev/null | grep -qE "$pattern"; then
        echo "ok: $what"
    else
        echo "missing: $what"
        bad=1
    fi
}
# none WHAT PATTERN COMMAND...: its output must not match; no output at all is a failure.
none() {
    local what=$1 pattern=$2 text
    shift 2
    text=$("$@" 2>/dev/null)
    if [ -z "$text" ] || grep -qE "$pattern" <<<"$text"; then
        echo "violated: $what"
        bad=1
    else
        echo "ok: $what"
    fi
}

need "position independent executable" 'Type:[[:space:]]+DYN' readelf -h "$binary"
need "an interpreter, so an executable and no library" 'INTERP' readelf -lW "$binary"
need "read-only relocations" 'GNU_RELRO' readelf -lW "$binary"
need "bound at start" '(BIND_NOW|FLAGS.*NOW)' readelf -dW "$binary"
need "a stack that is not executable" 'GNU_STACK.* RW +0x' readelf -lW "$binary"
need "stack protector" '__stack_chk_fail' readelf --dyn-syms -W "$binary"
need "fortified calls" '__[a-z]+_chk@' readelf --dyn-syms -W "$binary"
none "no run path" 'R(UN)?PATH' readelf -dW "$binary"
none "no TLS library" 'lib(ssl|crypto|gnutls|mbedtls|wolfssl|nss3)' ldd "$binary"
exit "$bad"
