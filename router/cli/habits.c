#include "router/cli/habits.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define IN(command) (1u << COMMAND_##command)
#define BEFORE      (1u << COMMAND_COUNT)
#define START       (IN(RUN) | BEFORE)
#define EVERYWHERE  (BEFORE | (BEFORE - 1))
#define RELOAD_ADVICE                                                                              \
    "HUP has a running router read its file again: kill -HUP \"$(pidof sni-router)\""

/* As has_word() takes them. */
#define FILE_WORDS                                                                                 \
    " f C file conf conf-file configFile configfile config-file config-path configuration "

/* `words` begins and ends with a blank, so that a word is looked up with blanks around it. */
struct option_habit {
    const char *words;
    unsigned where;
    const char *advice;
};

static const struct option_habit option_habits[] = {
    {FILE_WORDS, IN(RUN), "did you mean \"--config FILE\"?"},
    {FILE_WORDS "c config ", IN(CHECK), "the file stands alone: sni-router check FILE"},
    {FILE_WORDS "c config ", IN(EXPLAIN), "the file stands alone: sni-router explain FILE HOST"},
    {FILE_WORDS "c config ", IN(HELLO), "the file stands alone: sni-router hello FILE"},
    {" sni host hostname servername server-name domain ", IN(EXPLAIN),
     "the host stands alone: sni-router explain FILE HOST"},
    {" path url uri header method ", IN(EXPLAIN),
     "TLS hides paths, headers and all else of HTTP from a router that does not decrypt"},
    {" client ip source src address ", IN(EXPLAIN), "did you mean \"--from IP\"?"},
    {" t T test check validate configtest dry-run ", START,
     "a file is checked by: sni-router check FILE"},
    {" s signal reload ", START, RELOAD_ADVICE},
    {" w watch auto-reload ", START,
     "the file is watched, unless it says \"reload\": { \"watch\": false }"},
    {" d D W Ws bg daemon daemonize detach background ", START,
     "the router stays in the foreground: a service manager, or & at the end of the line, puts it "
     "into the background"},
    {" pid pidfile pid-file ", START, "the router stays in the foreground and writes no pid file"},
    {" u user group chroot ", START, "start it as that user"},
    {" p b port bind address addr listen-address entryPoints entrypoints entrypoint ", START,
     "where to listen is --listen ADDRESS, or \"listeners\" in the file"},
    {" backend backends server servers upstream target from to sni host hostname domain ", START,
     "what goes where is --route HOST=SERVER, or \"routes\" in the file"},
    {" cert certs certificate key ca tls ssl ", START,
     "nothing is decrypted, so no certificate or key is needed"},
    {" workers threads nbthread ", START, "\"workers\" is a key of the file"},
    {" level log-level loglevel log.level verbose debug ", START,
     "in the file: \"log\": { \"level\": \"debug\" }"},
    {" log logfile log-file log-path access-log accesslog ", START,
     "in the file: \"log\": { \"access\": { \"path\": \"/PATH\" } }"},
    {" timeout timeouts idle-timeout connect-timeout ", START, "\"timeouts\" is a key of the file"},
    {" n maxconn max-connections connections ", START,
     "in the file: \"limits\": { \"connections\": NUMBER }"},
    {" default fallback default-backend ", START, "in the file: \"default\": \"10.0.0.5:443\""},
    {" metrics stats status admin api dashboard ", START,
     "this version has no metrics and no admin interface: its logs tell what it does"},
    {" send-proxy proxy-protocol accept-proxy ", START,
     "this version does not speak the PROXY protocol"},
    {" v vv V version ", EVERYWHERE, "the version is printed by: sni-router --version"},
};

struct command_habit {
    const char *words;
    enum command_id command; /* COMMAND_COUNT: see the advice */
    const char *advice;
};

static const struct command_habit command_habits[] = {
    {" start serve server up launch daemon ", COMMAND_RUN, NULL},
    {" proxy reverse-proxy forward ", COMMAND_COUNT,
     "did you mean \"sni-router run --listen :443 --route HOST=SERVER\"?"},
    {" adapt convert import ", COMMAND_COUNT,
     "files of other programs are not converted: sni-router.json(5) has an example"},
    {" test validate configtest verify lint config ", COMMAND_CHECK, NULL},
    {" route routes match trace where which lookup ", COMMAND_EXPLAIN, NULL},
    {" dump parse sniff clienthello client-hello ", COMMAND_HELLO, NULL},
    {" json-schema ", COMMAND_SCHEMA, NULL},
    {" reload ", COMMAND_COUNT, RELOAD_ADVICE},
    {" stop quit shutdown drain exit kill ", COMMAND_COUNT,
     "TERM ends a running router: kill \"$(pidof sni-router)\""},
    {" restart ", COMMAND_COUNT,
     "end it with TERM and run it again; when only its file has changed, HUP is enough: kill -HUP "
     "\"$(pidof sni-router)\""},
    {" upgrade ", COMMAND_COUNT,
     "USR2 has a running router start its file anew and hand over to it: kill -USR2 \"$(pidof "
     "sni-router)\""},
    {" reopen rotate ", COMMAND_COUNT,
     "USR1 has it open its access log again: kill -USR1 \"$(pidof sni-router)\""},
    {" status stats metrics top show info list conns connections backends admin ", COMMAND_COUNT,
     "this version cannot be asked while it runs: its logs tell what it does"},
};

static bool has_word(const char *words, const char *word)
{
    char between_blanks[40];
    int len = snprintf(between_blanks, sizeof between_blanks, " %s ", word);

    return word[0] != '\0' && strchr(word, ' ') == NULL && len < (int)sizeof between_blanks &&
           strstr(words, between_blanks) != NULL;
}

const char *habit_of_option(enum command_id command, const char *name)
{
    char section[40]; /* of "entryPoints.web.address" */

    for (size_t i = 0; i < sizeof option_habits / sizeof option_habits[0]; i++) {
        const struct option_habit *habit = &option_habits[i];

        if ((habit->where & 1u << command) != 0 && has_word(habit->words, name))
            return habit->advice;
    }
    int len = snprintf(section, sizeof section, "%.*s", (int)strcspn(name, "."), name);
    return len < (int)strlen(name) && len < (int)sizeof section ? habit_of_option(command, section)
                                                                : NULL;
}

enum command_id habit_of_command(const char *word, const char **advice)
{
    *advice = NULL;
    for (size_t i = 0; i < sizeof command_habits / sizeof command_habits[0]; i++) {
        const struct command_habit *habit = &command_habits[i];

        if (!has_word(habit->words, word))
            continue;
        *advice = habit->advice;
        return habit->command;
    }
    return COMMAND_COUNT;
}

bool habit_names_file(const char *name)
{
    return has_word(FILE_WORDS "c config ", name);
}
