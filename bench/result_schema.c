/* The JSON Schema of a result, as it is printed. */

#include "bench/result.h"

/* One definition a line; {"$ref": "#/definitions/known"} is a number or null = not measured. */
static const char *const lines[] = {
    "{",
    "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",",
    "  \"title\": \"Result of an sni-bench run\",",
    "  \"type\": \"object\",",
    "  \"required\": [\"schema_version\", \"tool\", \"version\", \"mode\", \"command\", "
    "\"labels\",",
    "               \"started\", \"seconds\", \"clock\", \"valid\", \"reasons\",",
    "               \"limited_by_tool\", \"failed\", \"interrupted\", \"measures_latency\", "
    "\"tool_use\",",
    "               \"costs\", \"machine\", \"totals\", \"whole_run\", \"operations\", \"errors\", "
    "\"phases\", "
    "\"config\", "
    "\"environment\", "
    "\"series\",",
    "               \"samples\"],",
    "  \"additionalProperties\": false,",
    "  \"properties\": {",
    "    \"schema_version\": {\"const\": 1},",
    "    \"tool\": {\"const\": \"sni-bench\"},",
    "    \"version\": {\"type\": \"string\"},",
    "    \"mode\": {\"enum\": [\"conn\", \"bulk\", \"latency\", \"idle\"]},",
    "    \"command\": {\"type\": \"array\", \"items\": {\"type\": \"string\"},",
    "      \"description\": \"the command line, from the mode on\"},",
    "    \"labels\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}},",
    "    \"started\": {\"type\": \"string\", \"description\": \"UTC, RFC 3339\"},",
    "    \"seconds\": {\"type\": \"number\", \"description\": \"length of the measured window\"},",
    "    \"clock\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"},",
    "      \"required\": [\"begin_ns\", \"measure_ns\", \"end_ns\"],",
    "      \"description\": \"CLOCK_MONOTONIC: operation i of an open loop is due at",
    " begin_ns + i / rate; recorded are those due from measure_ns on and before measure_ns +",
    " config.duration_s. end_ns is when the counters of totals were read, a moment after that;",
    " 0 = they never were\"},",
    "    \"valid\": {\"type\": \"boolean\", \"description\": \"false: see reasons\"},",
    "    \"reasons\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}},",
    "    \"limited_by_tool\": {\"type\": \"boolean\", \"description\": \"one of the reasons is "
    "that",
    " the load tool itself was the limit: the costs hold, rates and latencies do not\"},",
    "    \"failed\": {\"type\": \"boolean\"},",
    "    \"interrupted\": {\"type\": \"boolean\"},",
    "    \"measures_latency\": {\"type\": \"boolean\", \"description\": \"open loop; in a closed",
    " loop the phase latency is the service time\"},",
    "    \"tool_use\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"number\"},",
    "      \"required\": [\"cpu\", \"pss_bytes\", \"kib_per_connection\", \"largest_slip_ns\"],",
    "      \"description\": \"the generator itself; cpu: busiest thread, 1 = always running\"},",
    "    \"costs\": {\"type\": \"object\", \"additionalProperties\": {\"$ref\":",
    "      \"#/definitions/known\"}, \"required\": [\"cpu_us_per_connection\",",
    "      \"cpu_us_per_request\", \"cpu_ms_per_gib\", \"cpu_share\", \"user_kib_per_connection\",",
    "      \"kernel_kib_per_connection\", \"socket_kib_per_connection\",",
    "      \"context_switches_per_operation\"], \"description\": \"what --pid spent\"},",
    "    \"machine\": {\"oneOf\": [{\"type\": \"null\"}, {\"type\": \"object\",",
    "      \"additionalProperties\": {\"$ref\": \"#/definitions/known\"}, \"required\":",
    "      [\"cpu_ns\", \"cpu_us_per_connection\", \"cpu_us_per_request\", \"cpu_ms_per_gib\",",
    "      \"tcp_timeouts\", \"tcp_pruned\", \"tcp_dropped\", \"tcp_pressures\",",
    "      \"tcp_retransmitted\"]}], \"description\": \"what the whole machine spent in the",
    " measured window, idle time excepted, and what happened to its TCP since before the first",
    " connection: retransmission timeouts, receive queues pruned for want of memory, segments",
    " dropped, times under memory pressure, segments sent again\"},",
    "    \"totals\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"number\"},",
    "      \"required\": [\"connections\", \"requests\", \"resumed\", \"held\", \"bytes_in\",",
    "      \"bytes_out\", \"connections_per_s\", \"requests_per_s\", \"in_bytes_per_s\",",
    "      \"out_bytes_per_s\"], \"description\": \"inside the measured window\"},",
    "    \"whole_run\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}},",
    "    \"operations\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"},",
    "      \"required\": [\"recorded\", \"unended\", \"unbegun\", \"left_out\"],",
    "      \"description\": \"conn and latency, scheduled inside the measurement. recorded: in",
    " phases.latency. unended: of these, no answer came; they are there with the time until they",
    " were given up, a lower bound. unbegun: of these, no connection was free; they have no",
    " service time. left_out: ended with an error (refused, reset, ..), in no percentile\"},",
    "    \"errors\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"},",
    "      \"description\": \"whole run, warm-up included, by reason\"},",
    "    \"phases\": {\"type\": \"object\", \"additionalProperties\": {\"$ref\":",
    "      \"#/definitions/phase\"}, \"required\": [\"latency\", \"service\", \"connect\",",
    "      \"first_reply\", \"slip\"]},",
    "    \"config\": {\"type\": \"object\", \"required\": [\"hello_bytes\", "
    "\"hello_bytes_least\"],",
    "      \"properties\": {\"hello_bytes\": {\"$ref\": \"#/definitions/known\", \"description\":",
    "      \"length of the ClientHello as it is sent, record headers included, with the longest "
    "name;",
    " hello_bytes_least: with the shortest; null: OpenSSL makes it\"}}},",
    "    \"environment\": {\"type\": \"object\"},",
    "    \"series\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/point\"}},",
    "    \"samples\": {\"oneOf\": [{\"type\": \"null\"}, {\"type\": \"object\",",
    "      \"required\": [\"before\", \"start\", \"end\"], \"additionalProperties\":",
    "      {\"type\": \"object\", \"additionalProperties\": {\"type\": [\"integer\", "
    "\"null\"]}}}]}",
    "  },",
    "  \"definitions\": {",
    "    \"known\": {\"type\": [\"number\", \"null\"]},",
    "    \"phase\": {\"type\": \"object\", \"additionalProperties\": false,",
    "      \"required\": [\"count\", \"min_ns\", \"max_ns\", \"mean_ns\", \"stddev_ns\", "
    "\"p50_ns\",",
    "      \"p90_ns\", \"p95_ns\", \"p99_ns\", \"p99_9_ns\", \"p99_99_ns\", \"histogram\"],",
    "      \"properties\": {\"count\": {\"type\": \"integer\"}, \"clamped\": {\"type\": "
    "\"integer\"},",
    "      \"min_ns\": {\"type\": \"integer\"}, \"max_ns\": {\"type\": \"integer\"},",
    "      \"mean_ns\": {\"type\": \"number\"}, \"stddev_ns\": {\"type\": \"number\"},",
    "      \"p50_ns\": {\"type\": \"integer\"}, \"p90_ns\": {\"type\": \"integer\"},",
    "      \"p95_ns\": {\"type\": \"integer\"}, \"p99_ns\": {\"type\": \"integer\"},",
    "      \"p99_9_ns\": {\"type\": \"integer\"}, \"p99_99_ns\": {\"type\": \"integer\"},",
    "      \"histogram\": {\"type\": \"array\", \"description\": \"[lowest value of the slot in "
    "ns,",
    " count]; HDR layout, lowest 1000, highest 3.6e12, 3 digits\",",
    "      \"items\": {\"type\": \"array\", \"items\": {\"type\": \"integer\"}, \"minItems\": 2,",
    "      \"maxItems\": 2}}}},",
    "    \"point\": {\"type\": \"object\", \"description\": \"one interval within one stage; the "
    "last",
    " one of a stage is as long as what was left of it. The points of the stage measuring add up "
    "to",
    " totals.\",",
    "      \"additionalProperties\": {\"type\": \"number\"},",
    "      \"required\": [\"stage\", \"at_s\", \"seconds\", \"opened\", \"connections\", "
    "\"requests\",",
    "      \"bytes_in\", \"bytes_out\", \"connections_per_s\", \"requests_per_s\",",
    "      \"in_bytes_per_s\", \"out_bytes_per_s\", \"errors\", \"active\", \"p50_ns\", "
    "\"p99_ns\",",
    "      \"max_ns\", \"slip_ns\"],",
    "      \"properties\": {",
    "      \"stage\": {\"enum\": [\"opening\", \"warm-up\", \"measuring\", \"ending\"]},",
    "      \"at_s\": {\"type\": \"number\", \"description\": \"its end, in seconds since the",
    " measurement began (negative before), or since the start of a run that never measured\"},",
    "      \"seconds\": {\"type\": \"number\", \"description\": \"its length\"},",
    "      \"opened\": {\"type\": \"integer\", \"description\": \"connections whose backend has",
    " answered in it\"},",
    "      \"connections\": {\"type\": \"integer\", \"description\": \"completed in it\"},",
    "      \"requests\": {\"type\": \"integer\"}, \"bytes_in\": {\"type\": \"integer\"},",
    "      \"bytes_out\": {\"type\": \"integer\"}, \"errors\": {\"type\": \"integer\"},",
    "      \"connections_per_s\": {\"type\": \"number\", \"description\": \"completed, or opened",
    " where they are kept (bulk, idle, latency)\"},",
    "      \"active\": {\"type\": \"integer\", \"description\": \"connections at its end\"},",
    "      \"p50_ns\": {\"type\": \"integer\", \"description\": \"of the latency of what was",
    " completed or timed out in it (service time in a closed loop); 0 = nothing was\"},",
    "      \"slip_ns\": {\"type\": \"integer\", \"description\": \"largest\"},",
    "      \"router_cpu\": {\"type\": \"number\", \"description\": \"of --pid, 1 = one CPU\"},",
    "      \"router_pss_bytes\": {\"type\": \"integer\", \"description\": \"read once a second",
    " and at the end of a stage\"},",
    "      \"router_rss_bytes\": {\"type\": \"integer\", \"description\": \"instead, where PSS",
    " may not be read\"}}}",
    "  }",
    "}"};

void result_print_schema(FILE *out)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fputs(lines[i], out);
        /* A line that begins inside a JSON string continues the line before. */
        size_t next = i + 1;
        bool joins =
            next < sizeof lines / sizeof lines[0] && lines[next][0] == ' ' && lines[next][1] != ' ';
        if (!joins)
            fputc('\n', out);
    }
}
