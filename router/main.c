/* sni-router: what must be so before anything else, then the command. */

#include <fcntl.h>
#include <unistd.h>

#include "router/cli/commands.h"

/*
 * A standard descriptor that was closed would be given to the next file opened, and output would go
 * there. The stand-in is read-only, so that writing to it still fails.
 */
static void occupy_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY);

    while (fd >= 0 && fd <= 2)
        fd = open("/dev/null", O_RDONLY);
    if (fd > 2)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    commands_prepare(argc, argv);
    occupy_standard_descriptors();
    return commands_main(argc, argv);
}
