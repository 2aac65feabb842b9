#ifndef CONFIG_FIELDS_REGEX_H
#define CONFIG_FIELDS_REGEX_H

/*
 * Regular expressions for the JSON Schema: each accepts what the parser of that value accepts
 * (value.h, address.h), as far as an expression can say it. PATTERN_END also keeps readers whose
 * "$" matches before a last line feed from accepting one.
 */

#define PATTERN_END "$(?!\\n)"

#define PATTERN_OCTET    "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define PATTERN_IPV4     "(" PATTERN_OCTET "\\.){3}" PATTERN_OCTET
#define PATTERN_GROUP    "[0-9a-fA-F]{1,4}"
#define PATTERN_UP_TO(n) "(" PATTERN_GROUP ":){1," #n "}"
#define PATTERN_THEN(n)  "(:" PATTERN_GROUP "){1," #n "}"
#define PATTERN_FILL(n)  ":(" PATTERN_GROUP ":){0," #n "}" PATTERN_IPV4

/* RFC 4291 section 2.2: eight groups; "::" once; the last two groups as IPv4. */
#define PATTERN_IPV6                                                                               \
    "((" PATTERN_GROUP ":){7}" PATTERN_GROUP "|" PATTERN_UP_TO(7) ":|" PATTERN_UP_TO(              \
        6) ":" PATTERN_GROUP "|" PATTERN_UP_TO(5) PATTERN_THEN(2) "|" PATTERN_UP_TO(4)             \
        PATTERN_THEN(3) "|" PATTERN_UP_TO(3) PATTERN_THEN(4) "|" PATTERN_UP_TO(2)                  \
            PATTERN_THEN(5) "|" PATTERN_UP_TO(1) PATTERN_THEN(6) "|:" PATTERN_THEN(                \
                7) "|::|(" PATTERN_GROUP ":){6}" PATTERN_IPV4                                      \
                   "|:" PATTERN_FILL(5) "|" PATTERN_UP_TO(1) PATTERN_FILL(4) "|" PATTERN_UP_TO(2)  \
                       PATTERN_FILL(3) "|" PATTERN_UP_TO(3) PATTERN_FILL(2) "|" PATTERN_UP_TO(4)   \
                           PATTERN_FILL(1) "|" PATTERN_UP_TO(5) PATTERN_FILL(0) ")"

#define PATTERN_PORT                                                                               \
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

#define PATTERN_VISIBLE "[^\\u0000-\\u001f\\u007f]"
#define PATTERN_UNIX    "unix:[/@]" PATTERN_VISIBLE "{1,106}"
#define PATTERN_NAMES   "([A-Za-z0-9_-]{1,63}\\.)*[A-Za-z0-9_-]{1,63}\\.?"

#define PATTERN_LISTEN                                                                             \
    "^(((" PATTERN_IPV4 "|\\[" PATTERN_IPV6 "\\]|\\*)?:(0|" PATTERN_PORT "))|" PATTERN_UNIX        \
    ")" PATTERN_END

/* A name whose last label is a number would be taken for an IPv4 address. */
#define PATTERN_SERVER                                                                             \
    "^(((" PATTERN_IPV4 "|\\[" PATTERN_IPV6                                                        \
    "\\]|(?=.{1,253}\\.?:[0-9]+$)(?!([^:]*\\.)?[0-9]+\\.?:)" PATTERN_NAMES "):" PATTERN_PORT       \
    ")|" PATTERN_UNIX ")" PATTERN_END

#define PATTERN_NETWORK                                                                            \
    "^(" PATTERN_IPV4 "(/([12]?[0-9]|3[0-2]))?|" PATTERN_IPV6                                      \
    "(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)" PATTERN_END

#define PATTERN_HOST                                                                               \
    "^(?!" PATTERN_IPV4                                                                            \
    "\\.?$)(\\*\\*?\\.(?=.{1,251}\\.?$)|(?=.{1,253}\\.?$))" PATTERN_NAMES PATTERN_END

#define PATTERN_NAME "^" PATTERN_VISIBLE "{1,255}" PATTERN_END
#define PATTERN_PATH "^" PATTERN_VISIBLE "{1,4095}" PATTERN_END
#define PATTERN_ALPN "^[!-~]{1,255}" PATTERN_END
#define PATTERN_MODE "^0?[0-7]{3}" PATTERN_END

#define PATTERN_TIME                                                                               \
    "(?=[0-9])(?=.*[1-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?"
#define PATTERN_DURATION        "^" PATTERN_TIME PATTERN_END
#define PATTERN_DURATION_OR_OFF "^(off|" PATTERN_TIME ")" PATTERN_END

/* 1 KiB to 64 KiB. */
#define PATTERN_HELLO_SIZE                                                                         \
    "^(([1-9]|[1-5][0-9]|6[0-4])[kK]|102[4-9]|10[3-9][0-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}|"          \
    "[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-6])" PATTERN_END

#endif
