#ifndef CONFIG_FIELDS_REGEX_H
#define CONFIG_FIELDS_REGEX_H

/*
 * Regular expressions for the JSON Schema: each accepts what the parser of that value accepts
 * (text_value.h, address.h, network.h, text/units.h), as far as an expression can say it. REGEX_END
 * also keeps readers whose
 * "$" matches before a last line feed from accepting one.
 */

#define REGEX_END "$(?!\\n)"

#define REGEX_OCTET    "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define REGEX_IPV4     "(" REGEX_OCTET "\\.){3}" REGEX_OCTET
#define REGEX_GROUP    "[0-9a-fA-F]{1,4}"
#define REGEX_UP_TO(n) "(" REGEX_GROUP ":){1," #n "}"
#define REGEX_THEN(n)  "(:" REGEX_GROUP "){1," #n "}"
#define REGEX_FILL(n)  ":(" REGEX_GROUP ":){0," #n "}" REGEX_IPV4

/* RFC 4291 section 2.2: eight groups; "::" once; the last two groups as IPv4. */
#define REGEX_IPV6                                                                                 \
    "((" REGEX_GROUP ":){7}" REGEX_GROUP                                                           \
    "|" REGEX_UP_TO(7) ":|" REGEX_UP_TO(6) ":" REGEX_GROUP "|" REGEX_UP_TO(5)                      \
        REGEX_THEN(2) "|" REGEX_UP_TO(4) REGEX_THEN(3) "|" REGEX_UP_TO(3)                          \
            REGEX_THEN(4) "|" REGEX_UP_TO(2) REGEX_THEN(5) "|" REGEX_UP_TO(1)                      \
                REGEX_THEN(6) "|:" REGEX_THEN(7) "|::|(" REGEX_GROUP ":){6}" REGEX_IPV4            \
                                                 "|:" REGEX_FILL(5) "|" REGEX_UP_TO(1)             \
                                                     REGEX_FILL(4) "|" REGEX_UP_TO(2)              \
                                                         REGEX_FILL(3) "|" REGEX_UP_TO(3)          \
                                                             REGEX_FILL(2) "|" REGEX_UP_TO(4)      \
                                                                 REGEX_FILL(1) "|" REGEX_UP_TO(5)  \
                                                                     REGEX_FILL(0) ")"

#define REGEX_PORT                                                                                 \
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

#define REGEX_VISIBLE "[^\\u0000-\\u001f\\u007f]"
#define REGEX_UNIX    "unix:[/@]" REGEX_VISIBLE "{1,106}"
#define REGEX_NAMES   "([A-Za-z0-9_-]{1,63}\\.)*[A-Za-z0-9_-]{1,63}\\.?"

#define REGEX_LISTEN                                                                               \
    "^(((" REGEX_IPV4 "|\\[" REGEX_IPV6 "\\]|\\*)?:(0|" REGEX_PORT "))|" REGEX_UNIX ")" REGEX_END

/* A name whose last label is a number would be taken for an IPv4 address. */
#define REGEX_SERVER                                                                               \
    "^(((" REGEX_IPV4 "|\\[" REGEX_IPV6                                                            \
    "\\]|(?=.{1,253}\\.?:[0-9]+$)(?!([^:]*\\.)?[0-9]+\\.?:)" REGEX_NAMES "):" REGEX_PORT           \
    ")|" REGEX_UNIX ")" REGEX_END

#define REGEX_NETWORK                                                                              \
    "^(" REGEX_IPV4 "(/([12]?[0-9]|3[0-2]))?|" REGEX_IPV6                                          \
    "(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)" REGEX_END

#define REGEX_HOST                                                                                 \
    "^(?!" REGEX_IPV4 "\\.?$)(\\*\\*?\\.(?=.{1,251}\\.?$)|(?=.{1,253}\\.?$))" REGEX_NAMES REGEX_END

#define REGEX_NAME       "^" REGEX_VISIBLE "{1,255}" REGEX_END
#define REGEX_PATH       "^" REGEX_VISIBLE "{1,4095}" REGEX_END
#define REGEX_CLEAR_PATH "^(off|-|(?=[^/]*/)" REGEX_VISIBLE "{1,4095})" REGEX_END
#define REGEX_ALPN       "^[!-~]{1,255}" REGEX_END
#define REGEX_MODE       "^0?[0-7]{3}" REGEX_END

#define REGEX_TIME                                                                                 \
    "(?=[0-9])(?=.*[1-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?"
#define REGEX_DURATION        "^" REGEX_TIME REGEX_END
#define REGEX_DURATION_OR_OFF "^(off|" REGEX_TIME ")" REGEX_END

/* 1 KiB to 64 KiB. */
#define REGEX_HELLO_SIZE                                                                           \
    "^(([1-9]|[1-5][0-9]|6[0-4])[kK]|102[4-9]|10[3-9][0-9]|1[1-9][0-9]{2}|[2-9][0-9]{3}|"          \
    "[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-6])" REGEX_END

/* 4 KiB to 1 GiB; a number has nine digits at most. */
#define REGEX_BUFFER_SIZE                                                                          \
    "^(([4-9]|[1-9][0-9]{1,5}|10[0-3][0-9]{4}|104[0-7][0-9]{3}|1048[0-4][0-9]{2}|"                 \
    "10485[0-6][0-9]|104857[0-6])[kK]|([1-9][0-9]{0,2}|10[01][0-9]|102[0-4])[mM]|"                 \
    "409[6-9]|4[1-9][0-9]{2}|[5-9][0-9]{3}|[1-9][0-9]{4,8})" REGEX_END

/* 512 KiB to 1 GiB, or "off". */
#define REGEX_HELD_SIZE                                                                            \
    "^(off|(51[2-9]|5[2-9][0-9]|[6-9][0-9]{2}|[1-9][0-9]{3,5}|10[0-3][0-9]{4}|104[0-7][0-9]{3}|"   \
    "1048[0-4][0-9]{2}|10485[0-6][0-9]|104857[0-6])[kK]|([1-9][0-9]{0,2}|10[01][0-9]|"             \
    "102[0-4])[mM]|52428[89]|52429[0-9]|524[3-9][0-9]{2}|52[5-9][0-9]{3}|5[3-9][0-9]{4}|"          \
    "[6-9][0-9]{5}|[1-9][0-9]{6,8})" REGEX_END

#endif
