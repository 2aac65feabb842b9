/* The alert record, byte by byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sni/alert.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void test_record(void **state)
{
    static const struct {
        enum tls_alert alert;
        uint16_t legacy_version;
        uint8_t record[TLS_ALERT_BYTES];
    } CASES[] = {
        {TLS_ALERT_UNRECOGNIZED_NAME, 0x0303, {21, 3, 3, 0, 2, 2, 112}},
        {TLS_ALERT_UNRECOGNIZED_NAME, 0x0302, {21, 3, 2, 0, 2, 2, 112}},
        {TLS_ALERT_UNRECOGNIZED_NAME, 0x0301, {21, 3, 1, 0, 2, 2, 112}},
        {TLS_ALERT_HANDSHAKE_FAILURE, 0x0300, {21, 3, 0, 0, 2, 2, 40}},
        {TLS_ALERT_DECODE_ERROR, 0, {21, 3, 3, 0, 2, 2, 50}},
        {TLS_ALERT_INTERNAL_ERROR, 0x0304, {21, 3, 3, 0, 2, 2, 80}},
        {TLS_ALERT_ILLEGAL_PARAMETER, 0x03ff, {21, 3, 3, 0, 2, 2, 47}},
        {TLS_ALERT_ACCESS_DENIED, 0x0201, {21, 3, 3, 0, 2, 2, 49}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        uint8_t record[TLS_ALERT_BYTES];
        tls_alert_build(record, CASES[i].alert, CASES[i].legacy_version);
        assert_memory_equal(record, CASES[i].record, TLS_ALERT_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
