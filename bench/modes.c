/* The table of modes. */

#include "bench/options.h"

#include "bench/serve.h"

const struct mode bench_modes[] = {
    {"serve", MODE_SERVE, "[options]", "backends that say who they are",
     "Plays backends, each with a name and an address, and prints one line `backend NAME ADDRESS` "
     "for each and then `ready`. A client of this tool asks for what it wants (echo, sink, source, "
     "requests); curl gets \"hello from NAME\"; anything else is echoed.",
     "  sni-bench serve --listen 127.0.0.1:9000 --names 100\n"
     "  sni-bench serve --tls --names 'shop.test,blog.test,*.apps.test' --ca-out ca.pem\n",
     false, serve_run},
    {NULL, 0, NULL, NULL, NULL, NULL, false, NULL}};
