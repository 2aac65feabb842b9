/*
 * `hello`: what the router sees in a captured ClientHello. A file holds the first bytes a client
 * sent, raw, from the first record header on; what follows the hello does not matter.
 */

#include "router/cli/command_line.h"
#include "router/cli/command_output.h"
#include "router/cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/text/terminal.h"
#include "config/text/units.h"
#include "sni/hello.h"
#include "sni/looks.h"

#define LIMIT_MAX 0xffffffu /* a handshake length has 24 bits */

struct hello_options {
    uint32_t limit;
    bool json;
};

static int set_limit(struct hello_options *options, const char *value)
{
    struct problem problem;

    if (!units_exact_size(value, &options->limit, &problem))
        return command_refuse(COMMAND_HELLO, "--limit: '%s': %s", value, problem.text);
    if (options->limit == 0 || options->limit > LIMIT_MAX)
        return command_refuse(COMMAND_HELLO, "--limit: '%s' is not within 1 and %u bytes", value,
                              LIMIT_MAX);
    return 0;
}

/* "TLSv1.3", or "0x7f12" for a version without a name; `spare` holds the latter. */
static const char *version_word(uint16_t version, char spare[8])
{
    const char *word = hello_version_word(version);

    if (word != NULL)
        return word;
    snprintf(spare, 8, "0x%04x", version);
    return spare;
}

static const char *name_word(enum hello_name name)
{
    switch (name) {
    case HELLO_NAME_HOST:
        return "host";
    case HELLO_NAME_IP:
        return "ip";
    case HELLO_NAME_NONE:
        break;
    }
    return "none";
}

static void write_lists(struct json_writer *text, const struct client_hello *hello, bool whole)
{
    struct hello_alpn position = {0};
    uint8_t protocol[255], length;
    char spare[8];

    json_writer_key(text, "alpn");
    json_writer_open(text, '[');
    while (whole && hello_alpn_next(hello, &position, protocol, &length))
        json_writer_bytes(text, protocol, length);
    json_writer_close(text, ']');
    json_writer_key(text, "versions");
    json_writer_open(text, '[');
    for (size_t i = 0; whole && i < hello->version_count; i++)
        json_writer_word(text, version_word(hello->versions[i], spare));
    json_writer_close(text, ']');
}

static void print_json(const char *file, enum hello_result result, const struct client_hello *hello,
                       const char *looks)
{
    bool whole = result == HELLO_OK;
    struct json_writer text;
    char buffer[4096], spare[8];

    command_json_start(&text, buffer, sizeof buffer);
    json_writer_open(&text, '{');
    json_writer_key(&text, "file");
    json_writer_word(&text, file);
    json_writer_key(&text, "result");
    json_writer_word(&text, hello_result_word(result));
    json_writer_key(&text, "sni");
    json_writer_word(&text, whole && hello->name != HELLO_NAME_NONE ? hello->host : NULL);
    write_lists(&text, hello, whole);
    json_writer_key(&text, "ech");
    json_writer_bool(&text, whole && hello->ech);
    json_writer_key(&text, "bytes");
    json_writer_number(&text, hello->wire_bytes);
    json_writer_key(&text, "records");
    json_writer_number(&text, hello->records);
    if (whole) {
        json_writer_key(&text, "name");
        json_writer_word(&text, name_word(hello->name));
        json_writer_key(&text, "highest");
        json_writer_word(&text, version_word(hello->highest_version, spare));
        json_writer_key(&text, "early_data");
        json_writer_bool(&text, hello->early_data);
    } else if (result == HELLO_MORE) {
        json_writer_key(&text, "need");
        json_writer_number(&text, hello->need);
    } else {
        json_writer_key(&text, "why");
        json_writer_word(&text, hello->why);
    }
    if (looks != NULL) {
        json_writer_key(&text, "looks");
        json_writer_word(&text, looks);
    }
    json_writer_close(&text, '}');
    command_json_end(&text);
}

/* Protocol names are any bytes: the same escapes as in the JSON, without its quotes. */
static void print_protocol(const uint8_t *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '\\')
            fputs("\\\\", stdout);
        else if (name[i] >= 0x20 && name[i] < 0x7f)
            putchar(name[i]);
        else
            printf("\\x%02x", name[i]);
    }
}

static void print_whole(const struct client_hello *hello)
{
    struct hello_alpn position = {0};
    uint8_t protocol[255], length;
    const char *between = "";
    char spare[8];

    printf("  name        %s%s\n", hello->name == HELLO_NAME_NONE ? "none" : hello->host,
           hello->name == HELLO_NAME_IP ? " (an IP address: matches no route)" : "");
    fputs("  alpn        ", stdout);
    while (hello_alpn_next(hello, &position, protocol, &length)) {
        fputs(between, stdout);
        print_protocol(protocol, length);
        between = ", ";
    }
    printf("%s\n  versions    ", *between != '\0' ? "" : "none");
    for (size_t i = 0; i < hello->version_count; i++)
        printf("%s%s", i > 0 ? ", " : "", version_word(hello->versions[i], spare));
    printf("\n  ech         %s\n", hello->ech ? "yes: the name above is the outer one" : "no");
    printf("  early data  %s\n", hello->early_data ? "yes" : "no");
    printf("  size        %u bytes in %u record%s\n", hello->wire_bytes, hello->records,
           hello->records == 1 ? "" : "s");
}

static void print_text(const char *file, enum hello_result result, size_t have,
                       const struct client_hello *hello, const char *looks)
{
    char shown[TERMINAL_SHOWN_MAX];

    printf("%s: %s", terminal_copy(file, shown, sizeof shown), hello_result_word(result));
    if (result == HELLO_MORE)
        printf(": %zu bytes are here, at least %zu are needed\n", have, hello->need);
    else if (result != HELLO_OK)
        printf(": %s\n", hello->why);
    else
        putchar('\n');
    if (result == HELLO_OK)
        print_whole(hello);
    if (looks != NULL)
        printf("  looks       %s\n", looks);
}

struct capture {
    uint8_t *bytes;
    size_t capacity, have;
    enum hello_result result;
    struct client_hello hello; /* points into `bytes` */
};

/*
 * Reads until the bytes can be judged or there are no more, as the router does: a hello that comes
 * through a pipe is answered when it is whole. False: errno says why they cannot be read.
 */
static bool read_hello(int fd, uint32_t limit, struct capture *capture)
{
    ssize_t got;

    do {
        capture->result = hello_parse(capture->bytes, capture->have, limit, &capture->hello);
        if (capture->result != HELLO_MORE || capture->have == capture->capacity)
            return true;
        got = read(fd, capture->bytes + capture->have, capture->capacity - capture->have);
        if (got > 0)
            capture->have += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

static int judge(const char *file, const struct hello_options *options, struct capture *capture)
{
    int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    const char *looks = NULL;

    if (fd < 0 || !read_hello(fd, options->limit, capture)) {
        int error = errno;
        if (error == ENOENT)
            command_complain(COMMAND_HELLO,
                             "%s: no such file (what a client sent is read from a file, or - for "
                             "standard input)",
                             file);
        else
            command_complain(COMMAND_HELLO, "%s: cannot read: %s", file, strerror(error));
        if (fd > STDERR_FILENO)
            (void)close(fd);
        return error == EACCES || error == EPERM ? EX_NOPERM : EX_NOINPUT;
    }
    if (fd != STDIN_FILENO)
        (void)close(fd);
    if (capture->result == HELLO_NOT_TLS)
        looks = looks_word(looks_of(capture->bytes, capture->have));
    if (options->json)
        print_json(file, capture->result, &capture->hello, looks);
    else
        print_text(file, capture->result, capture->have, &capture->hello, looks);
    return capture->result == HELLO_OK ? 0 : COMMAND_EXIT_NO;
}

static int look_at(const char *file, const struct hello_options *options)
{
    struct capture capture = {.capacity = hello_wire_limit(options->limit)};
    int code;

    capture.bytes = malloc(capture.capacity);
    if (capture.bytes == NULL) {
        command_complain(COMMAND_HELLO, "%s: out of memory", file);
        return EX_OSERR;
    }
    code = judge(file, options, &capture);
    free(capture.bytes);
    return code;
}

int command_hello(int argc, char **argv)
{
    struct hello_options options = {.limit = HELLO_LIMIT_DEFAULT};
    struct command_reader reader;
    enum option_id option;
    int worst = 0;

    command_reader_start(&reader, COMMAND_HELLO, argc, argv);
    while ((option = command_next(&reader)) != OPTION_END) {
        if (option == OPTION_STOP)
            return reader.exit_code;
        options.json |= option == OPTION_JSON;
        if (option == OPTION_LIMIT && set_limit(&options, reader.value) != 0)
            return EX_USAGE;
    }
    for (int i = 0; i < reader.operand_count; i++) {
        int code = look_at(reader.operands[i], &options);

        worst = code > worst ? code : worst;
        if (command_finish(COMMAND_HELLO, 0) != 0) /* in step with the messages on stderr */
            return EX_OSERR;
    }
    return worst;
}
