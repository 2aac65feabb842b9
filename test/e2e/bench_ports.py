"""When the ports of one loopback address are used up, the next source address is taken.

In a network namespace of its own with a hundred client ports. Exit 77 = no such namespace here.
"""

import os
import subprocess
import sys

SKIPPED = 77
PORTS = "40000 40099"


def inside():
    from support import bench
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as file:
        file.write(PORTS)
    tool = sys.argv[2]
    with bench.Serve(tool, "--listen", "127.0.0.1:9000") as serve:
        code, result, out, err = bench.run(tool, "idle", serve.address, "-c", "450", "-d", "200ms")
        assert code in (0, 2), out + err
        assert result["totals"]["held"] == 450, result["totals"]
        assert bench.total_errors(result) == 0, result["errors"]
        code, result, out, err = bench.run(tool, "conn", serve.address, "-n", "1500")
        assert result["totals"]["connections"] == 1500, out + err
    print("450 connections held and 1500 made with 100 ports")


def main():
    if os.environ.get("BENCH_PORTS_INSIDE"):
        inside()
        return
    probe = subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"],
                           capture_output=True, text=True)
    if probe.returncode != 0:
        print(f"skipped: no network namespace: {probe.stderr.strip()}")
        sys.exit(SKIPPED)
    command = 'ip link set lo up && exec "$0" "$@"'
    done = subprocess.run(["unshare", "-rn", "sh", "-c", command, sys.executable, *sys.argv],
                          env={**os.environ, "BENCH_PORTS_INSIDE": "1"})
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
