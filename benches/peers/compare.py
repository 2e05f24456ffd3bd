#!/usr/bin/env python3
"""Runs the actor and channel benchmarks of moonlet beside the same jobs in Erlang and Go.

    compare.py FOLDER [--moonlet PROGRAM] [--passes N] [--only JOB,...]

FOLDER holds the Lua programs (`spawn_exit.lua`, `pingpong.lua`, ...). In each pass every job runs once on both sides, one
right after the other; printed are the medians over all passes and their ratio, so that 2.00 means twice as good,
for rates as for bytes. The peers are built into a temporary folder: erlc, erl and go must be in the PATH.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ERLANG = ["spawn_exit", "idle_memory", "pingpong", "ring", "fan_in"]
GO = ["chan_pingpong", "chan_throughput", "chan_select", "chan_shared"]
# Smaller is better.
BYTES = {"idle_rss"}
# What a peer's line is compared with; a case list made anew is nothing that Go has.
REQUIRED = {
    "spawn_monitored": 1.0,
    "spawn_message": 1.0,
    "idle_rss": 1.0,
    "pingpong": 1.0,
    "pingpong_record": 1.0,
    "ring_hops": 1.0,
    "fan_in": 1.0,
    "chan_pingpong": 1.0,
    "chan_unbuffered": 1.0,
    "chan_buffered_100": 0.4,
    "chan_buffered_1024": 0.4,
    "select3_unbuffered": 0.7,
    "select3_buffered_100": 0.7,
    "shared_pingpong": 0.5,
    "shared_fan_in_4x250000": 0.5,
}


def build(folder):
    """Builds both peers; returns the command that runs a job, by language."""
    subprocess.run(["erlc", "-o", folder, HERE / "erlang/actors.erl"], check=True)
    subprocess.run(["go", "build", "-o", folder / "channels"], cwd=HERE / "go", check=True)
    return {
        "erlang": lambda job: ["erl", "-noshell", "-pa", folder, "-run", "actors", "main", job],
        "go": lambda job: [folder / "channels", job],
    }


def figures(command, folder, one_thread):
    """Runs a command and reads its lines `name value unit`."""
    environment = dict(os.environ, GOMAXPROCS="1") if one_thread else None
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--moonlet", default="moonlet")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--only", help="jobs, separated by commas")
    options = parser.parse_args()
    jobs = [("erlang", job) for job in ERLANG] + [("go", job) for job in GO]
    if options.only:
        jobs = [(peer, job) for peer, job in jobs if job in options.only.split(",")]
    ours, theirs, peer_of = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        run_peer = build(pathlib.Path(folder))
        for _ in range(options.passes):
            for peer, job in jobs:
                command = [options.moonlet, "run", f"{job}.lua"]
                own = figures(command, options.folder, one_thread=False)
                other = figures(run_peer[peer](job), folder, one_thread=peer == "go" and job != "chan_shared")
                for name in own.keys() & other.keys():
                    ours.setdefault(name, []).append(own[name])
                    theirs.setdefault(name, []).append(other[name])
                    peer_of[name] = peer
    print(f"{'':24} {'moonlet':>12} {'peer':>12} {'ratio':>6} {'wanted':>6}")
    for name in (name for name in REQUIRED if name in ours):
        own, other = statistics.median(ours[name]), statistics.median(theirs[name])
        ratio = other / own if name in BYTES else own / other
        print(f"{name:24} {own:12.0f} {other:12.0f} {ratio:6.2f} {REQUIRED[name]:6.2f}  {peer_of[name]}")


if __name__ == "__main__":
    main()
