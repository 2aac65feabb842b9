/*
 * The stage of a case: one client, two listening backends, up to four backend connections, and one
 * poll() over all of them.
 *
 * A backend keeps what it receives. It sends its banner when the first byte arrives, then as many
 * bytes of speech as the case wants; after the client's FIN it sends the trailer and its own FIN.
 * So the client learns which backend it has reached, and the tool, which plays both sides, compares
 * every byte.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/torture.h"

#define BACKLOG     64
#define PIECE_BYTES (64u * 1024)
#define SPEECH_SEED 0x746f7274757265ull

static bool say_failed(const struct socket_address *address, const char *why)
{
    char text[SOCKET_ADDRESS_TEXT];

    fprintf(stderr, "sni-bench: torture: --listen %s: %s\n", socket_address_format(address, text),
            why);
    return false;
}

/* Binds, listens, and learns the port when it was 0. */
static bool listen_at(struct scene *scene, int side)
{
    struct socket_address *address = &scene->addresses[side];
    int on = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return say_failed(address, strerror(errno));
    scene->listeners[side] = fd;
    if (address->storage.ss_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr *name = (struct sockaddr *)&address->storage;
    if (bind(fd, name, address->len) != 0 || listen(fd, BACKLOG) != 0)
        return say_failed(address, strerror(errno));
    if (address->storage.ss_family == AF_UNIX)
        return true;
    address->len = sizeof address->storage;
    return getsockname(fd, name, &address->len) == 0;
}

/* One address for each backend, or one for the first; the second backend then has the next port. */
bool scene_addresses(struct scene *scene, const struct options *options)
{
    const struct text_list *listen = &options->serve.listen;
    const char *first = listen->count == 0 ? "127.0.0.1:9000" : listen->items[0];

    for (int side = 0; side < TORTURE_SIDES; side++) {
        const char *text = listen->count > 1 ? listen->items[side] : first;
        const char *why;
        if (!socket_address_parse(text, &scene->addresses[side], &why)) {
            fprintf(stderr, "sni-bench: torture: --listen '%s': %s\n", text, why);
            return false;
        }
    }
    if (listen->count > 1)
        return true;
    struct socket_address *second = &scene->addresses[1];
    if (second->storage.ss_family == AF_UNIX)
        return say_failed(second, "there are two backends: give --listen twice");
    uint16_t port = socket_address_port(second);
    if (port == UINT16_MAX)
        return say_failed(second, "there is no port after it for the other backend: give --listen "
                                  "twice");
    socket_address_set_port(second, port == 0 ? 0 : (uint16_t)(port + 1));
    return true;
}

bool scene_init(struct scene *scene, const struct options *options)
{
    scene->options = options;
    scene->client = -1;
    for (int side = 0; side < TORTURE_SIDES; side++)
        scene->listeners[side] = -1;
    for (int i = 0; i < TORTURE_GUESTS; i++)
        scene->guests[i].fd = -1;
    scene->sent = malloc(TORTURE_FLIGHT_BYTES);
    bool good = scene->sent != NULL;
    for (int i = 0; i < TORTURE_GUESTS; i++) {
        scene->guests[i].bytes = malloc(TORTURE_FLIGHT_BYTES);
        good = good && scene->guests[i].bytes != NULL;
    }
    if (!good)
        fprintf(stderr, "sni-bench: torture: out of memory\n");
    return good && listen_at(scene, 0) && listen_at(scene, 1);
}

/* Removes the file of a unix socket when its listener is closed. */
static void unlink_socket(const struct socket_address *address)
{
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;

    if (address->storage.ss_family == AF_UNIX && name->sun_path[0] != '\0')
        (void)unlink(name->sun_path);
}

void scene_free(struct scene *scene)
{
    scene_leave(scene);
    for (int side = 0; side < TORTURE_SIDES; side++) {
        if (scene->listeners[side] < 0)
            continue;
        close(scene->listeners[side]);
        unlink_socket(&scene->addresses[side]);
    }
    for (int i = 0; i < TORTURE_GUESTS; i++)
        free(scene->guests[i].bytes);
    free(scene->sent);
}

void scene_blame(struct scene *scene, const char *format, ...)
{
    va_list arguments;

    if (scene->problem[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(scene->problem, sizeof scene->problem, format, arguments);
    va_end(arguments);
}

static void close_guest(struct guest *guest)
{
    if (guest->fd >= 0)
        close(guest->fd);
    guest->fd = -1;
}

/* Drops connections that the last case has left in the queue: they do not belong to this one. */
static void drop_waiting(const struct scene *scene)
{
    for (int side = 0; side < TORTURE_SIDES; side++) {
        int fd = accept4(scene->listeners[side], NULL, NULL, SOCK_CLOEXEC);
        while (fd >= 0) {
            close(fd);
            fd = accept4(scene->listeners[side], NULL, NULL, SOCK_CLOEXEC);
        }
    }
}

void scene_leave(struct scene *scene)
{
    if (scene->client >= 0)
        close(scene->client);
    scene->client = -1;
    for (size_t i = 0; i < scene->guest_count; i++)
        close_guest(&scene->guests[i]);
    scene->guest_count = 0;
}

static void note_end(struct scene *scene, enum scene_end end)
{
    if (scene->end == SCENE_OPEN || (scene->end == SCENE_FIN && end == SCENE_RESET))
        scene->end = end;
}

/* Room for one more guest. A guest that left without a byte, such as a health check, makes room. */
static struct guest *find_room(struct scene *scene)
{
    for (size_t i = 0; i < scene->guest_count; i++) {
        if (scene->guests[i].fd < 0 && scene->guests[i].len == 0)
            return &scene->guests[i];
    }
    return scene->guest_count == TORTURE_GUESTS ? NULL : &scene->guests[scene->guest_count++];
}

static void accept_guest(struct scene *scene, int side)
{
    int fd = accept4(scene->listeners[side], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    struct guest *guest = find_room(scene);
    if (guest == NULL) {
        scene_blame(scene, "more than %d connections to backends", TORTURE_GUESTS);
        close(fd);
        return;
    }
    uint8_t *bytes = guest->bytes;
    memset(guest, 0, sizeof *guest);
    guest->bytes = bytes;
    guest->fd = fd;
    guest->side = side;
}

/* Sends banner or trailer: short, and the socket is empty, so that they fit. */
static void say(struct guest *guest, const uint8_t *bytes, size_t len)
{
    if (send(guest->fd, bytes, len, MSG_NOSIGNAL) < 0)
        guest->reset = true;
}

static void greet(const struct scene *scene, struct guest *guest)
{
    uint8_t banner[WIRE_BANNER_HEAD + WIRE_NAME_MAX];

    say(guest, banner, wire_write_banner(0, scene->names[guest->side], banner));
    guest->greeted = true;
    guest->to_speak = scene->speech_bytes;
    if (scene->guests_end_first && guest->to_speak == 0)
        shutdown(guest->fd, SHUT_WR);
}

static void speak(struct guest *guest)
{
    uint8_t piece[PIECE_BYTES];
    size_t len = guest->to_speak < sizeof piece ? (size_t)guest->to_speak : sizeof piece;

    wire_pattern_fill(SPEECH_SEED, guest->spoken, piece, len);
    ssize_t sent = send(guest->fd, piece, len, MSG_NOSIGNAL);
    if (sent > 0) {
        guest->spoken += (uint64_t)sent;
        guest->to_speak -= (uint64_t)sent;
    } else if (sent < 0 && errno != EAGAIN) {
        guest->reset = true;
        close_guest(guest);
    }
}

/* After the client's FIN the backend says how much has arrived, and ends as well. */
static void answer_end(struct guest *guest)
{
    uint8_t bytes[WIRE_TRAILER_BYTES];
    struct wire_trailer trailer = {.received = guest->len, .first_bad = WIRE_NO_OFFSET};

    wire_write_trailer(&trailer, bytes);
    guest->fin = true;
    say(guest, bytes, sizeof bytes);
    close_guest(guest);
}

static void hear_guest(const struct scene *scene, struct guest *guest)
{
    uint8_t piece[PIECE_BYTES];
    ssize_t got = recv(guest->fd, piece, sizeof piece, 0);

    if (got < 0 && errno != EAGAIN) {
        guest->reset = true;
        close_guest(guest);
    }
    if (got == 0)
        answer_end(guest);
    if (got <= 0)
        return;
    size_t kept = (size_t)got;
    if (guest->len < TORTURE_FLIGHT_BYTES) {
        if (kept > TORTURE_FLIGHT_BYTES - guest->len)
            kept = TORTURE_FLIGHT_BYTES - guest->len;
        memcpy(guest->bytes + guest->len, piece, kept);
    }
    guest->len += (size_t)got;
    if (!guest->greeted)
        greet(scene, guest);
}

/* Checks the speech, which follows the banner; the trailer behind it is not checked here. */
static void check_speech(struct scene *scene, uint64_t at, const uint8_t *bytes, size_t len)
{
    uint64_t begin = scene->banner_bytes;
    uint64_t end = begin + scene->speech_bytes;

    if (begin == 0 || at + len <= begin || at >= end)
        return;
    size_t skip = at < begin ? (size_t)(begin - at) : 0;
    size_t count = at + len > end ? (size_t)(end - at) - skip : len - skip;
    if (wire_pattern_check(SPEECH_SEED, at + skip - begin, bytes + skip, count) < count)
        scene->corrupt = true;
}

static void take_answer(struct scene *scene, const uint8_t *bytes, size_t len)
{
    uint64_t at = scene->received;
    size_t used;

    if (at < TORTURE_HEAD_BYTES) {
        size_t kept = TORTURE_HEAD_BYTES - (size_t)at;
        memcpy(scene->head + at, bytes, len < kept ? len : kept);
    }
    scene->received += len;
    if (scene->banner_bytes == 0 &&
        wire_feed_banner(&scene->banner, bytes, len, &used) == WIRE_WHOLE)
        scene->banner_bytes = at + used;
    check_speech(scene, at, bytes, len);
}

static void hear_client(struct scene *scene)
{
    uint8_t piece[PIECE_BYTES];
    ssize_t got = recv(scene->client, piece, sizeof piece, 0);

    if (got > 0)
        take_answer(scene, piece, (size_t)got);
    else if (got == 0)
        note_end(scene, SCENE_FIN);
    else if (errno != EAGAIN)
        note_end(scene, SCENE_RESET);
}

/* One poll() and its events. `wants_room` = the client has more to send. */
static void turn(struct scene *scene, uint64_t until_ns, bool wants_room)
{
    struct pollfd polls[TORTURE_SIDES + TORTURE_GUESTS + 1];
    nfds_t count = TORTURE_SIDES + 1;
    short hears = scene->blind || scene->end != SCENE_OPEN ? 0 : POLLIN;

    for (int side = 0; side < TORTURE_SIDES; side++)
        polls[side] = (struct pollfd){.fd = scene->listeners[side], .events = POLLIN};
    bool asleep = hears == 0 && !wants_room;
    polls[TORTURE_SIDES] = (struct pollfd){.fd = asleep ? -1 : scene->client,
                                           .events = (short)(hears | (wants_room ? POLLOUT : 0))};
    for (size_t i = 0; i < scene->guest_count; i++) {
        const struct guest *guest = &scene->guests[i];
        short events = (short)(POLLIN | (guest->to_speak > 0 ? POLLOUT : 0));
        polls[count++] = (struct pollfd){.fd = guest->fd, .events = events};
    }
    uint64_t now_ns = clock_now_ns();
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec left = {(time_t)(left_ns / NS_PER_S), (long)(left_ns % NS_PER_S)};
    if (ppoll(polls, count, &left, NULL) <= 0)
        return;
    for (nfds_t i = TORTURE_SIDES + 1; i < count; i++) {
        struct guest *guest = &scene->guests[i - TORTURE_SIDES - 1];
        if ((polls[i].revents & ~POLLOUT) != 0)
            hear_guest(scene, guest);
        if ((polls[i].revents & POLLOUT) != 0 && guest->fd >= 0)
            speak(guest);
    }
    if ((polls[TORTURE_SIDES].revents & ~POLLOUT) != 0 && !scene->blind)
        hear_client(scene);
    for (int side = 0; side < TORTURE_SIDES; side++) {
        if (polls[side].revents != 0)
            accept_guest(scene, side);
    }
}

/* The time at which the tool gives a case up. */
static uint64_t give_up_ns(const struct scene *scene)
{
    const struct options *options = scene->options;

    return scene->begun_ns + options->torture.hello_timeout_ns + options->load.timeout_ns;
}

void scene_open(struct scene *scene)
{
    const struct socket_address *target = &scene->options->ask.address;
    int on = 1;

    scene_leave(scene);
    drop_waiting(scene);
    scene->end = SCENE_OPEN;
    scene->blind = false;
    scene->sent_len = 0;
    scene->received = 0;
    scene->corrupt = false;
    scene->unreachable = false;
    scene->banner_bytes = 0;
    scene->speech_bytes = 0;
    scene->guests_end_first = false;
    memset(&scene->banner, 0, sizeof scene->banner);
    scene->begun_ns = clock_now_ns();
    if (scene->played_ns == 0)
        scene->played_ns = scene->begun_ns;
    int fd = socket(target->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    scene->client = fd;
    if (target->storage.ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&target->storage, target->len) == 0)
        return;
    struct pollfd poll = {.fd = fd, .events = POLLOUT};
    struct timespec wait = {(time_t)(scene->options->load.timeout_ns / NS_PER_S),
                            (long)(scene->options->load.timeout_ns % NS_PER_S)};
    int error = errno;
    socklen_t len = sizeof error;
    if (error == EINPROGRESS && ppoll(&poll, 1, &wait, NULL) == 1)
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == 0)
        return;
    scene->unreachable = true;
    scene_blame(scene, "cannot connect: %s", strerror(error == EINPROGRESS ? ETIMEDOUT : error));
    note_end(scene, SCENE_RESET);
}

void scene_send(struct scene *scene, const uint8_t *bytes, size_t len)
{
    uint64_t until_ns = give_up_ns(scene);

    /* A backend that has ended does not keep the client from sending. */
    while (len > 0 && scene->end != SCENE_RESET && clock_now_ns() < until_ns) {
        ssize_t sent = send(scene->client, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            /* Bytes that the router sent before it closed are read first. */
            for (uint64_t before = UINT64_MAX; before != scene->received;) {
                before = scene->received;
                hear_client(scene);
            }
            note_end(scene, SCENE_RESET);
            return;
        }
        if (sent < 0) {
            turn(scene, until_ns, true);
            continue;
        }
        if (scene->sent_len + (size_t)sent <= TORTURE_FLIGHT_BYTES)
            memcpy(scene->sent + scene->sent_len, bytes, (size_t)sent);
        scene->sent_len += (size_t)sent;
        bytes += sent;
        len -= (size_t)sent;
    }
}

void scene_pause(struct scene *scene, uint64_t ns)
{
    uint64_t until_ns = clock_now_ns() + ns;

    do {
        turn(scene, until_ns, false);
    } while (scene->end == SCENE_OPEN && clock_now_ns() < until_ns);
}

void scene_fin(struct scene *scene)
{
    (void)shutdown(scene->client, SHUT_WR);
}

void scene_reset(struct scene *scene)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(scene->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(scene->client);
    scene->client = -1;
    scene->end = SCENE_LEFT;
}

bool scene_wait(struct scene *scene, bool (*done)(const struct scene *scene))
{
    uint64_t until_ns = give_up_ns(scene);

    while (!done(scene)) {
        if (clock_now_ns() >= until_ns)
            return false;
        turn(scene, until_ns, false);
    }
    return true;
}

bool scene_has_end(const struct scene *scene)
{
    return scene->end != SCENE_OPEN;
}

bool scene_is_delivered(const struct scene *scene)
{
    for (size_t i = 0; i < scene->guest_count; i++) {
        if (scene->guests[i].len >= scene->sent_len && scene->banner_bytes > 0)
            return true;
    }
    return false;
}

bool scene_is_decided(const struct scene *scene)
{
    return scene_is_delivered(scene) || scene_has_end(scene);
}

bool scene_is_deserted(const struct scene *scene)
{
    for (size_t i = 0; i < scene->guest_count; i++) {
        if (scene->guests[i].fd >= 0)
            return false;
    }
    return true;
}
