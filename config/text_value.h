#ifndef CONFIG_TEXT_VALUE_H
#define CONFIG_TEXT_VALUE_H

/*
 * What operators write as text: durations, sizes, permissions, host patterns, names. Pure: text in,
 * value or problem out. Each has a regular expression in patterns.h that accepts the same texts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sni/hostname.h"

/* Why a text was refused: a sentence without a full stop. */
struct problem {
    char text[240];
};

void problem_set(struct problem *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "250ms", "5s", "1h30m": units d, h, m, s, ms, falling, each at most once; more than nothing. */
bool duration_parse(const char *text, uint64_t *ms, struct problem *problem);

/* "512", "64k", "1m": factors of 1024. */
bool size_parse(const char *text, uint32_t *bytes, struct problem *problem);

/* "0660": permissions of a file. */
bool mode_parse(const char *text, uint32_t *mode, struct problem *problem);

/* A name of a listener, route, backend or server: 1 to 255 characters, none of control. */
bool name_check(const char *text, struct problem *problem);

/* An ALPN protocol: 1 to 255 visible ASCII characters (RFC 7301 section 3.1 allows any bytes). */
bool alpn_check(const char *text, struct problem *problem);

/* A file path: 1 to 4095 bytes, none of control. */
bool path_check(const char *text, struct problem *problem);

/* Room for "**." and a host name. */
#define HOST_PATTERN_MAX (HOSTNAME_MAX + 3)

/* What a route's `host` says, normalised: lower case, no trailing dot. */
struct host_pattern {
    char text[HOST_PATTERN_MAX + 1];
    size_t len;
    bool trailing_dot; /* one was stripped */
};

bool host_parse(const char *text, struct host_pattern *host, struct problem *problem);

#endif
