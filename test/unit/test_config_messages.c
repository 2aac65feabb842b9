/*
 * What is said of what people write who come from other programs, and of texts that were meant
 * otherwise: the whole sentence, with its place. Syntax errors and others have their fixtures.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/load.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

struct said {
    const char *text;     /* a value, or members of an object; of some tables a whole file */
    const char *messages; /* one a line, each with `line:column: ` before it */
};

/* `before` and `behind` make a file of the text; a column is counted from the text's beginning. */
static void check_said(const char *before, const char *behind, const struct said *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *text = NULL, *said = NULL;
        size_t len, said_len;
        struct diagnostics found = {0};
        FILE *to = open_memstream(&text, &len);
        fprintf(to, "%s%s%s", before, rows[i].text, behind);
        fclose(to);
        config_free(config_load_text(text, len, "test", &found));
        to = open_memstream(&said, &said_len);
        for (size_t j = 0; j < found.count; j++) {
            const struct diagnostic *one = &found.list[j];
            size_t shift = one->at.line == 1 ? strlen(before) : 0;
            fprintf(to, "%s%u:%zu: %s", j > 0 ? "\n" : "", one->at.line, one->at.column - shift,
                    one->message);
        }
        fclose(to);
        if (strcmp(said, rows[i].messages) != 0)
            fail_msg("%s\nsaid:\n%s\nexpected:\n%s", rows[i].text, said, rows[i].messages);
        free(said);
        free(text);
        diagnostics_free(&found);
    }
}

#define LISTENERS "\"listeners\": [ { \"address\": \":443\" } ]"
#define ROUTES    "\"routes\": [ { \"host\": \"a.test\", \"backend\": \"a\" } ]"
#define BACKENDS  "\"backends\": { \"a\": { \"servers\": [\"10.0.0.1:443\"] } }"

/* Keys of the outermost object. */
static void test_document_keys(void **state)
{
    static const struct said rows[] = {
        {"\"maxconn\": 2000", "1:1: unknown key \"maxconn\" in the configuration: write "
                              "\"limits\": { \"connections\": 2000 } (all workers together)"},
        {"\"max_connections\": \"many\"",
         "1:1: unknown key \"max_connections\" in the configuration: write \"limits\": { "
         "\"connections\": 50000 } (all workers together)"},
        {"\"default_backend\": \"a\"",
         "1:1: unknown key \"default_backend\" in the configuration: write \"default\": \"a\" "
         "(where all goes that no route takes)"},
        {"\"frontend\": []", "1:1: unknown key \"frontend\" in the configuration: write "
                             "\"listeners\": [ { \"address\": \":443\" } ]"},
        {"\"entryPoints\": {}", "1:1: unknown key \"entryPoints\" in the configuration: write "
                                "\"listeners\": [ { \"address\": \":443\" } ]"},
        {"\"upstreams\": {}", "1:1: unknown key \"upstreams\" in the configuration: write "
                              "\"backends\": { \"shop\": { \"servers\": [\"10.0.0.5:443\"] } }"},
        {"\"server\": {}", "1:1: unknown key \"server\" in the configuration: write \"backends\": "
                           "{ \"shop\": { \"servers\": [\"10.0.0.5:443\"] } }"},
        {"\"global\": {}", "1:1: unknown key \"global\" in the configuration: there is no such "
                           "section: \"timeouts\", \"limits\" and \"log\" stand beside "
                           "\"listeners\", \"routes\" and \"backends\""},
        {"\"apiVersion\": \"v1\"",
         "1:1: unknown key \"apiVersion\" in the configuration: Kubernetes manifests are not read: "
         "the file has \"listeners\", \"routes\" and \"backends\""},
        {"\"path\": \"/x\"", "1:1: unknown key \"path\" in the configuration: TLS hides paths, "
                             "headers and all else of HTTP from a router that does not decrypt"},
        {"\"idle\": \"5m\"", "1:1: unknown key \"idle\" in the configuration (it belongs in "
                             "timeouts or routes[].timeouts)"},
        {"\"name\": \"x\"",
         "1:1: unknown key \"name\" in the configuration (sni-router.json(5) has all keys)"},
        {"\"access_log\": \"/var/log/x.log\"",
         "1:1: unknown key \"access_log\" in the configuration: write \"log\": { \"access\": { "
         "\"path\": \"/var/log/x.log\" } }"},
        {"\"log_format\": \"logfmt\"", "1:1: unknown key \"log_format\" in the configuration: "
                                       "write \"log\": { \"access\": { \"format\": \"logfmt\" } }"},
        {"\"log_level\": \"debug\"", "1:1: unknown key \"log_level\" in the configuration: write "
                                     "\"log\": { \"level\": \"debug\" }"},
        {"\"timeout\": {}", "1:1: unknown key \"timeout\" (did you mean \"timeouts\"?)"},
        {"\"timeout client\": \"30s\"",
         "1:1: unknown key \"timeout client\" in the configuration: write \"timeouts\": { "
         "\"idle\": \"30s\" } (one time for both sides)"},
        {"\"nbthread\": 4", "1:1: unknown key \"nbthread\" in the configuration: write "
                            "\"workers\": 4 (without it: as many as there are CPUs)"},
        {"\"worker_processes\": \"auto\"",
         "1:1: unknown key \"worker_processes\" in the configuration: write \"workers\": 4 "
         "(without it: as many as there are CPUs)"},
        {"\"worker_rlimit_nofile\": 65536",
         "1:1: unknown key \"worker_rlimit_nofile\" in the configuration: the service manager sets "
         "the limit of open files (in a systemd unit: LimitNOFILE=)"},
        {"\"user\": \"nobody\"", "1:1: unknown key \"user\" in the configuration: the service "
                                 "manager does this (in a systemd unit: User=, Group=, PIDFile=)"},
        {"\"daemon\": true", "1:1: unknown key \"daemon\" in the configuration: the service "
                             "manager does this (in a systemd unit: User=, Group=, PIDFile=)"},
        {"\"include\": \"x\"", "1:1: unknown key \"include\" in the configuration: one file holds "
                               "the whole configuration"},
        {"\"stick-table\": {}", "1:1: unknown key \"stick-table\" in the configuration: this "
                                "version has no limits on rates or single clients"},
        {"\"stats\": {}", "1:1: unknown key \"stats\" in the configuration: this version has no "
                          "metrics and no admin interface"},
        {"\"tls\": {}", "1:1: unknown key \"tls\" in the configuration: TLS is passed on as it is: "
                        "certificates, keys and TLS settings belong to the servers"},
        {"\"certificate\": \"x\"",
         "1:1: unknown key \"certificate\" in the configuration: TLS is passed on as it is: "
         "certificates, keys and TLS settings belong to the servers"},
        {"\"mode\": \"tcp\"", "1:1: unknown key \"mode\" in the configuration: TLS is always "
                              "passed on as it is, over TCP: there is no mode to choose"},
        {"\"Workers\": 4", "1:1: unknown key \"Workers\" (did you mean \"workers\"?)"},
        {"\"balance\": \"roundrobin\"",
         "1:1: unknown key \"balance\" in the configuration (it belongs in backends.NAME)"},
        {"\"hard-stop-after\": \"30s\"",
         "1:1: unknown key \"hard-stop-after\" in the configuration: write \"timeouts\": { "
         "\"drain\": \"30s\" }"},
        {"\"resolvers\": {}", "1:1: unknown key \"resolvers\" in the configuration: names of "
                              "servers are looked up as the system does it (/etc/resolv.conf)"},
        {"\"ssl_preread\": true",
         "1:1: unknown key \"ssl_preread\" in the configuration: TLS is passed on as it is: "
         "certificates, keys and TLS settings belong to the servers"},
        {"\"frobnicate\": 1",
         "1:1: unknown key \"frobnicate\" in the configuration (sni-router.json(5) has all keys)"},
        {"\"//\": \"note\"",
         "1:1: unknown key \"//\" in the configuration: a note is called \"$comment\""},
    };

    (void)state;
    check_said("{ " LISTENERS ", " ROUTES ", " BACKENDS ", ", " }", rows, COUNT_OF(rows));
}

/* A key that is misspelt, or another program's, is one error: nothing follows from it. */
static void test_parent_keys(void **state)
{
    static const struct said rows[] = {
        {"\"listners\": [ { \"adress\": 1 } ], \"routes\": [ { \"host\": \"a.test\", \"backend\": "
         "\"a\" } ], \"backends\": { \"a\": { \"servers\": [\"10.0.0.1:443\"] } }",
         "1:1: unknown key \"listners\" (did you mean \"listeners\"?)\n"
         "1:17: unknown key \"adress\" (did you mean \"address\"?)\n"
         "1:27: 1 is a port alone: write \":1\" to listen on all addresses"},
        {"\"listeners\": [ { \"address\": \":443\" } ], \"routes\": [ { \"host\": \"a.test\", "
         "\"backend\": \"a\" } ], \"bakends\": { \"a\": \"b:1\", \"x\": \"c:1\" }, \"policies\": { "
         "\"unknown_sni\": { \"backend\": "
         "\"x\" } }",
         "1:93: unknown key \"bakends\" (did you mean \"backends\"?)"},
        {"\"listeners\": [ { \"address\": \":443\" } ], \"routes\": [ { \"host\": \"a.test\", "
         "\"backend\": \"a\" } ], \"upstreams\": {}",
         "1:93: unknown key \"upstreams\" in the configuration: write \"backends\": { \"shop\": { "
         "\"servers\": [\"10.0.0.5:443\"] } }"},
        {"\"listeners\": [ { \"address\": \":443\" } ], \"routes\": [ { \"host\": \"a.test\", "
         "\"backend\": \"a\" } ], \"backends\": { \"a\": { \"server\": [] } }",
         "1:114: unknown key \"server\" (did you mean \"servers\"?)\n"
         "1:124: expected a server or an array of them, not an empty array"},
        {"\"listen\": [], \"routes\": [ { \"host\": \"a.test\", \"backend\": \"a\", \"listener\": "
         "\"x\" } ], \"backends\": { \"a\": { \"servers\": [\"10.0.0.1:443\"] } }",
         "1:1: unknown key \"listen\" in the configuration: write \"listeners\": [ { \"address\": "
         "\":443\" } ]"},
        {"\"listeners\": [ { \"address\": \":443\" } ], \"routes\": [ { \"hosts\": \"a.test\", "
         "\"backends\": \"x\" } ], \"backends\": { \"a\": { \"servers\": [\"10.0.0.1:443\"] } }",
         "1:55: unknown key \"hosts\" (did you mean \"host\"?)\n"
         "1:74: unknown key \"backends\" (did you mean \"backend\"?)"},
        {"\"listeners\": [ { \"address\": \":443\" } ], \"routes\": [ { \"server_name\": "
         "\"a.test\", \"proxy_pass\": \"a\" } ], \"backends\": { \"a\": { \"servers\": "
         "[\"10.0.0.1:443\"] } }",
         "1:55: unknown key \"server_name\" in a route: write \"host\": \"a.test\"\n"
         "1:80: unknown key \"proxy_pass\" in a route: write \"backend\": \"a\""},
        {"\"listeners\": [ { \"address\": \":443\" } ], \"routes\": [ { \"host\": \"a.test\", "
         "\"backend\": \"a\" } ], \"backends\": [ { \"name\": \"a\" } ]",
         "1:105: expected an object of backends by name, not an array: write { \"shop\": { "
         "\"servers\": [\"10.0.0.5:443\"] } }"},
    };

    (void)state;
    check_said("{ ", " }", rows, COUNT_OF(rows));
}

/* Listeners. */
static void test_listeners(void **state)
{
    static const struct said rows[] = {
        {"{ \"bind\": \":443\" }",
         "1:3: unknown key \"bind\" in a listener: write \"address\": \":443\""},
        {"{ \"port\": 443 }",
         "1:3: unknown key \"port\" in a listener: write \"address\": \":443\""},
        {"{ \"host\": \"10.0.0.5\", \"port\": 443 }",
         "1:3: unknown keys \"host\" and \"port\" in a listener: write \"address\": "
         "\"10.0.0.5:443\""},
        {"{ \"address\": \"10.0.0.5\", \"port\": \"8443\" }",
         "1:26: unknown key \"port\" in a listener: write \"address\": \"10.0.0.5:8443\""},
        {"{ \"address\": \":443\", \"tls\": {}, \"proxy_protocol\": true }",
         "1:22: unknown key \"tls\" in a listener: TLS is passed on as it is: certificates, keys "
         "and TLS settings belong to the servers\n"
         "1:33: unknown key \"proxy_protocol\" in a listener: this version reads no PROXY header"},
        {"{ \"address\": \":443\", \"accept-proxy\": true, \"backlogs\": 5 }",
         "1:22: unknown key \"accept-proxy\" in a listener: this version reads no PROXY header\n"
         "1:44: unknown key \"backlogs\" (did you mean \"backlog\"?)"},
        {"{ \"address\": \":443\", \"default_backend\": \"a\" }",
         "1:22: unknown key \"default_backend\" in a listener: write \"default\": \"a\" in the "
         "outermost object (where all goes that no route takes)"},
        {"{ \"address\": \":443\", \"mode\": \"tcp\" }",
         "1:22: \"mode\" is for unix sockets with a path only\n"
         "1:30: \"mode\" is the permissions of a unix socket: leave it out (TLS is always passed "
         "on as it is)"},
        {"{ \"address\": \":443\", \"v6only\": \"yes\", \"backlog\": \"64\" }",
         "1:32: expected true or false, not text: write true without quotes\n"
         "1:50: expected a number, not text: write 64 without quotes"},
        {"{ \"address\": \":443\", \"backend\": \"a\" }",
         "1:22: unknown key \"backend\" in a listener: write \"routes\": [ { \"host\": "
         "\"shop.example.com\", \"backend\": \"shop\" } ] in the outermost object (a route may say "
         "for which listener it is: \"listener\": \"public\")"},
        {"{ \"address\": \":443\", \"reuseport\": true }",
         "1:22: unknown key \"reuseport\" in a listener: this is always on"},
        {"{ \"address\": \"443 ssl\" }",
         "1:14: \"443 ssl\" has more than an address: write \":443\""},
        {"{ \"address\": \"localhost:443\" }",
         "1:14: \"localhost:443\" is a name: write \"127.0.0.1:443\" or \"[::1]:443\""},
        {"{ \"address\": \"localhost\" }",
         "1:14: \"localhost\" is a name: write \"127.0.0.1:443\" or \"[::1]:443\""},
        {"{ \"address\": \"*\" }", "1:14: \"*\" has no port (such as \"*:443\")"},
        {"{ \"address\": \":https\" }",
         "1:14: \":https\" names a service: write the port, \":443\""},
        {"{ \"address\": \"443/tcp\" }", "1:14: \"443/tcp\" has a protocol: write \":443\""},
        {"{ \"address\": \"443/udp\" }", "1:14: \"443/udp\": this version carries TCP only"},
        {"{ \"address\": \"tcp/:443\" }", "1:14: \"tcp/:443\" has a protocol: write \":443\""},
        {"{ \"address\": \":443-445\" }",
         "1:14: \":443-445\" has a range of ports: each port takes a listener of its own"},
        {"{ \"address\": \":443,:444\" }", "1:14: \":443,:444\": each address takes a listener of "
                                           "its own: write \"listeners\": [\":443\", \":444\"]"},
        {"{ \"address\": \"443\" }",
         "1:14: \"443\" is a port alone: write \":443\" to listen on all addresses"},
        {"{ \"address\": \"10.0.0.5\" }",
         "1:14: \"10.0.0.5\" has no port (such as \"10.0.0.5:443\")"},
        {"{ \"address\": \"https://:443\" }", "1:14: \"https://:443\" is a URL: write \":443\""},
        {"{ \"address\": \"eth0:443\" }",
         "1:14: \"eth0\" is a name: a listener takes an IP address or unix:/path (\"*:443\" "
         "listens on all addresses)"},
    };

    (void)state;
    check_said("{ " ROUTES ", " BACKENDS ", \"listeners\": [ ", " ] }", rows, COUNT_OF(rows));
}

/* Routes. */
static void test_routes(void **state)
{
    static const struct said rows[] = {
        {"{ \"server_name\": \"b.test\", \"backend\": \"a\" }",
         "1:3: unknown key \"server_name\" in a route: write \"host\": \"b.test\""},
        {"{ \"HostSNI\": \"b.test\", \"service\": \"a\" }",
         "1:3: unknown key \"HostSNI\" in a route: write \"host\": \"b.test\"\n"
         "1:24: unknown key \"service\" in a route: write \"backend\": \"a\""},
        {"{ \"host\": \"b.test\", \"proxy_pass\": \"a\" }",
         "1:21: unknown key \"proxy_pass\" in a route: write \"backend\": \"a\""},
        {"{ \"host\": \"b.test\", \"server\": \"10.0.0.5:443\" }",
         "1:21: unknown key \"server\" in a route: write \"backend\": \"10.0.0.5:443\""},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"path\": \"/api\" }",
         "1:37: unknown key \"path\" in a route: TLS hides paths, headers and all else of HTTP "
         "from a router that does not decrypt"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"priority\": 1 }",
         "1:37: unknown key \"priority\" in a route: the most specific route wins, whatever the "
         "order"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"tls\": {} }",
         "1:37: unknown key \"tls\" in a route: TLS is passed on as it is: certificates, keys and "
         "TLS settings belong to the servers"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"entryPoints\": \"public\" }",
         "1:37: unknown key \"entryPoints\" in a route: write \"listener\": \"public\""},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"sourceRange\": \"10.0.0.0/8\" }",
         "1:37: unknown key \"sourceRange\" in a route: write \"from\": \"10.0.0.0/8\""},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"deny\": \"10.0.0.0/8\" }",
         "1:37: unknown key \"deny\" in a route: a route says which networks may pass (\"from\"), "
         "not which may not"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"HostSNIRegexp\": \"x\" }",
         "1:37: unknown key \"HostSNIRegexp\" in a route: write \"host\": \"*.example.com\" (no "
         "regular expressions: \"*.\" is one label, \"**.\" one or more, at the start only)"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"weight\": 3 }",
         "1:37: unknown key \"weight\" in a route (it belongs in backends.NAME.servers[])"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"maxconn\": 3 }",
         "1:37: unknown key \"maxconn\" in a route: this version has no limit for each route "
         "(limits.connections is for all together)"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"timeouts\": { \"client\": \"30s\" } }",
         "1:51: unknown key \"client\" in a route's timeouts: write \"idle\": \"30s\" (one time "
         "for both sides)"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"timeouts\": { \"drain\": \"30s\" } }",
         "1:51: unknown key \"drain\" in a route's timeouts (it belongs in timeouts)"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"from\": \"10.0.0.0/255.0.0.0\" }",
         "1:45: \"10.0.0.0/255.0.0.0\" has a mask: write \"10.0.0.0/8\""},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"from\": \"10.0.0.0/8, 192.0.2.1\" }",
         "1:45: \"10.0.0.0/8, 192.0.2.1\": several networks are an array: write [\"10.0.0.0/8\", "
         "\"192.0.2.1\"]"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"from\": \"all\" }",
         "1:45: \"all\": leave \"from\" out, then all clients count"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"from\": \"!10.0.0.1\" }",
         "1:45: \"!10.0.0.1\": a route says which networks may pass, not which may not"},
        {"{ \"host\": \"b.test\", \"backend\": \"a\", \"from\": \"10.0.0.1-10.0.0.9\" }",
         "1:45: \"10.0.0.1-10.0.0.9\" is a range: write networks (such as \"10.0.0.0/8\")"},
    };

    (void)state;
    check_said("{ " LISTENERS ", " BACKENDS ", \"routes\": [ ", " ] }", rows, COUNT_OF(rows));
}

/* Hosts. */
static void test_hosts(void **state)
{
    static const struct said rows[] = {
        {"\"shop.example.com \"",
         "1:1: \"shop.example.com \" has a space: write \"shop.example.com\""},
        {"\" shop.example.com\"",
         "1:1: \" shop.example.com\" has a space: write \"shop.example.com\""},
        {"\"a.test b.test\"", "1:1: \"a.test b.test\" has a space (several names are an array: "
                              "[\"a.test\", \"b.test\"])"},
        {"\"a.test,b.test\"", "1:1: several names are an array: write [\"a.test\", \"b.test\"]"},
        {"\"a.test, b.test; c.test\"",
         "1:1: several names are an array: write [\"a.test\", \"b.test\", ...]"},
        {"\"a.test,\"", "1:1: \"a.test,\" has a separator: write \"a.test\""},
        {"\"https://shop.example.com/x\"", "1:1: \"https://shop.example.com/x\" is a URL: write "
                                           "only the host (\"shop.example.com\")"},
        {"\"https://shop.example.com:8443\"", "1:1: \"https://shop.example.com:8443\" is a URL: "
                                              "write only the host (\"shop.example.com\")"},
        {"\"shop.example.com:443\"",
         "1:1: \"shop.example.com:443\" has a port, which belongs to listeners and servers: write "
         "only the host (\"shop.example.com\")"},
        {"\"shop.example.com/x\"", "1:1: \"shop.example.com/x\" has a path, which TLS hides: write "
                                   "only the host (\"shop.example.com\")"},
        {"\"10.0.0.1\"",
         "1:1: \"10.0.0.1\" is an IP address: TLS clients name hosts only (RFC 6066 section 3); "
         "policies.no_sni says what to do with clients that name none"},
        {"\"[::1]\"", "1:1: \"[::1]\" is an IP address: TLS clients name hosts only (RFC 6066 "
                      "section 3); policies.no_sni says what to do with clients that name none"},
        {"\"~^(.*)\\\\.example$\"",
         "1:1: \"~^(.*)\\.example$\" is a regular expression: write names, or \"*.example.com\" "
         "(one more label), \"**.example.com\" (one or more)"},
        {"\"^shop\"", "1:1: \"^shop\" is a regular expression: write names, or \"*.example.com\" "
                      "(one more label), \"**.example.com\" (one or more)"},
        {"\"HostSNI(`b.test`)\"",
         "1:1: \"HostSNI(`b.test`)\" is a rule of Traefik: write \"b.test\""},
        {"\"HostSNI(`*`)\"", "1:1: \"HostSNI(`*`)\" is a rule of Traefik: for all other names "
                             "write \"default\": \"BACKEND\" next to \"routes\" in the file"},
        {"\"HostSNI(`b.test`) && ClientIP(`10.0.0.1`)\"",
         "1:1: \"HostSNI(`b.test`) && ClientIP(`10.0.0.1`)\" is a rule of Traefik: write the name "
         "(\"*.example.com\" for one more label)"},
        {"\"*\"", "1:1: \"*\" alone is not a host: for all other names write \"default\": "
                  "\"BACKEND\" next to \"routes\" in the file"},
        {"\"**\"", "1:1: \"**\" alone is not a host: for all other names write \"default\": "
                   "\"BACKEND\" next to \"routes\" in the file"},
        {"\"*.*.test\"", "1:1: \"*.*.test\": a wildcard is a whole label at the start: \"*.\" (one "
                         "label) or \"**.\" (one or more)"},
        {"\"*example.com\"", "1:1: \"*example.com\": a wildcard is a whole label at the start: "
                             "write \"*.example.com\""},
        {"\"example.*\"", "1:1: \"example.*\": a wildcard is a whole label at the start: \"*.\" "
                          "(one label) or \"**.\" (one or more)"},
        {"\"a..b\"", "1:1: \"a..b\" has two dots in a row"},
        {"\"${HOST}\"", "1:1: \"${HOST}\" has a variable, which is not filled in: write its value"},
        {"\"{{ host }}\"",
         "1:1: \"{{ host }}\" has a variable, which is not filled in: write its value"},
        {"\"\"", "1:1: a host may not be empty (policies.no_sni says what to do with clients that "
                 "name none)"},
        {"443", "1:1: expected a host pattern (such as \"shop.example.com\"), not a number"},
    };

    (void)state;
    check_said("{ " LISTENERS ", " BACKENDS ", \"routes\": [ { \"backend\": \"a\", \"host\": ",
               " } ] }", rows, COUNT_OF(rows));
}

/* Backends. */
static void test_backends(void **state)
{
    static const struct said rows[] = {
        {"{ \"host\": \"10.0.0.5\", \"port\": 443 }",
         "1:3: unknown keys \"host\" and \"port\" in a backend: write \"servers\": "
         "[\"10.0.0.5:443\"]"},
        {"{ \"url\": \"https://b.test/x\" }",
         "1:3: unknown key \"url\" in a backend: write \"servers\": [\"b.test:443\"]"},
        {"{ \"upstreams\": [] }",
         "1:3: unknown key \"upstreams\" in a backend: write \"servers\": [\"10.0.0.5:443\"]"},
        {"{ \"loadBalancer\": { \"servers\": [] } }",
         "1:3: unknown key \"loadBalancer\" in a backend: write \"servers\": [\"10.0.0.5:443\"]"},
        {"{ \"servers\": [\"b:1\"], \"lb_policy\": \"ROUND_ROBIN\" }",
         "1:23: unknown key \"lb_policy\" in a backend: write \"balance\": \"round_robin\""},
        {"{ \"servers\": [\"b:1\"], \"balance\": \"leastconn\" }",
         "1:34: expected \"round_robin\", not \"leastconn\" (this version has no other way)"},
        {"{ \"servers\": [\"b:1\"], \"balance\": \"rr\" }",
         "1:34: expected \"round_robin\", not \"rr\" (did you mean \"round_robin\"?)"},
        {"{ \"servers\": [\"b:1\"], \"health_check\": {} }",
         "1:23: unknown key \"health_check\" in a backend: this version has no health checks: a "
         "client whose server cannot be reached gets the next one"},
        {"{ \"servers\": [\"b:1\"], \"sticky\": true }",
         "1:23: unknown key \"sticky\" in a backend: this version balances by \"round_robin\" "
         "only, without regard to the client"},
        {"{ \"servers\": [\"b:1\"], \"retries\": 3 }",
         "1:23: unknown key \"retries\" in a backend: write \"tries\": 3 (the first server "
         "included)"},
        {"{ \"servers\": [\"b:1\"], \"maxconn\": 3 }",
         "1:23: unknown key \"maxconn\" in a backend: this version has no limit for each backend "
         "(limits.connections is for all together)"},
        {"{ \"servers\": [\"b:1\"], \"name\": \"b\" }",
         "1:23: unknown key \"name\" in a backend: the key is the name: \"backends\": { \"shop\": "
         "{ \"servers\": [\"10.0.0.5:443\"] } }"},
        {"{ \"servers\": [\"b:1\"], \"send_proxy\": true }",
         "1:23: unknown key \"send_proxy\" in a backend: this version sends no PROXY header: "
         "servers see the router's address"},
        {"{ \"servers\": [\"b:1\"], \"mode\": \"tcp\" }",
         "1:23: unknown key \"mode\" in a backend: TLS is always passed on as it is, over TCP: "
         "there is no mode to choose"},
    };

    (void)state;
    check_said("{ " LISTENERS ", " ROUTES ", \"backends\": { \"a\": ", " } }", rows,
               COUNT_OF(rows));
}

/* Servers. */
static void test_servers(void **state)
{
    static const struct said rows[] = {
        {"{ \"host\": \"10.0.0.5\", \"port\": 443 }",
         "1:3: unknown keys \"host\" and \"port\" in a server: write \"address\": "
         "\"10.0.0.5:443\""},
        {"{ \"address\": \"10.0.0.5\", \"port\": 8443 }",
         "1:26: unknown key \"port\" in a server: write \"address\": \"10.0.0.5:8443\""},
        {"{ \"ip\": \"::1\", \"port\": \"443\" }",
         "1:3: unknown keys \"ip\" and \"port\" in a server: write \"address\": \"[::1]:443\""},
        {"{ \"host\": \"10.0.0.5\" }",
         "1:3: unknown key \"host\" in a server: write \"address\": \"10.0.0.5:443\""},
        {"{ \"port\": 443 }",
         "1:3: unknown key \"port\" in a server: write \"address\": \"10.0.0.5:443\""},
        {"{ \"url\": \"https://b.test\" }",
         "1:3: unknown key \"url\" in a server: write \"address\": \"b.test:443\""},
        {"{ \"path\": \"/run/x.sock\" }",
         "1:3: unknown key \"path\" in a server: write \"address\": \"unix:/run/x.sock\""},
        {"{ \"address\": \"b:1\", \"check\": true, \"send-proxy\": true }",
         "1:21: unknown key \"check\" in a server: this version has no health checks: a client "
         "whose server cannot be reached gets the next one\n"
         "1:36: unknown key \"send-proxy\" in a server: this version sends no PROXY header: "
         "servers see the router's address"},
        {"{ \"address\": \"b:1\", \"backup\": true, \"down\": true }",
         "1:21: unknown key \"backup\" in a server: this version has no backup servers: all "
         "servers of a backend take turns\n"
         "1:37: unknown key \"down\" in a server: write \"weight\": 0 (no new connections for this "
         "server)"},
        {"{ \"address\": \"b:1\", \"maxconn\": 5, \"path\": \"/x\" }",
         "1:21: unknown key \"maxconn\" in a server: this version has no limit for each server "
         "(limits.connections is for all together)\n"
         "1:35: unknown key \"path\" in a server: TLS hides paths, headers and all else of HTTP "
         "from a router that does not decrypt"},
        {"{ \"address\": \"b:1\", \"ssl\": true, \"verify\": \"none\" }",
         "1:21: unknown keys \"ssl\" and \"verify\" in a server: TLS is passed on as it is: "
         "certificates, keys and TLS settings belong to the servers"},
        {"\"10.0.0.5\"", "1:1: \"10.0.0.5\" has no port (such as \"10.0.0.5:443\")"},
        {"\"10.0.0.5:\"", "1:1: \"10.0.0.5:\" has no port (such as \"10.0.0.5:443\")"},
        {"\"10.0.0.5:443 \"", "1:1: \"10.0.0.5:443 \" has a space: write \"10.0.0.5:443\""},
        {"\"10.0.0.5 443\"", "1:1: \"10.0.0.5 443\" has a space: write \"10.0.0.5:443\""},
        {"\"10.0.0.5:443 check\"",
         "1:1: \"10.0.0.5:443 check\" has more than an address: write \"10.0.0.5:443\""},
        {"\"b.test:443,c.test:443\"",
         "1:1: several servers are an array: write [\"b.test:443\", \"c.test:443\"]"},
        {"\"https://10.0.0.5\"", "1:1: \"https://10.0.0.5\" is a URL: write \"10.0.0.5:443\""},
        {"\"http://b.test:8443/p\"",
         "1:1: \"http://b.test:8443/p\" is a URL: write \"b.test:8443\""},
        {"\"localhost\"", "1:1: \"localhost\" has no port (such as \"localhost:443\")"},
        {"\"*:443\"", "1:1: a server's address needs a host, such as \"10.0.0.5:443\""},
        {"\":443\"", "1:1: a server's address needs a host, such as \"10.0.0.5:443\""},
        {"\"443\"",
         "1:1: \"443\" is a port alone: a server has a host as well (such as \"10.0.0.5:443\")"},
        {"\"10.0.0.0/8:443\"",
         "1:1: \"10.0.0.0/8:443\" is a network: write one address and a port"},
        {"\"b.test:443/x\"", "1:1: \"b.test:443/x\" has a path: write \"b.test:443\""},
        {"\"10.0.0.5:https\"",
         "1:1: \"10.0.0.5:https\" names a service: write the port, \"10.0.0.5:443\""},
        {"\"10.0.0.5:443-445\"",
         "1:1: \"10.0.0.5:443-445\" has a range of ports: each port takes a server of its own"},
        {"\"::1\"", "1:1: \"::1\": IPv6 is written [address]:port: write \"[::1]:443\""},
        {"\"::1:443\"", "1:1: \"::1:443\": IPv6 is written [address]:port: write \"[::1]:443\""},
        {"\"[::1]\"", "1:1: \"[::1]\" has no port (such as \"[::1]:443\")"},
        {"\"tcp/10.0.0.5:443\"",
         "1:1: \"tcp/10.0.0.5:443\" has a protocol: write \"10.0.0.5:443\""},
        {"\"${HOST}:443\"",
         "1:1: \"${HOST}:443\" has a variable, which is not filled in: write its value"},
        {"\"/run/x.sock\"", "1:1: a unix socket is written \"unix:/run/x.sock\""},
    };

    (void)state;
    check_said("{ " LISTENERS ", " ROUTES ", \"backends\": { \"a\": { \"servers\": [ ", " ] } } }",
               rows, COUNT_OF(rows));
}

/* Timeouts, sizes, words. */
static void test_settings(void **state)
{
    static const struct said rows[] = {
        {"\"timeouts\": { \"client\": \"30s\" }",
         "1:15: unknown key \"client\" in the timeouts: write \"idle\": \"30s\" (one time for both "
         "sides)"},
        {"\"timeouts\": { \"check\": \"30s\" }",
         "1:15: unknown key \"check\" in the timeouts: this version has no checks, no queue and no "
         "HTTP whose time could be limited"},
        {"\"timeouts\": { \"connect\": \"5 s\" }", "1:26: \"5 s\" has a space: write \"5s\""},
        {"\"timeouts\": { \"idle\": \"1.5m\" }", "1:23: \"1.5m\" has a fraction: write \"1m30s\""},
        {"\"timeouts\": { \"idle\": \"1,5s\" }",
         "1:23: \"1,5s\" has a fraction: write \"1s500ms\""},
        {"\"timeouts\": { \"idle\": \"0.5ms\" }", "1:23: \"0.5ms\" has a fraction: write \"1ms\""},
        {"\"timeouts\": { \"idle\": \"30sec\" }",
         "1:23: \"30sec\" has an unknown unit: write \"30s\""},
        {"\"timeouts\": { \"idle\": \"5 Minutes\" }",
         "1:23: \"5 Minutes\" has a space: write \"5m\""},
        {"\"timeouts\": { \"idle\": \"1w\" }", "1:23: \"1w\" has an unknown unit: write \"7d\""},
        {"\"timeouts\": { \"idle\": \"10us\" }",
         "1:23: \"10us\" has a unit below the smallest, which is \"1ms\""},
        {"\"timeouts\": { \"idle\": \"10x\" }",
         "1:23: \"10x\" has an unknown unit (there are ms, s, m, h, d)"},
        {"\"timeouts\": { \"idle\": \"30s1m\" }", "1:23: \"30s1m\" has units that do not go from "
                                                  "the largest to the smallest: write \"1m30s\""},
        {"\"timeouts\": { \"idle\": \"30\" }",
         "1:23: \"30\" has no unit: write \"30s\" or \"30ms\""},
        {"\"timeouts\": { \"idle\": 30 }", "1:23: a duration needs a unit: 30 could mean 30 "
                                           "seconds or 30 milliseconds; write \"30s\" or \"30ms\""},
        {"\"timeouts\": { \"idle\": 0 }",
         "1:23: 0 is too short: write a duration longer than 0, such as \"30s\", or \"off\""},
        {"\"timeouts\": { \"idle\": \"0\" }",
         "1:23: \"0\" is too short: write a duration longer than 0, such as \"30s\", or \"off\""},
        {"\"timeouts\": { \"idle\": \"never\" }",
         "1:23: \"never\" is no duration: write a duration or \"off\""},
        {"\"timeouts\": { \"drain\": 0 }",
         "1:24: 0 is too short: write a duration longer than 0, such as \"30s\""},
        {"\"timeouts\": { \"drain\": \"0s\" }",
         "1:24: \"0s\" is too short: write a duration longer than 0, such as \"30s\""},
        {"\"timeouts\": { \"drain\": \"-5s\" }",
         "1:24: \"-5s\" is too short: write a duration longer than 0, such as \"30s\""},
        {"\"timeouts\": { \"drain\": \"off\" }",
         "1:24: \"off\" is not possible here: write a duration longer than 0, such as \"30s\""},
        {"\"timeouts\": { \"drain\": \"infinite\" }",
         "1:24: \"infinite\" is not possible here: write a duration longer than 0, such as "
         "\"30s\""},
        {"\"timeouts\": { \"drain\": \"soon\" }", "1:24: \"soon\" is not a duration (such as "
                                                  "\"250ms\", \"5s\", \"10m\", \"1h30m\", \"1d\")"},
        {"\"timeouts\": { \"drain\": \"\" }",
         "1:24: \"\" is not a duration (such as \"250ms\", \"5s\", \"10m\", \"1h30m\", \"1d\")"},
        {"\"limits\": { \"hello\": \"16KB\" }",
         "1:22: \"16KB\" has an unknown unit: write \"16k\""},
        {"\"limits\": { \"hello\": \"16 k\" }", "1:22: \"16 k\" has a space: write \"16k\""},
        {"\"limits\": { \"hello\": \"1.5k\" }", "1:22: \"1.5k\" has a fraction: write \"1536\""},
        {"\"limits\": { \"hello\": \"016k\" }", "1:22: \"016k\" begins with 0: write \"16k\""},
        {"\"limits\": { \"hello\": \"1g\" }", "1:22: \"1g\" has an unknown unit: write \"1024m\""},
        {"\"limits\": { \"hello\": \"2m\" }", "1:22: out of range: \"1k\" to \"64k\""},
        {"\"limits\": { \"hello\": 16 }",
         "1:22: a size is a string: 16 could mean 16 bytes or 16 KiB; write \"16\" or \"16k\""},
        {"\"limits\": { \"hello\": \"big\" }",
         "1:22: \"big\" is not a size (such as \"512\", \"64k\", \"1m\")"},
        {"\"limits\": { \"maxconn\": 100 }", "1:13: unknown key \"maxconn\" in the limits: write "
                                             "\"connections\": 100 (all workers together)"},
        {"\"limits\": { \"connections\": \"100\" }",
         "1:28: expected a number, not text: write 100 without quotes"},
        {"\"workers\": \"4\"", "1:12: expected a number, not text: write 4 without quotes"},
        {"\"workers\": \"auto\"",
         "1:12: expected a number, not \"auto\": leave the key out for the default"},
        {"\"log\": { \"level\": \"warn\" }", "1:19: expected \"error\", \"warning\", \"info\" or "
                                             "\"debug\", not \"warn\" (did you mean \"warning\"?)"},
        {"\"log\": { \"level\": \"Notice\" }",
         "1:19: expected \"error\", \"warning\", \"info\" or \"debug\", not \"Notice\" (did you "
         "mean \"info\"?)"},
        {"\"log\": { \"format\": \"json\" }",
         "1:10: unknown key \"format\" in the log (it belongs in log.access)"},
        {"\"log\": { \"file\": \"/x\" }",
         "1:10: unknown key \"file\" in the log: write \"access\": { \"path\": \"/x\" }"},
        {"\"log\": { \"access\": { \"format\": \"tcplog\" } }",
         "1:32: expected \"json\", \"logfmt\" or \"haproxy\", not \"tcplog\" (did you mean "
         "\"haproxy\"?)"},
        {"\"log\": { \"access\": { \"filename\": \"/x\" } }",
         "1:22: unknown key \"filename\" in the access log: write \"path\": \"/x\""},
        {"\"policies\": { \"no_sni\": \"drop\" }",
         "1:25: expected \"alert\", \"close\" or \"reset\", or a backend, not \"drop\" (did you "
         "mean \"close\"?)"},
        {"\"policies\": { \"not_tls\": \"rst\" }",
         "1:26: expected \"alert\", \"close\" or \"reset\", or a backend, not \"rst\" (did you "
         "mean \"reset\"?)"},
        {"\"policies\": { \"malformed\": \"deny\" }",
         "1:28: expected \"alert\", \"close\" or \"reset\", not \"deny\" (did you mean "
         "\"alert\"?)"},
        {"\"policies\": { \"malformed\": \"forward\" }",
         "1:28: expected \"alert\", \"close\" or \"reset\", not \"forward\" (no backend may be "
         "given here: a broken hello must not reach a server)"},
    };

    (void)state;
    check_said("{ " LISTENERS ", " ROUTES ", " BACKENDS ", ", " }", rows, COUNT_OF(rows));
}

/* A word of another program is no typing error of a backend's name, unless it is nearly that. */
static void test_words_and_backends(void **state)
{
#define SAID(word, meant)                                                                          \
    {                                                                                              \
        "\"policies\": { \"no_sni\": \"" word "\" }",                                              \
            "1:25: expected \"alert\", \"close\" or \"reset\", or a backend, not \"" word          \
            "\" (did you mean \"" meant "\"?)"                                                     \
    }
    static const struct said rows[] = {SAID("drop", "close"), SAID("deny", "alert"),
                                       SAID("shp", "shop"), SAID("bock", "block")};
#undef SAID

    (void)state;
    check_said("{ " LISTENERS ", \"backends\": { \"shop\": [\"b:1\"], \"block\": [\"c:1\"] }, "
               "\"routes\": [ { \"host\": \"a.test\", \"backend\": \"shop\" }, "
               "{ \"host\": \"b.test\", \"backend\": \"block\" } ], ",
               " }", rows, COUNT_OF(rows));
}

/* Whole files. */
static void test_files(void **state)
{
    static const struct said rows[] = {
        {"listeners:\n  - address: \":443\"\n",
         "1:1: this is not JSON, it looks like YAML: the file is one JSON object "
         "(sni-router.json(5) has an example)"},
        {"# x\n---\na: b\n", "2:1: this is not JSON, it looks like YAML: the file is one JSON "
                             "object (sni-router.json(5) has an example)"},
        {"apiVersion: v1\nkind: Service\n",
         "1:1: this is not JSON, it looks like a Kubernetes manifest in YAML: the file is one JSON "
         "object (sni-router.json(5) has an example)"},
        {"- a\n- b\n", "1:1: this is not JSON, it looks like YAML: the file is one JSON object "
                       "(sni-router.json(5) has an example)"},
        {"[server]\naddress = \":443\"\n",
         "1:1: this is not JSON, it looks like TOML or an INI file: the file is one JSON object "
         "(sni-router.json(5) has an example)"},
        {"[[servers]]\n", "1:1: this is not JSON, it looks like TOML or an INI file: the file is "
                          "one JSON object (sni-router.json(5) has an example)"},
        {"address = \":443\"\n", "1:1: this is not JSON, it looks like TOML or an INI file: the "
                                 "file is one JSON object (sni-router.json(5) has an example)"},
        {"# x\n\nglobal\n    maxconn 1000\n",
         "3:1: this is not JSON, it looks like an HAProxy configuration: the file is one JSON "
         "object (sni-router.json(5) has an example)"},
        {"frontend tls\n    bind :443\n",
         "1:1: this is not JSON, it looks like an HAProxy configuration: the file is one JSON "
         "object (sni-router.json(5) has an example)"},
        {"worker_processes auto;\n",
         "1:1: this is not JSON, it looks like an nginx configuration: the file is one JSON object "
         "(sni-router.json(5) has an example)"},
        {"stream {\n    server {\n",
         "1:1: this is not JSON, it looks like an nginx configuration: the file is one JSON object "
         "(sni-router.json(5) has an example)"},
        {"user nobody\npidfile /x\n",
         "1:1: this is not JSON, it looks like an sniproxy configuration: the file is one JSON "
         "object (sni-router.json(5) has an example)"},
        {"listen :443 {\n    proto tls\n}\n",
         "1:1: this is not JSON, it looks like an sniproxy configuration: the file is one JSON "
         "object (sni-router.json(5) has an example)"},
        {"table {\n}\n", "1:1: this is not JSON, it looks like an sniproxy configuration: the file "
                         "is one JSON object (sni-router.json(5) has an example)"},
        {"example.com {\n    reverse_proxy x\n}\n",
         "1:1: this is not JSON, it looks like a Caddyfile: the file is one JSON object "
         "(sni-router.json(5) has an example)"},
        {"{\n\tlayer4 {\n\t}\n}\n", "1:1: this is not JSON, it looks like a Caddyfile: the file is "
                                    "one JSON object (sni-router.json(5) has an example)"},
        {"<!DOCTYPE html>\n<html></html>\n",
         "1:1: this is an HTML page, not a configuration (was it downloaded?)"},
        {"\n<html>\n", "2:1: this is an HTML page, not a configuration (was it downloaded?)"},
        {"<?xml version=\"1.0\"?>\n", "1:1: this is not JSON, it looks like XML: the file is one "
                                      "JSON object (sni-router.json(5) has an example)"},
        {"-----BEGIN CERTIFICATE-----\n", "1:1: this is a PEM file (a certificate or a key): "
                                          "sni-router needs none, it passes TLS on as it is"},
        {"#!/bin/sh\nexit\n", "1:1: this is not JSON, it looks like a script: the file is one JSON "
                              "object (sni-router.json(5) has an example)"},
        {"<<<<<<< HEAD\n{ }\n", "1:1: a merge conflict is not resolved here"},
        {"{{ toJson .Values }}\n",
         "1:1: this is a template that was not filled in: give the file that is made of it"},
        {"\x1f\x8b\x08", "1:1: this is compressed (gzip): unpack it first"},
        {"", "1:1: the file is empty: expected a JSON object"},
        {" \n", "2:1: the file is empty: expected a JSON object"},
        {"// x\n{}", "1:1: JSON has no comments (a \"$comment\" key may hold a note)"},
        {"# x\n{}", "1:1: JSON has no comments (a \"$comment\" key may hold a note)"},
        {"/* x */ {}", "1:1: JSON has no comments (a \"$comment\" key may hold a note)"},
        {"{} // x", "1:4: JSON has no comments (a \"$comment\" key may hold a note)"},
        {"{ \"a\": 1 # x\n}", "1:10: JSON has no comments (a \"$comment\" key may hold a note)"},
        {"{ \xe2\x80\x9c"
         "a\xe2\x80\x9d: 1 }",
         "1:3: these are typographic quotes: use the plain \""},
        {"{ \"a\": \xe2\x80\x98"
         "b\xe2\x80\x99 }",
         "1:8: these are typographic quotes: use the plain \""},
        {"{ \"a\xe2\x80\x9d: 1\n}", "1:3: this string is not closed on its line: these are "
                                    "typographic quotes: use the plain \""},
        {"{ 'a': 1 }", "1:3: text takes double quotes, not single ones"},
        {"{ \"a\": 'b' }", "1:8: text takes double quotes, not single ones"},
        {"{ listeners: [] }", "1:3: a key takes double quotes: write \"listeners\""},
        {"{ \"a\": 5s }",
         "1:9: \"s\" may not follow a number: write \"5s\" (text takes double quotes)"},
        {"{ \"a\": 10.0.0.5:443 }",
         "1:12: \".\" may not follow a number: write \"10.0.0.5:443\" (text takes double quotes)"},
        {"{ \"a\": shop.example.com }",
         "1:8: text takes double quotes: write \"shop.example.com\""},
        {"{ \"a\": True }", "1:8: this word is written \"true\" in lower case, without quotes"},
        {"{ \"a\" = 1 }", "1:7: JSON has no \"=\": a \":\" follows a key"},
        {"{ \"a\": 1; \"b\": 2 }", "1:9: JSON has no \";\": a comma separates values"},
        {"{ \"a\": 1, }", "1:9: trailing comma: remove it"},
        {"[ 1, ]", "1:4: trailing comma: remove it"},
        {"{ \"a\": 1 \"b\": 2 }", "1:10: missing comma before this"},
        {"{ \"a\": ${X} }",
         "1:8: this is a template that was not filled in: give the file that is made of it"},
        {"{ \"a\": {{ .x }} }",
         "1:8: this is a template that was not filled in: give the file that is made of it"},
        {"{ \"a\": [ ... ] }",
         "1:10: something was left out here: write it out, or remove the dots"},
        {"{ \"a\": 1\n>>>>>>> x\n}", "2:1: a merge conflict is not resolved here"},
        {"{ \"a\":\xc2\xa0"
         "1 }",
         "1:7: U+00A0 is no white space of JSON: write a plain space"},
        {"{ \"a\"\xef\xbc\x9a 1 }", "1:6: expected \":\" after the key"},
        {"{\"a\": 1}}", "1:9: one \"}\" too many: it closes nothing"},
        {"{\"a\": 1},", "1:9: the document ends before this comma (is there a \"}\" too many?)"},
        {"{}\n{}", "2:1: nothing may follow the end of the document, a file holds one object"},
        {"{ \"a\": \"\\d\" }", "1:9: unknown escape: a backslash is written \\\\ (JSON has \\\" "
                               "\\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)"},
        {"{ \"a\": \"b\n\" }", "1:8: this string is not closed on its line"},
        {"{ \"a\": 1", "1:1: this object is never closed"},
        {"\xef\xbb\xbf[]",
         "1:1: expected an object: { \"listeners\": ... }\n"
         "1:1: begins with a byte order mark (save the file as UTF-8 without one)"},
        {"\"a\"", "1:1: expected an object: { \"listeners\": ... }"},
    };

    (void)state;
    check_said("", "", rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_keys),
        cmocka_unit_test(test_parent_keys),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_backends),
        cmocka_unit_test(test_servers),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_words_and_backends),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
