#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

/*
 * From JSON text to a struct config, or to all errors at once. The stages:
 *
 *   text -> marks -> tree -> fields -> config -> table
 *
 *   | stage  | files                 | in                    | out                            |
 *   |--------|-----------------------|-----------------------|--------------------------------|
 *   | text   | load_file,            | a file, stdin, or     | bytes                          |
 *   |        | load_command_line     | --listen and --route  |                                |
 *   | marks  | json_scan, json_token,| bytes                 | offset of every value, or the  |
 *   |        | foreign               |                       | one syntax error (RFC 8259)    |
 *   | tree   | json_tree (cJSON)     | bytes and marks       | a tree per section or list     |
 *   |        |                       |                       | item, with offsets             |
 *   | fields | fields (the table of  | a tree and its row in | C values, "did you mean",      |
 *   |        | keys), field_read,    | the table             | defaults                       |
 *   |        | text_value, address,  |                       |                                |
 *   |        | network, text/        |                       |                                |
 *   | config | load, loader,         | C values              | struct config; names have      |
 *   |        | load_servers,         |                       | become indexes                 |
 *   |        | load_inline,          |                       |                                |
 *   |        | load_routes, name_index |                     |                                |
 *   | table  | route_build,          | routes and their host | route_table, or the routes     |
 *   |        | route_conflicts       | patterns              | that could tie                 |
 *   | lint   | lint, lint_document,  | a struct config       | warnings                       |
 *   |        | lint_shadowed         | without errors        |                                |
 *
 * What was meant by what is wrong is looked for apart from reading: field_unknown and hints (keys
 * and words of other programs), field_parts, address_explain, host_explain, text/units_explain.
 *
 * Every stage tells finding.h what is wrong and where (byte offset and sentence); diagnostics.h
 * keeps, sorts and prints it. The same table of keys makes the JSON Schema (fields_schema.h) and
 * the reference (docs/configuration.md). route_match and route_table look names up in the result.
 *
 * cJSON writes a process-global on every parse: one thread at a time. (The router's first
 * configuration is read before there are threads, all later ones by one thread.)
 */

#include <stddef.h>

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/files.h"

/*
 * Reads text. Returns the configuration, or NULL when there was an error; warnings alone do not
 * prevent it. `file` is only a name, for messages. The text may be freed afterwards.
 */
struct config *config_load_text(const char *text, size_t len, const char *file,
                                struct diagnostics *found);

/*
 * The same for a text that a program has made up: what messages say about lines would mean nothing
 * to the operator and is left out of them. The diagnostics have positions all the same.
 */
struct config *config_load_made_up(const char *text, size_t len, const char *file,
                                   struct diagnostics *found);

enum config_read { CONFIG_READ_OK, CONFIG_READ_INVALID, CONFIG_READ_ABSENT, CONFIG_READ_FAILED };

/*
 * Reads a file ("-" = stdin). CONFIG_READ_OK sets *out. CONFIG_READ_INVALID: `found` has the
 * errors. CONFIG_READ_ABSENT: no such file. CONFIG_READ_FAILED: it was unreadable, *error is
 * the errno. `files` gets every file that was read or could not be; NULL: nobody wants to know.
 */
enum config_read config_load_file(const char *file, struct config_files *files, struct config **out,
                                  struct diagnostics *found, int *error);

/*
 * Builds the configuration that `run --listen A --route HOST=SERVER` stands for, by writing it as
 * JSON and loading that, so every rule holds for it too. Several servers: HOST=S1,S2.
 */
struct config *config_load_arguments(const char *const *listens, size_t listen_count,
                                     const char *const *routes, size_t route_count,
                                     struct diagnostics *found);

#endif
