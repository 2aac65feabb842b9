#include "router/control/log_part.h"

#include <assert.h>
#include <string.h>

#include "router/control/exit_code.h"
#include "router/log/log.h"

static int start(struct part *part)
{
    struct log_part *log = part->self;
    bool made;
    int error = log_writer_probe(&log->writer, log->first_path, &made);

    assert(part == &log->part);
    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot open the access log %s: %s", log->first_path,
                 strerror(error));
        return exit_code_of(error);
    }
    error = log_writer_start(&log->writer, log->workers, log->first_path);
    if (error != 0) {
        log_line(LOG_LEVEL_ERROR, "cannot start the thread that writes the logs: %s",
                 strerror(-error));
        return exit_code_of(-error);
    }
    return 0;
}

static void stop(struct part *part, void (*on_stopped)(struct part *part))
{
    struct log_part *log = part->self;

    assert(part == &log->part);
    log_writer_stop(&log->writer);
    on_stopped(part);
}

void log_part_init(struct log_part *log, uint32_t workers, const char *access_path)
{
    *log = (struct log_part){
        .part = {.name = "log", .self = log, .start = start, .stop = stop},
        .workers = workers,
        .first_path = access_path,
    };
}
