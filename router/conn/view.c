#include "router/conn/view.h"

#include <assert.h>
#include <stdlib.h>

void view_pin(struct view *view)
{
    view->pins++;
}

bool view_unpin(struct view *view)
{
    assert(view->pins > 0);
    if (--view->pins > 0)
        return false;
    bool last = snapshot_unref(view->snapshot);
    balance_free(view->balance);
    free(view);
    return last;
}
