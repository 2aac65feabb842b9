#ifndef CONFIG_TEXT_VALUE_H
#define CONFIG_TEXT_VALUE_H

/*
 * What operators write as text: permissions, names, host patterns (addresses are in address.h,
 * durations and sizes in text/units.h). Pure: text in, value or problem out. Each has a regular
 * expression in fields_regex.h that accepts the same texts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/text/problem.h"
#include "sni/hostname.h"

/* "0660": permissions of a file. */
bool mode_parse(const char *text, uint32_t *mode, struct problem *problem);

/* A name of a listener, route, backend or server: 1 to 255 characters, none of control. */
bool name_check(const char *text, struct problem *problem);

/* An ALPN protocol: 1 to 255 visible ASCII characters (RFC 7301 section 3.1 allows any bytes). */
bool alpn_check(const char *text, struct problem *problem);

/* A file path: 1 to 4095 bytes, none of control. */
bool path_check(const char *text, struct problem *problem);

/* As path_check(), and clear without a key that says "path": has a "/", or is "-" or "off". */
bool clear_path_check(const char *text, struct problem *problem);

/* Room for "**." and a host name. */
#define HOST_PATTERN_MAX (HOSTNAME_MAX + 3)

/* What a route's `host` says, normalised: lower case, no trailing dot. */
struct host_pattern {
    char text[HOST_PATTERN_MAX + 1];
    size_t len;
    bool trailing_dot; /* one was stripped */
};

bool host_parse(const char *text, struct host_pattern *host, struct problem *problem);

/* "${PORT}", "{{ .Values.host }}", "{env.HOST}", "$HOST": says that nothing is filled in. */
bool variable_explain(const char *text, struct problem *problem);

#endif
