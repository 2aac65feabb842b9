/*
 * The happy path
 *  - The inodes of the sockets that listen there: TCP from the kernel (sock_diag), unix sockets
 *    from /proc/net/unix.
 *  - The first process that has one of them among its descriptors, in /proc/PID/fd.
 *
 * The failures
 *  - The kernel does not tell, a process may not be seen, or there are more descriptors than are
 *    looked at: nobody is named.
 */
#include "router/net/socket_owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "router/net/diag.h"

#define INODES_MAX 16
/* Processes and descriptors that are looked at: some tenths of a second at most. */
#define LOOKS_MAX 100000u

struct owner_search {
    const struct target *where;
    bool v6only;
    uint64_t inodes[INODES_MAX];
    size_t count;
    unsigned looks;
};

/* --- the sockets --- */

static void add_inode(struct owner_search *search, uint64_t inode)
{
    if (inode != 0 && search->count < INODES_MAX)
        search->inodes[search->count++] = inode;
}

static bool on_listening(void *context, const struct diag_socket *found)
{
    struct owner_search *search = context;

    if (target_overlaps(&found->local, found->v6only, search->where, search->v6only))
        add_inode(search, found->inode);
    return search->count < INODES_MAX;
}

/* The name as /proc/net/unix has it: an abstract one begins with @. */
static void unix_name(const struct target *where, char name[sizeof(struct sockaddr_un)])
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&where->address;
    size_t len = where->len - offsetof(struct sockaddr_un, sun_path);

    memcpy(name, un->sun_path, len);
    name[len] = '\0';
    if (name[0] == '\0' && len > 0)
        name[0] = '@';
}

static void find_unix(struct owner_search *search)
{
    enum { ACCEPTS = 0x10000 }; /* __SO_ACCEPTCON: it listens */
    FILE *table = fopen("/proc/net/unix", "re");
    char line[512], name[sizeof(struct sockaddr_un)];

    if (table == NULL)
        return;
    unix_name(search->where, name);
    while (fgets(line, sizeof line, table) != NULL && search->count < INODES_MAX) {
        unsigned flags;
        uint64_t inode;
        int path = 0;

        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%*s %*x %*x %x %*x %*x %" SCNu64 " %n", &flags, &inode, &path) == 2 &&
            (flags & ACCEPTS) != 0 && path > 0 && strcmp(line + path, name) == 0)
            add_inode(search, inode);
    }
    fclose(table);
}

static void find_sockets(struct owner_search *search)
{
    struct peer own;

    if (search->where->address.ss_family == AF_UNIX) {
        find_unix(search);
        return;
    }
    peer_from_sockaddr((const struct sockaddr *)&search->where->address, &own);
    (void)diag_listening(own.port, on_listening, search);
}

/* --- the process --- */

/* What a link in /proc/PID/fd leads to: "socket:[4711]". */
static bool is_wanted(const struct owner_search *search, int directory, const char *name)
{
    char link[64];
    ssize_t len = readlinkat(directory, name, link, sizeof link - 1);
    uint64_t inode;

    link[len > 0 ? len : 0] = '\0';
    if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
        return false;
    for (size_t i = 0; i < search->count; i++) {
        /* sock_diag tells of 32 bits */
        if ((uint32_t)search->inodes[i] == (uint32_t)inode)
            return true;
    }
    return false;
}

static bool has_socket(struct owner_search *search, pid_t pid)
{
    char path[32];
    const struct dirent *entry;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return false;
    while (!found && search->looks > 0 && (entry = readdir(directory)) != NULL) {
        search->looks--;
        found = is_wanted(search, dirfd(directory), entry->d_name);
    }
    closedir(directory);
    return found;
}

static pid_t find_process(struct owner_search *search)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;

    if (directory == NULL)
        return 0;
    while (found == 0 && search->looks > 0 && (entry = readdir(directory)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0: not a process */

        search->looks--;
        if (pid > 0 && pid != getpid() && has_socket(search, pid))
            found = pid;
    }
    closedir(directory);
    return found;
}

static void read_name(struct socket_owner *owner)
{
    char path[32];
    size_t len = 0;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)owner->pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        len = fread(owner->name, 1, sizeof owner->name - 1, file);
        fclose(file);
    }
    owner->name[len] = '\0';
    owner->name[strcspn(owner->name, "\n")] = '\0';
    if (owner->name[0] == '\0')
        owner->pid = 0; /* gone */
}

void socket_owner_find(const struct target *where, bool v6only, struct socket_owner *owner)
{
    struct owner_search search = {.where = where, .v6only = v6only, .looks = LOOKS_MAX};

    *owner = (struct socket_owner){.listens = false};
    find_sockets(&search);
    owner->listens = search.count > 0;
    if (!owner->listens)
        return;
    owner->pid = find_process(&search);
    if (owner->pid != 0)
        read_name(owner);
}
