/* In which order the addresses of a name are tried (RFC 8305, section 4). */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "router/state/addresses.h"

/* "6" and "4" stand for addresses of the families; their places for which they are. */
static const struct {
    const char *before;
    const char *after; /* families */
    uint32_t order[8]; /* which of `before` */
} tables[] = {
    {"6", "6", {0}},
    {"4", "4", {0}},
    {"44", "44", {0, 1}},
    {"64", "64", {0, 1}},
    {"46", "46", {0, 1}},
    {"6644", "6464", {0, 2, 1, 3}},
    {"4466", "4646", {0, 2, 1, 3}},
    {"666644", "646466", {0, 4, 1, 5, 2, 3}},
    {"46666666", "46666666", {0, 1, 2, 3, 4, 5, 6, 7}},
    {"66666664", "64666666", {0, 7, 1, 2, 3, 4, 5, 6}},
    {"64446", "64644", {0, 1, 4, 2, 3}},
};

static void families_take_turns(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        uint32_t count = (uint32_t)strlen(tables[t].before);
        struct target list[8] = {0};
        for (uint32_t i = 0; i < count; i++) {
            list[i].address.ss_family = tables[t].before[i] == '6' ? AF_INET6 : AF_INET;
            list[i].len = i + 1; /* tells which it was */
        }
        addresses_interleave(list, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(list[i].address.ss_family,
                             tables[t].after[i] == '6' ? AF_INET6 : AF_INET);
            assert_int_equal(list[i].len, tables[t].order[i] + 1);
        }
    }
}

static void no_address_is_no_order(void **state)
{
    (void)state;
    addresses_interleave(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(no_address_is_no_order),
    };

    return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
