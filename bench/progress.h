#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

/* One line per interval on stderr: redrawn on a terminal, plain lines otherwise. */

#include <stdbool.h>

#include "bench/result.h"

struct progress {
    bool on;       /* not --quiet */
    bool terminal; /* stderr is a terminal: redraw in place */
    bool headed;   /* the heading has been printed */
    unsigned mode; /* enum mode_bit: which columns matter */
    bool sampled;
};

void progress_init(struct progress *progress, const struct options *options);
/* `since_s` = seconds since the point's stage began. */
void progress_line(struct progress *progress, const struct series_point *point, double since_s);
/* Ends the progress line on a terminal before another message is printed. */
void progress_break(const struct progress *progress);
/* Leaves the last line standing. */
void progress_end(struct progress *progress);

#endif
