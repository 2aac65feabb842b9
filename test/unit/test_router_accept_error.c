/* What each errno of accept(2) means for the socket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "router/worker/accept_error.h"

struct row {
    int error;
    enum accept_error first;  /* when it comes once */
    enum accept_error always; /* when nothing else comes any more */
};

/* Every errno that accept(2) names, what filters answer, and one that nobody has heard of. */
static const struct row rows[] = {
    {EAGAIN, ACCEPT_EMPTY, ACCEPT_EMPTY},
    {EWOULDBLOCK, ACCEPT_EMPTY, ACCEPT_EMPTY},
    {EINTR, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ECONNABORTED, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EPROTO, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EPERM, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EACCES, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ENETDOWN, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ENOPROTOOPT, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EHOSTDOWN, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ENONET, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EHOSTUNREACH, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EOPNOTSUPP, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ENETUNREACH, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ESOCKTNOSUPPORT, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EPROTONOSUPPORT, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ETIMEDOUT, ACCEPT_NEXT, ACCEPT_BROKEN},
    {ECONNRESET, ACCEPT_NEXT, ACCEPT_BROKEN},
    {EMFILE, ACCEPT_PAUSE, ACCEPT_PAUSE},
    {ENFILE, ACCEPT_PAUSE, ACCEPT_PAUSE},
    {ENOBUFS, ACCEPT_PAUSE, ACCEPT_PAUSE},
    {ENOMEM, ACCEPT_PAUSE, ACCEPT_PAUSE},
    {ENOSR, ACCEPT_PAUSE, ACCEPT_PAUSE},
    {EBADF, ACCEPT_BROKEN, ACCEPT_BROKEN},
    {EFAULT, ACCEPT_BROKEN, ACCEPT_BROKEN},
    {EINVAL, ACCEPT_BROKEN, ACCEPT_BROKEN},
    {ENOTSOCK, ACCEPT_BROKEN, ACCEPT_BROKEN},
    {ENOSYS, ACCEPT_BROKEN, ACCEPT_BROKEN},
    {9999, ACCEPT_NEXT, ACCEPT_BROKEN},
};

static void each_error_has_its_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (accept_error_of(rows[i].error, 1) != rows[i].first)
            fail_msg("%s, once", strerror(rows[i].error));
        if (accept_error_of(rows[i].error, ACCEPT_ROW_PAUSE - 1) != rows[i].first)
            fail_msg("%s, as often as clients may have it", strerror(rows[i].error));
        if (accept_error_of(rows[i].error, ACCEPT_ROW_BROKEN) != rows[i].always ||
            accept_error_of(rows[i].error, UINT32_MAX) != rows[i].always)
            fail_msg("%s, for ever", strerror(rows[i].error));
    }
}

/* Before a socket counts as broken there are moments without a call. */
static void a_long_row_pauses_first(void **state)
{
    (void)state;
    for (uint32_t row = ACCEPT_ROW_PAUSE; row < ACCEPT_ROW_BROKEN; row++)
        assert_int_equal(accept_error_of(EPERM, row), ACCEPT_PAUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_meaning),
        cmocka_unit_test(a_long_row_pauses_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
