#include "router/conn/view.h"

#include <assert.h>
#include <stdlib.h>

struct view *view_new(struct snapshot *snapshot)
{
    struct view *view = calloc(1, sizeof *view);

    assert(snapshot != NULL);
    if (view != NULL)
        view->snapshot = snapshot;
    return view;
}

void view_abandon(struct view *view)
{
    assert(view == NULL || view->pins == 0);
    free(view);
}

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
    free(view);
    return last;
}
