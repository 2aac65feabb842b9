/* Whose trouble an errno of a connection's socket is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "router/net/carry_error.h"

static void expect_all(const int *errors, size_t count, enum carry_blame blame)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(carry_error_of(errors[i]), blame);
}

/* What TCP and what ICMP tells of make a socket fail so. */
static void network_is_the_peers(void **state)
{
    static const int errors[] = {ECONNRESET,   EPIPE,        ETIMEDOUT,   ECONNREFUSED,
                                 ECONNABORTED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN,
                                 ENONET,       ENETDOWN,     ENOPROTOOPT, EOPNOTSUPP,
                                 EPROTO,       EACCES,       ENOTCONN,    9999};

    (void)state;
    expect_all(errors, sizeof errors / sizeof errors[0], CARRY_PEER);
}

static void memory_is_lacking(void **state)
{
    static const int errors[] = {ENOMEM, ENOBUFS};

    (void)state;
    expect_all(errors, sizeof errors / sizeof errors[0], CARRY_MEMORY);
}

static void mistakes_and_filters(void **state)
{
    static const int errors[] = {EBADF,        EFAULT, EINVAL,   ENOTSOCK, EISCONN, EALREADY,
                                 EDESTADDRREQ, EPERM,  EMSGSIZE, ENOSYS,   ESPIPE};

    (void)state;
    expect_all(errors, sizeof errors / sizeof errors[0], CARRY_MISTAKE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_is_the_peers),
        cmocka_unit_test(memory_is_lacking),
        cmocka_unit_test(mistakes_and_filters),
    };

    return cmocka_run_group_tests_name("carry_error", tests, NULL, NULL);
}
