#include "bench/environment.h"

#include <openssl/crypto.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>

void environment_read_file(const char *path, char out[ENVIRONMENT_TEXT])
{
    out[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(out, ENVIRONMENT_TEXT, file) == NULL)
        out[0] = '\0';
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
}

static void read_cpu(char out[ENVIRONMENT_TEXT])
{
    char line[512];

    snprintf(out, ENVIRONMENT_TEXT, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            value += 1 + strspn(value + 1, " ");
            snprintf(out, ENVIRONMENT_TEXT, "%.*s", (int)strcspn(value, "\n"), value);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

void environment_read(struct environment *environment)
{
    struct utsname system;
    struct rlimit limit;
    cpu_set_t set;

    memset(environment, 0, sizeof *environment);
    if (uname(&system) == 0)
        snprintf(environment->kernel, ENVIRONMENT_TEXT, "%.60s %.80s", system.sysname,
                 system.release);
    read_cpu(environment->cpu);
    environment_read_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                          environment->governor);
    snprintf(environment->libuv, ENVIRONMENT_TEXT, "%s", uv_version_string());
    snprintf(environment->openssl, ENVIRONMENT_TEXT, "%s", OpenSSL_version(OPENSSL_VERSION));
    environment->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        environment->cpus_allowed = CPU_COUNT(&set);
    environment->memory_bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        environment->descriptor_limit = limit.rlim_cur;
}
