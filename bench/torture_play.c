/*
 * The ways to send a case's bytes.
 *
 * When the bytes reach a backend, a play goes on until the backend has all of them and the client
 * has the banner. Then the client sends a little more, to see that the connection is alive.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/torture.h"

/* Bytes that the client sends after the banner; bytes that the backend sends to a slow reader. */
#define MORE_BYTES   64u
#define BEHIND_BYTES 65536u
#define SPEECH_BYTES (8ull << 20)
#define CROWD        200

/* How many pauses a play waits for bytes that reach a backend although they should not. */
#define LATE_PAUSES 5

static uint64_t gap_ns(const struct scene *scene)
{
    return scene->options->torture.gap_ns;
}

/*
 * After the last byte: waits for the decision, then sends more bytes if a backend got the first
 * ones.
 */
static void settle(struct scene *scene)
{
    uint8_t more[MORE_BYTES];

    scene_wait(scene, scene_is_decided);
    if (scene_is_delivered(scene) && !scene_has_end(scene)) {
        memset(more, 'm', sizeof more);
        scene_send(scene, more, sizeof more);
        scene_wait(scene, scene_is_decided);
        return;
    }
    if (scene->end == SCENE_OPEN)
        return;
    scene_pause(scene, gap_ns(scene));
}

static void send_rest(struct scene *scene, const struct flight *flight, size_t at)
{
    scene_send(scene, flight->bytes + at, flight->len - at);
}

/* Sends the first `at` bytes, then pauses so that they travel alone. */
static void send_part(struct scene *scene, const struct flight *flight, size_t at)
{
    scene_send(scene, flight->bytes, at);
    scene_pause(scene, gap_ns(scene));
}

void play_whole(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    send_rest(scene, flight, 0);
    settle(scene);
}

static size_t cut_of(const struct flight *flight)
{
    return flight->cut > 0 ? flight->cut : flight->len / 2;
}

void play_in_two(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    send_part(scene, flight, cut_of(flight));
    send_rest(scene, flight, cut_of(flight));
    settle(scene);
}

void play_cut_everywhere(struct scene *scene, const struct flight *flight)
{
    for (size_t at = 1; at < flight->len; at++) {
        struct torture_outcome outcome;
        scene_open(scene);
        send_part(scene, flight, at);
        send_rest(scene, flight, at);
        scene_wait(scene, scene_is_decided);
        scene_judge(scene, &outcome);
        if (outcome.end != TORTURE_ROUTED || outcome.problem[0] != '\0') {
            scene_blame(scene, "first at byte %zu of %zu", at, flight->len);
            return;
        }
    }
}

/*
 * Sends byte by byte, one every `gap`, until all are sent, the connection has ended, or time is
 * over.
 */
static void drip(struct scene *scene, const struct flight *flight, uint64_t gap, uint64_t for_ns)
{
    for (size_t at = 0; at < flight->len && !scene_has_end(scene); at++) {
        uint64_t now_ns = clock_now_ns() - scene->begun_ns;
        uint64_t due_ns = at * gap;
        if (now_ns >= for_ns)
            return;
        if (now_ns < due_ns)
            scene_pause(scene, due_ns - now_ns);
        scene_send(scene, flight->bytes + at, 1);
    }
}

/* The whole hello, in little more than half of the time it may take. */
void play_drip(struct scene *scene, const struct flight *flight)
{
    uint64_t hello_ns = scene->options->torture.hello_timeout_ns;

    scene_open(scene);
    drip(scene, flight, hello_ns * 6 / 10 / flight->len, CLOCK_NEVER);
    settle(scene);
}

/* Every byte follows the one before soon, but the whole hello would take ten times too long. */
void play_endless_drip(struct scene *scene, const struct flight *flight)
{
    const struct options *options = scene->options;
    uint64_t for_ns = options->torture.hello_timeout_ns + options->load.timeout_ns;

    scene_open(scene);
    drip(scene, flight, options->torture.hello_timeout_ns * 10 / flight->len, for_ns);
    scene_wait(scene, scene_has_end);
}

void play_silence(struct scene *scene, const struct flight *flight)
{
    (void)flight;
    scene_open(scene);
    scene_wait(scene, scene_has_end);
}

void play_nothing_fin(struct scene *scene, const struct flight *flight)
{
    (void)flight;
    scene_open(scene);
    scene_fin(scene);
    scene_wait(scene, scene_has_end);
}

void play_half(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    scene_send(scene, flight->bytes, cut_of(flight));
    scene_wait(scene, scene_has_end);
}

void play_half_fin(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    scene_send(scene, flight->bytes, cut_of(flight));
    scene_fin(scene);
    scene_wait(scene, scene_has_end);
}

static bool has_guest(const struct scene *scene)
{
    return scene->guest_count > 0;
}

/* The client will hear nothing, so the play waits whether a backend is reached. */
void play_half_reset(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    send_part(scene, flight, cut_of(flight));
    scene_reset(scene);
    for (int i = 0; i < LATE_PAUSES && !has_guest(scene); i++)
        scene_pause(scene, gap_ns(scene));
}

static bool has_trailer(const struct scene *scene)
{
    return scene_has_end(scene) ||
           (scene->banner_bytes > 0 && scene->received >= scene->banner_bytes + WIRE_TRAILER_BYTES);
}

/* The client's end comes with the hello; the backend sees both, and its answer comes back. */
void play_fin(struct scene *scene, const struct flight *flight)
{
    struct wire_trailer trailer;

    scene_open(scene);
    send_rest(scene, flight, 0);
    scene_fin(scene);
    bool answered = scene_wait(scene, has_trailer);
    if (scene->banner_bytes == 0)
        return;
    bool whole = scene->received == scene->banner_bytes + WIRE_TRAILER_BYTES &&
                 wire_read_trailer(scene->head + scene->banner_bytes, &trailer);
    if (!answered)
        scene_blame(scene, "the client's FIN did not reach the backend");
    else if (!whole)
        scene_blame(scene, "the backend's answer to the FIN did not reach the client");
    else if (!scene_wait(scene, scene_has_end))
        scene_blame(scene, "the backend's FIN did not reach the client");
}

/* When the client resets, the router must end its backend connection as well. */
void play_reset(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    send_rest(scene, flight, 0);
    scene_wait(scene, scene_is_decided);
    if (!scene_is_delivered(scene))
        return;
    scene_reset(scene);
    if (!scene_wait(scene, scene_is_deserted))
        scene_blame(scene, "the backend connection outlives the client's reset");
}

/* The backend sends its FIN first; bytes that the client sends after it must arrive. */
void play_server_fin(struct scene *scene, const struct flight *flight)
{
    uint8_t piece[4096];

    scene_open(scene);
    scene->guests_end_first = true;
    send_rest(scene, flight, 0);
    scene_wait(scene, scene_has_end);
    if (!scene_is_delivered(scene))
        return;
    if (!scene_has_end(scene)) {
        scene_blame(scene, "the backend's FIN did not reach the client");
        return;
    }
    memset(piece, 'b', sizeof piece);
    for (size_t sent = 0; sent < BEHIND_BYTES && scene->end == SCENE_FIN; sent += sizeof piece)
        scene_send(scene, piece, sizeof piece);
    scene_fin(scene);
    scene_wait(scene, scene_is_deserted);
}

static bool is_stuck_or_spoken(const struct scene *scene)
{
    return scene->guest_count > 0 && scene->guests[0].greeted && scene->guests[0].to_speak == 0;
}

static bool has_all(const struct scene *scene)
{
    return scene_has_end(scene) ||
           (scene->banner_bytes > 0 && scene->received >= scene->banner_bytes + SPEECH_BYTES);
}

/* The backend sends much, and the client reads nothing until the backend cannot send any more. */
void play_slow_reader(struct scene *scene, const struct flight *flight)
{
    scene_open(scene);
    scene->speech_bytes = SPEECH_BYTES;
    scene->blind = true;
    send_rest(scene, flight, 0);
    uint64_t spoken = UINT64_MAX;
    scene_wait(scene, has_guest);
    while (!is_stuck_or_spoken(scene) && has_guest(scene) && spoken != scene->guests[0].spoken) {
        spoken = scene->guests[0].spoken;
        scene_pause(scene, 50 * gap_ns(scene));
    }
    scene->blind = false;
    scene_wait(scene, has_all);
    if (has_guest(scene) && scene->received < scene->banner_bytes + SPEECH_BYTES)
        scene_blame(scene, "the client got %llu of %llu bytes",
                    (unsigned long long)(scene->received - scene->banner_bytes), SPEECH_BYTES);
}

/* Silent connections must not keep a router from serving one that sends a hello. */
void play_crowd(struct scene *scene, const struct flight *flight)
{
    const struct socket_address *target = &scene->options->ask.address;
    int crowd[CROWD];

    for (int i = 0; i < CROWD; i++) {
        crowd[i] = socket(target->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (crowd[i] >= 0)
            (void)connect(crowd[i], (const struct sockaddr *)&target->storage, target->len);
    }
    play_whole(scene, flight);
    for (int i = 0; i < CROWD; i++) {
        if (crowd[i] >= 0)
            close(crowd[i]);
    }
}
