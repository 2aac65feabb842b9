/* Files of bench/report.d, linked in as they are: the tool needs none of them at run time. */

#include "bench/report.h"

/* Between NAME_begin and NAME_end lie the bytes of the file. */
#define EMBED(name, file)                                                                          \
    __asm__(".pushsection .rodata, \"a\"\n"                                                        \
            "report_" #name "_begin:\n"                                                            \
            ".incbin \"" REPORT_DIR "/" file "\"\n"                                                \
            "report_" #name "_end:\n"                                                              \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char report_##name##_begin[] __attribute__((visibility("hidden")));               \
    extern const char report_##name##_end[] __attribute__((visibility("hidden")));                 \
    struct report_asset report_##name(void)                                                        \
    {                                                                                              \
        size_t len = (size_t)(report_##name##_end - report_##name##_begin);                        \
        return (struct report_asset){report_##name##_begin, len};                                  \
    }

EMBED(page_css, "page.css")
EMBED(page_js, "page.js")
EMBED(uplot_css, "uplot/uPlot.min.css")
EMBED(uplot_js, "uplot/uPlot.iife.min.js")
EMBED(uplot_license, "uplot/LICENSE")
