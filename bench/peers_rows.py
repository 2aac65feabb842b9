"""What bench/peers measures, and the bars.

A *price* is what the whole machine pays for one unit through a router, less what it pays without
one: CPU of all processes and of interrupts. *Own* is the CPU of the router's process alone.
"""

OURS, COPY, DIRECT = "sni-router", "sni-router-copy", "direct"
UNHELD = "sni-router-unheld"  # with "held": "off": what the bound on held memory costs
VARIANTS = (COPY, UNHELD)
RIVALS = ("haproxy", "nginx")  # the better of these is what a ratio is to
GENERATORS = ("sni-bench", "plain")
ROUNDS_MIN = 5  # fewer say too little about the noise to judge by

GIB = "CPU ms/GiB", "Gbit/s"
CONNECTION = "CPU µs/connection", "/s"
REQUEST = "CPU µs/request", "/s"


class Row:
    """A load whose price is asked for: its words for each generator, its units, its bars.

    The bars: at most so many times the better of the peers, by the upper bound of the interval.
    """

    def __init__(self, title, words, plain, units, price, own):
        self.title = title
        self.words = {"sni-bench": words, "plain": plain}
        self.unit, self.rate_unit = units
        self.bars = {"price": price, "own": own}
        # What is held for slow clients is bounded on the way down only.
        self.variants = VARIANTS if plain.startswith("down") else (COPY,)


PRICES = {
    "bulk-down-1": Row("bulk, 1 stream down", "bulk --dir down -c 1", "down -c 1", GIB, 0.20, 0.35),
    "bulk-down-16": Row("bulk, 16 streams down", "bulk --dir down -c 16", "down -c 16", GIB, 0.20,
                        0.35),
    "bulk-down-200": Row("bulk, 200 streams down", "bulk --dir down -c 200", "down -c 200", GIB,
                         0.20, 0.35),
    "bulk-up-16": Row("bulk, 16 streams up", "bulk --dir up -c 16", "up -c 16", GIB, 0.30, 0.40),
    "conn": Row("new connections: hello, 1 KiB back, close", "conn --max -c 64 --resp 1k",
                "conn -c 64 -s 1024", CONNECTION, 0.80, 0.85),
    "request-100": Row("requests on 64 connections, 100 B back",
                       "latency --max -c 64 --req 100 --resp 100", "request -c 64 -q 100 -s 100",
                       REQUEST, 0.90, 0.90),
    "request-16k": Row("requests on 64 connections, 16 KiB back",
                       "latency --max -c 64 --req 100 --resp 16k", "request -c 64 -q 100 -s 16384",
                       REQUEST, 0.90, 0.90),
}

# Open loops, by a generator and a backend of their own that run before all else.
# Ours may be above the better peer by no more than the interval.
LATENCIES = {
    "latency-1k": ("1,000 requests/s on 16 connections",
                   "latency --rate 1k -c 16 --req 100 --resp 1k"),
}
NEWCOMERS = "conn --rate 300 --resp 1k"
BESIDE = {f"new-beside-{count}": count for count in (0, 16, 200, 5000)}
# Above the same router without streams, in milliseconds, by the upper bound of the interval.
BESIDE_BARS = {"p50": 2.0, "p99": 15.0}

MEMORY = ("idle", "gone")
IDLE_KIB_MAX = 0.60  # PSS of an idle relaying connection
LEFT_KIB_MAX = 1024  # PSS that stays when the bulk connections have gone

# In a result: what happened to TCP, with a short word for each.
TROUBLES = (("tcp_timeouts", "timeouts"), ("tcp_pruned", "prunes"), ("tcp_dropped", "drops"),
            ("tcp_pressures", "pressures"), ("tcp_retransmitted", "retransmissions"))
TROUBLES_BARRED = 3  # the first of them must not happen at all

ALL = (*PRICES, *LATENCIES, *BESIDE, *MEMORY)


def title(name):
    """What tables and progress call a scenario."""
    if name in PRICES:
        return PRICES[name].title
    if name in LATENCIES:
        return LATENCIES[name][0]
    if name in BESIDE:
        return f"new connections beside {BESIDE[name]:,} streams"
    return {"idle": "idle relaying connection",
            "gone": "what stays after bulk connections came and went"}[name]


def called(word):
    """The scenarios that are meant by a word: of their names, else of their titles."""
    return [name for name in ALL if word in name] or [
        name for name in ALL if word.lower() in title(name).lower()]
