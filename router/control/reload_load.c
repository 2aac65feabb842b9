#include "router/control/reload_load.h"

#include <malloc.h>
#include <stdio.h>

/* A file of so many bytes leaves enough freed memory behind to give it back. */
#define TRIM_ROUTES 10000u

/* --- in the thread --- */

static void read_file(struct reload_load *load)
{
    load->files = config_files_new();
    if (load->files == NULL) {
        snprintf(load->trouble, sizeof load->trouble, "out of memory");
        return;
    }
    load->config =
        load->source->load(load->source->context, load->files, &load->found, load->trouble);
    if (load->config == NULL || load->config->route_count >= TRIM_ROUTES)
        malloc_trim(0); /* a file may be large, also one that is refused */
}

static void compare(struct reload_load *load)
{
    const struct config *before = load->before == NULL ? NULL : load->before->config;

    load->difference.known = config_difference(before, load->config, &load->difference.value);
}

static void run(struct errand *errand)
{
    struct reload_load *load = (struct reload_load *)errand;

    if (load->config == NULL)
        read_file(load);
    if (load->config != NULL)
        compare(load);
}

/* --- control --- */

static void hold(struct reload_load *load, struct config_use *before)
{
    load->before = before;
    if (before != NULL)
        config_use_ref(before);
}

void reload_load_begin(struct reload_load *load, struct errands *errands,
                       const struct control_source *source, struct config_use *before,
                       void (*on_done)(struct errand *errand))
{
    *load = (struct reload_load){
        .errand = {.run = run, .on_done = on_done},
        .source = source,
    };
    hold(load, before);
    errands_ask(errands, &load->errand);
}

void reload_load_let_go(struct reload_load *load)
{
    if (load->before != NULL)
        config_use_unref(load->before);
    load->before = NULL;
}

void reload_load_compare(struct reload_load *load, struct errands *errands,
                         struct config_use *before)
{
    reload_load_let_go(load);
    hold(load, before);
    errands_ask(errands, &load->errand);
}

void reload_load_end(struct reload_load *load)
{
    reload_load_let_go(load);
    config_free(load->config);
    diagnostics_free(&load->found);
    config_files_drop(load->files);
    *load = (struct reload_load){0};
}
