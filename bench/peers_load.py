"""One run of a generator, and what it found, the same of both of them.

A run is a dictionary:
  rate       Gbit/s, connections/s or requests/s
  own        CPU of the router's process for one unit, None without a router
  machine    CPU of the whole machine for one unit
  troubles   what happened to TCP, in the order of peers_rows.TROUBLES
  failed     whether connections failed
  limited    whether the generator said that it was itself the limit
  p50, p99   milliseconds, of open loops
"""

from peers_rows import TROUBLES

NOTHING = {"rate": None, "own": None, "machine": None, "p50": None, "p99": None}


def troubles_of(document):
    return [document[key] for key, _ in TROUBLES]


def of_sni_bench(document):
    """From its JSON; where nothing was completed a unit has no cost."""
    machine = document["machine"]
    run = {**NOTHING, "failed": document["failed"], "limited": document["limited_by_tool"],
           "troubles": troubles_of(machine) if machine else [0] * len(TROUBLES)}
    latency = document["phases"]["latency"]
    if document["measures_latency"] and latency["count"] > 0:
        run.update(p50=latency["p50_ns"] / 1e6, p99=latency["p99_ns"] / 1e6)
    cost = {"bulk": "cpu_ms_per_gib", "conn": "cpu_us_per_connection",
            "latency": "cpu_us_per_request"}[document["mode"]]
    if machine is None or machine[cost] is None:
        return {**run, "failed": True}
    totals, costs = document["totals"], document["costs"]
    rate = {"bulk": (totals["in_bytes_per_s"] + totals["out_bytes_per_s"]) * 8 / 1e9,
            "conn": totals["connections_per_s"],
            "latency": totals["requests_per_s"]}[document["mode"]]
    run.update(rate=rate, own=costs[cost], machine=machine[cost])
    return run


def of_plain(document, kind, has_router):
    """From the JSON of bench-plain; `kind` is its first word."""
    bulk = kind in ("down", "up")
    units = document["bytes"] / 2**30 if bulk else document["done"]
    run = {**NOTHING, "failed": document["failed"] > 0 or units == 0, "limited": False,
           "troubles": troubles_of(document)}
    if units == 0:
        return run
    # Milliseconds for a GiB, microseconds for a connection or a request.
    scale = 1e6 if bulk else 1e3
    amount = document["bytes"] * 8 / 1e9 if bulk else document["done"]
    run.update(rate=amount / document["seconds"],
               machine=document["machine_cpu_ns"] / scale / units)
    if has_router:
        run.update(own=document["router_cpu_ns"] / scale / units)
    return run
