/* The progress line of a verify run, and its result as text. */

#include "bench/verify.h"
#include "config/text/units.h"

struct fault_row {
    const char *word;
    const char *sentence;
};

static const struct fault_row fault_rows[VERIFY_FAULTS] = {
    [VERIFY_MISROUTED] = {"misrouted", "another backend answered"},
    [VERIFY_CORRUPT] = {"corrupt", "a byte differs"},
    [VERIFY_TRUNCATED] = {"truncated", "ended before the last byte"},
    [VERIFY_DROPPED] = {"dropped", "refused, reset, or closed without an answer"},
    [VERIFY_STALLED] = {"stalled", "nothing moved for --timeout"},
};

static const char *const kind_words[VERIFY_KINDS + 1] = {
    [VERIFY_HALF_CLOSE] = "half_close",
    [VERIFY_COUNTED] = "counted",
    [VERIFY_UP] = "up",
    [VERIFY_DOWN] = "down",
    [VERIFY_EARLY_FIN] = "early_fin",
    [VERIFY_LONG] = "long",
};

const char *verify_fault_word(enum verify_fault fault)
{
    return fault_rows[fault].word;
}

uint64_t verify_fault_count(const struct verify *verify)
{
    uint64_t sum = 0;

    for (int i = 0; i < VERIFY_FAULTS; i++)
        sum += verify->faults[i];
    return sum;
}

uint64_t verify_whole_count(const struct verify *verify)
{
    uint64_t sum = 0;

    for (int i = 0; i <= VERIFY_KINDS; i++)
        sum += verify->whole[i];
    return sum;
}

const char *verify_kind_word(int kind)
{
    return kind_words[kind];
}

const char *verify_weakness(const struct verify *verify)
{
    bool reloads = verify->options->verify.reload_cmd != NULL;

    if (verify_whole_count(verify) == 0)
        return "not one stream was whole";
    if (reloads && verify->reloads_failed > 0)
        return "--reload-cmd failed";
    if (reloads && verify->reloads == 0)
        return "--reload-cmd was never due: let it run longer than --reload-every";
    return NULL;
}

const char *verify_blindness(const struct verify *verify)
{
    if (verify->nameless == 0)
        return NULL;
    return "backends have no names: misroutes cannot be seen (start them with serve --names)";
}

bool verify_has_failed(const struct verify *verify)
{
    return verify_fault_count(verify) > 0 || verify_weakness(verify) != NULL;
}

void verify_print_progress(const struct verify *verify, uint64_t now_ns)
{
    char up[UNITS_TEXT];
    char down[UNITS_TEXT];

    if (verify->options->out.quiet)
        return;
    fprintf(stderr,
            "%s%5.0f s  %8llu whole  %5u open  %12s up  %12s down  %4llu reloads  %llu faults%s",
            verify->redraws ? "\r" : "", (double)(now_ns - verify->begun_ns) / 1e9,
            (unsigned long long)verify_whole_count(verify), verify->active,
            units_format_bytes((double)verify->bytes_up, up),
            units_format_bytes((double)verify->bytes_down, down),
            (unsigned long long)verify->reloads, (unsigned long long)verify_fault_count(verify),
            verify->redraws ? "\033[K" : "\n");
}

void verify_end_progress(const struct verify *verify)
{
    if (verify->redraws && !verify->options->out.quiet)
        fputc('\n', stderr);
}

double verify_seconds(const struct verify *verify)
{
    return (double)(verify->end_ns - verify->begun_ns) / 1e9;
}

static void print_verdict(const struct verify *verify, FILE *out)
{
    uint64_t faults = verify_fault_count(verify);
    const char *weakness = verify_weakness(verify);
    const char *blindness = verify_blindness(verify);

    fputc('\n', out);
    if (faults > 0)
        fprintf(out, "FAILED: %llu fault%s\n", (unsigned long long)faults, faults == 1 ? "" : "s");
    else if (weakness != NULL)
        fprintf(out, "FAILED: %s\n", weakness);
    else if (blindness == NULL)
        fprintf(out, "ok: 0 faults\n");
    if (blindness != NULL)
        fprintf(out, "NOT VALID: %s\n", blindness);
}

void verify_print(const struct verify *verify, FILE *out)
{
    char up[UNITS_TEXT];
    char down[UNITS_TEXT];

    fprintf(out, "verify %s, %.1f s, %u names%s\n\n", verify->options->ask.target,
            verify_seconds(verify), verify->names.count, verify->tls == NULL ? "" : ", TLS");
    fprintf(out, "  whole      %llu streams:", (unsigned long long)verify_whole_count(verify));
    for (int i = 0; i <= VERIFY_KINDS; i++)
        fprintf(out, " %llu %s%s", (unsigned long long)verify->whole[i], kind_words[i],
                i < VERIFY_KINDS ? "," : "\n");
    fprintf(out, "  exchanges  %llu on long-lived connections\n",
            (unsigned long long)verify->exchanges);
    fprintf(out, "  bytes      %s up, %s down\n", units_format_bytes((double)verify->bytes_up, up),
            units_format_bytes((double)verify->bytes_down, down));
    if (verify->options->verify.reload_cmd != NULL)
        fprintf(out, "  reloads    %llu done, %llu failed, %llu left out as one was running\n",
                (unsigned long long)verify->reloads, (unsigned long long)verify->reloads_failed,
                (unsigned long long)verify->reloads_late);
    if (verify->nameless > 0)
        fprintf(out, "  nameless   %llu answers of backends without a name\n",
                (unsigned long long)verify->nameless);
    fprintf(out, "\n");
    for (int i = 0; i < VERIFY_FAULTS; i++)
        fprintf(out, "  %-10s %-8llu %s\n", fault_rows[i].word,
                (unsigned long long)verify->faults[i], fault_rows[i].sentence);
    if (verify->note_count > 0)
        fprintf(out, "\n  the first %zu:\n", verify->note_count);
    for (size_t i = 0; i < verify->note_count; i++)
        fprintf(out, "  %8.3f s  %-10s %s\n", verify->notes[i].at_s,
                verify_fault_word(verify->notes[i].fault), verify->notes[i].text);
    print_verdict(verify, out);
}
