/* What has happened on the stage, as one outcome. */

#include <string.h>

#include "bench/clock.h"
#include "bench/torture.h"

/* A TLS alert record: type 21, version 3.x, two bytes, the second of which is the alert. */
static bool is_alert(const struct scene *scene)
{
    const uint8_t *head = scene->head;

    return scene->received >= 7 && head[0] == 21 && head[1] == 3 && head[3] == 0 && head[4] == 2;
}

/* Connections that carried bytes; a health check of the router carries none. */
static size_t count_guests(const struct scene *scene)
{
    size_t count = 0;

    for (size_t i = 0; i < scene->guest_count; i++)
        count += scene->guests[i].len > 0;
    return count;
}

/* The backend connection that bytes came through on, or NULL. */
static const struct guest *find_guest(const struct scene *scene)
{
    for (size_t i = 0; i < scene->guest_count; i++) {
        if (scene->guests[i].len > 0)
            return &scene->guests[i];
    }
    return NULL;
}

static enum torture_end find_end(const struct scene *scene)
{
    const struct guest *guest = find_guest(scene);

    if (guest != NULL)
        return guest->side == 0 ? TORTURE_ROUTED : TORTURE_OTHER;
    if (scene->end == SCENE_LEFT)
        return TORTURE_ALONE;
    if (is_alert(scene))
        return TORTURE_ALERT;
    if (scene->received > 0)
        return TORTURE_ANSWERED;
    if (scene->end == SCENE_OPEN)
        return TORTURE_HELD;
    return scene->end == SCENE_FIN ? TORTURE_CLOSED : TORTURE_RESET;
}

/* Compares the bytes that a backend has received with those that were sent. */
static void compare(const struct scene *scene, const struct guest *guest, char *text, size_t cap)
{
    size_t len = guest->len < scene->sent_len ? guest->len : scene->sent_len;
    size_t at = 0;

    if (len > TORTURE_FLIGHT_BYTES)
        len = TORTURE_FLIGHT_BYTES;
    while (at < len && guest->bytes[at] == scene->sent[at])
        at++;
    if (at < len)
        snprintf(text, cap, "the backend got another byte %zu", at);
    else if (guest->len < scene->sent_len)
        snprintf(text, cap, "the backend got %zu of %zu bytes", guest->len, scene->sent_len);
    else if (guest->len > scene->sent_len)
        snprintf(text, cap, "the backend got %zu bytes, sent were %zu", guest->len,
                 scene->sent_len);
}

void scene_judge(const struct scene *scene, struct torture_outcome *outcome)
{
    const struct guest *guest = find_guest(scene);

    memset(outcome, 0, sizeof *outcome);
    outcome->ns = clock_now_ns() - scene->played_ns;
    outcome->end = find_end(scene);
    outcome->unreachable = scene->unreachable;
    outcome->alert = outcome->end == TORTURE_ALERT ? scene->head[6] : 0;
    snprintf(outcome->problem, sizeof outcome->problem, "%s", scene->problem);
    char *problem = outcome->problem;
    size_t cap = sizeof outcome->problem;
    if (problem[0] != '\0')
        return;
    if (guest != NULL)
        compare(scene, guest, problem, cap);
    if (problem[0] == '\0' && guest != NULL && scene->end != SCENE_LEFT && scene->banner_bytes == 0)
        snprintf(problem, cap, "the backend's answer did not reach the client");
    if (problem[0] == '\0' && scene->corrupt)
        snprintf(problem, cap, "the client got other bytes than the backend sent");
    if (problem[0] == '\0' && count_guests(scene) > 1)
        snprintf(problem, cap, "%zu connections to backends", count_guests(scene));
    if (problem[0] == '\0' && outcome->end == TORTURE_ALERT && scene->end == SCENE_OPEN)
        snprintf(problem, cap, "left open after the alert");
}
