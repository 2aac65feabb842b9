#include "router/control/activation.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "config/text/terminal.h"
#include "config/text/units.h"

/* More than any process can have. */
#define DESCRIPTORS_MAX (1u << 29)

/* What the environment said: copies, since it is changed. NULL: nothing. */
struct said {
    char *pid, *fds, *names, *upgrade;
};

/* --- the environment --- */

/* The value, which is taken out of the environment. */
static char *take(const char *name)
{
    const char *value = getenv(name);
    char *copy = value == NULL ? NULL : strdup(value);

    unsetenv(name);
    return copy;
}

static struct said take_all(void)
{
    struct said said = {.pid = take("LISTEN_PID"),
                        .fds = take("LISTEN_FDS"),
                        .names = take("LISTEN_FDNAMES"),
                        .upgrade = take("SNI_ROUTER_UPGRADE")};

    return said;
}

static void free_said(struct said *said)
{
    free(said->pid);
    free(said->fds);
    free(said->names);
    free(said->upgrade);
}

/* Whether the sockets are for this process. A sentence: somebody may have meant it. */
static bool is_for_us(const struct said *said, char *sentence)
{
    if (said->fds == NULL)
        return false;
    if (said->pid == NULL) {
        snprintf(sentence, ACTIVATION_SENTENCE_MAX,
                 "LISTEN_FDS is set without LISTEN_PID: the sockets are not used");
        return false;
    }
    if (units_whole(said->pid, DESCRIPTORS_MAX) == getpid())
        return true;
    snprintf(sentence, ACTIVATION_SENTENCE_MAX,
             "LISTEN_PID is %.40s, and this is process %d: the sockets are not used", said->pid,
             (int)getpid());
    return false;
}

/* --- a socket --- */

static bool read_int(int fd, int level, int option, int *value)
{
    socklen_t len = sizeof *value;

    return getsockopt(fd, level, option, value, &len) == 0;
}

/* NULL: it can be used. Else what is wrong with it, for "descriptor 4 ...". */
static const char *examine(struct passed_socket *passed)
{
    int type, listens, v6only = 0;

    if (fcntl(passed->fd, F_SETFD, FD_CLOEXEC) != 0)
        return "is not open";
    if (!read_int(passed->fd, SOL_SOCKET, SO_TYPE, &type))
        return "is not a socket";
    if (type != SOCK_STREAM)
        return "is not a stream socket";
    if (!read_int(passed->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens) || listens == 0)
        return "is a socket that does not listen";
    passed->where.len = sizeof passed->where.address;
    if (getsockname(passed->fd, (struct sockaddr *)&passed->where.address, &passed->where.len) != 0)
        return "has no address";
    sa_family_t family = passed->where.address.ss_family;
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return "is neither TCP nor a unix socket";
    if (family == AF_INET6 && read_int(passed->fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only))
        passed->v6only = v6only != 0;
    return NULL;
}

/* --- all of them --- */

/* Copies names into the list. False: there are not as many as sockets, or one is too long. */
static bool read_names(struct activation *activation, const char *names)
{
    for (uint32_t i = 0; i < activation->count; i++) {
        size_t len = strcspn(names, ":");
        bool last = i + 1 == activation->count;
        if (len >= ACTIVATION_NAME_SIZE || (names[len] == '\0') != last)
            return false;
        memcpy(activation->list[i].name, names, len);
        terminal_disarm(activation->list[i].name, TERMINAL_UTF8);
        names += len + (last ? 0 : 1);
    }
    return true;
}

/* Whose each socket is, and the socket to the process that is replaced. False: it makes no sense.
 */
static bool read_upgrade(struct activation *activation, const char *upgrade)
{
    char *letters;
    long fd = strtol(upgrade, &letters, 10);
    int domain;

    if (letters == upgrade || *letters != ':' || fd < ACTIVATION_FIRST_FD || fd > INT32_MAX)
        return false;
    letters++;
    if (strlen(letters) != activation->count || strspn(letters, "ok") != activation->count)
        return false;
    if (!read_int((int)fd, SOL_SOCKET, SO_DOMAIN, &domain) || domain != AF_UNIX)
        return false;
    for (uint32_t i = 0; i < activation->count; i++)
        activation->list[i].kept = letters[i] == ACTIVATION_KEPT;
    activation->predecessor = (int)fd;
    return fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl((int)fd, F_SETFL, O_NONBLOCK) == 0;
}

/* False: the sentence says why. */
static bool read_sockets(struct activation *activation, const struct said *said, char *sentence)
{
    for (uint32_t i = 0; i < activation->count; i++) {
        struct passed_socket *passed = &activation->list[i];
        *passed = (struct passed_socket){
            .fd = ACTIVATION_FIRST_FD + (int)i, .kept = true, .listener = CONFIG_NONE};
        const char *wrong = examine(passed);
        if (wrong == NULL)
            continue;
        snprintf(sentence, ACTIVATION_SENTENCE_MAX, "LISTEN_FDS is %u, but descriptor %d %s",
                 activation->count, passed->fd, wrong);
        return false;
    }
    if (said->names != NULL && !read_names(activation, said->names)) {
        snprintf(sentence, ACTIVATION_SENTENCE_MAX,
                 "LISTEN_FDNAMES has another number of names than LISTEN_FDS, which is %u, or a "
                 "name that is too long",
                 activation->count);
        return false;
    }
    if (said->upgrade == NULL || read_upgrade(activation, said->upgrade))
        return true;
    snprintf(sentence, ACTIVATION_SENTENCE_MAX,
             "SNI_ROUTER_UPGRADE is for the router alone, and makes no sense here");
    return false;
}

static bool read_said(struct activation *activation, const struct said *said, char *sentence)
{
    if (!is_for_us(said, sentence))
        return true;
    long count = units_whole(said->fds, DESCRIPTORS_MAX);
    if (count < 0) {
        snprintf(sentence, ACTIVATION_SENTENCE_MAX, "LISTEN_FDS is no number of sockets: %.40s",
                 said->fds);
        terminal_disarm(sentence, TERMINAL_UTF8);
        return false;
    }
    if (count > 0 && fcntl(ACTIVATION_FIRST_FD + (int)count - 1, F_GETFD) < 0) {
        snprintf(sentence, ACTIVATION_SENTENCE_MAX,
                 "LISTEN_FDS is %ld, but descriptor %ld is not open", count,
                 count + ACTIVATION_FIRST_FD - 1);
        return false;
    }
    if (count == 0 && said->upgrade == NULL)
        return true;
    activation->list = calloc((size_t)count + 1, sizeof *activation->list);
    if (activation->list == NULL) {
        snprintf(sentence, ACTIVATION_SENTENCE_MAX, "no memory for %ld sockets", count);
        return false;
    }
    activation->count = (uint32_t)count;
    return read_sockets(activation, said, sentence);
}

bool activation_read(struct activation *activation, char sentence[ACTIVATION_SENTENCE_MAX])
{
    struct said said = take_all();

    *activation = (struct activation){.predecessor = -1};
    sentence[0] = '\0';
    bool good = read_said(activation, &said, sentence);
    free_said(&said);
    return good;
}

void activation_free(struct activation *activation)
{
    free(activation->list);
    activation->list = NULL;
    activation->count = 0;
}

/* --- words --- */

static void print_address(const struct target *where, char *text, size_t size)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&where->address;
    char shown[PEER_TEXT_MAX];
    struct peer peer;

    if (where->address.ss_family == AF_UNIX) {
        size_t len = where->len - offsetof(struct sockaddr_un, sun_path);
        bool abstract = len > 0 && un->sun_path[0] == '\0';
        snprintf(text, size, "unix:%s%.*s", abstract ? "@" : "", (int)(abstract ? len - 1 : len),
                 un->sun_path + (abstract ? 1 : 0));
        terminal_disarm(text, TERMINAL_UTF8);
        return;
    }
    peer_from_sockaddr((const struct sockaddr *)&where->address, &peer);
    peer_print(&peer, shown);
    snprintf(text, size, "%s", shown);
}

void activation_print(const struct passed_socket *passed, char text[ACTIVATION_SOCKET_TEXT])
{
    char address[sizeof(struct sockaddr_un) + 8];

    print_address(&passed->where, address, sizeof address);
    if (passed->name[0] == '\0')
        snprintf(text, ACTIVATION_SOCKET_TEXT, "socket %d (%s)", passed->fd, address);
    else
        snprintf(text, ACTIVATION_SOCKET_TEXT, "socket %d (\"%s\", %s)", passed->fd, passed->name,
                 address);
}

void activation_name(const char *name, char text[ACTIVATION_NAME_SIZE])
{
    size_t len = 0;

    for (; name[len] != '\0' && len + 1 < ACTIVATION_NAME_SIZE; len++) {
        bool plain = name[len] > ' ' && name[len] < 0x7f && name[len] != ':';
        text[len] = plain ? name[len] : '_';
    }
    text[len] = '\0';
}
