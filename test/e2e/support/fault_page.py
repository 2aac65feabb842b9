"""docs/errors.md, made of the rows in fault_rows.py."""

from support.fault_rows import MANUAL, SITES, rows_of

INTRODUCTION = """\
# When a system call fails

Every error that the manual pages (section 2, man-pages 6.03) name for these calls, and some that
sockets and filters answer beside them: whose trouble the router takes it for, what follows, and
what the error log says. The test `e2e_faults` injects each into the router, compares, has the next
client served, and looks for descriptors that are left. It writes this page as well
(`test/e2e/faults.py LIBRARY --print`).

An error is not one thing:

- **The client's, the server's**: their connection ends, and the access log says why.
- **This host's**: it is gone around. Another address, another server, or without what was asked.
- **Ours, for now**: as little as possible ends, and it is tried again.
- **Ours, for good**: it is said. The router does not start, or the reload changes nothing.
- **A mistake of ours**: it cannot happen, since the descriptor is a socket and the arguments are
  right, unless a filter forbids the call. A connection is cut so that neither side takes that for
  an end.

The router goes on in every row but those that say otherwise. In brackets stands the `reason` of the
access log; `...` stands for what differs. A call that was interrupted (`EINTR`) is made again.
Warnings that clients can cause are said at most once in 10 s per worker, the same trouble of a
listener once a minute. That a server begins to fail is said of this host's troubles as well, once
for each server until it works again.
"""

# What follows, by the word of the row; {} is the reason, or the exit code.
OUTCOMES = {
    "served": "the connection goes on",
    "another": "the next address or server; when there is none, the client is refused ({})",
    "refused": "the client is refused ({})",
    "closed": "the client is closed ({})",
    "cut": "both sides are reset ({})",
    "client_gone": "the client counts as gone, the server is reset ({})",
    "server_gone": "the server counts as gone, the client is reset ({})",
    "ended": "the client gets an end instead of a reset ({})",
    "reopened": "the socket is closed and another one opened; then clients are served again",
    "pauses": "accepting pauses, for 50 ms at a time; clients wait in the kernel's queue",
    "passed": "on to the next client",
    "not": "the reload is refused, the old configuration stays",
    "reloaded": "the reload takes place",
    "exit": "the router does not start: exit code {}",
    "starts": "the router starts",
    "aborts": "an assertion fails: the process ends (`SIGABRT`)",
    "opened": "the file is opened",
    "kept": "the file that is open is written to further on",
    "written": "the line is written",
    "lost": "the line is lost, and counted",
}


def outcome(row):
    word, _, rest = row.then.partition(" ")
    if word not in ("exit", "not") and rest:
        rest = f"`{rest}`"
    text = OUTCOMES[word].format(rest).replace(" ()", "")
    return text + (f"; {row.remark}" if row.remark else "")


def table(call):
    yield f"\n## {call}\n"
    yield "| where | errors | whose trouble | what follows | the error log |"
    yield "|---|---|---|---|---|"
    for name, site in SITES.items():
        if site.call != call:
            continue
        for row in rows_of(name):
            errors = " ".join(f"`{error}`" for error in row.errors.split())
            log = "" if row.log is None else "`" + row.log.replace("{error}", "ERROR") + "`"
            yield f"| {site.where} | {errors} | {row.whose} | {outcome(row)} | {log} |"


def page():
    lines = [line for call in MANUAL for line in table(call)]
    return INTRODUCTION + "\n".join(lines) + "\n"
