#include "router/conn/view.h"

#include <assert.h>
#include <stdlib.h>

struct view *view_new(struct snapshot *snapshot)
{
    struct view *view = calloc(1, sizeof *view);

    assert(snapshot != NULL);
    if (view == NULL)
        return NULL;
    view->magic = VIEW_MAGIC;
    view->snapshot = snapshot;
    return view;
}

void view_abandon(struct view *view)
{
    if (view == NULL)
        return;
    assert(view->magic == VIEW_MAGIC && view->pins == 0);
    view->magic = 0;
    free(view);
}

void view_pin(struct view *view)
{
    assert(view->magic == VIEW_MAGIC && view->pins < UINT32_MAX);
    view->pins++;
}

bool view_unpin(struct view *view)
{
    assert(view->magic == VIEW_MAGIC && view->pins > 0);
    if (--view->pins > 0)
        return false;
    bool last = snapshot_unref(view->snapshot);
    view->magic = 0;
    free(view);
    return last;
}
