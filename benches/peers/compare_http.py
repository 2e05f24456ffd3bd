#!/usr/bin/env python3
"""Runs the hello of examples/todo-api beside the same program in Go, under the load of wrk.

    compare_http.py [--moonlet PROGRAM] [--passes N] [--seconds N] [--connections N]

In each pass both servers are asked for so many seconds, one after the other, in an order that changes. Printed are the
medians over all passes: requests per second, the time that 99 of 100 answers stay below, and the memory of moonlet after
each pass. A last pass looks at every answer. wrk and go must be in the PATH.
"""

import argparse
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def start(command, port):
    """Starts a server and waits until it listens."""
    server = subprocess.Popen(command, env=dict(os.environ, PORT=str(port)))
    while True:
        if server.poll() is not None:
            sys.exit(f"{command} has ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server
        except ConnectionRefusedError:
            time.sleep(0.01)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def load(port, options, *more):
    """What wrk prints."""
    command = ["wrk", "-t2", f"-c{options.connections}", f"-d{options.seconds}s", "--latency", *more]
    command.append(f"http://127.0.0.1:{port}/api/hello")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def figures(output):
    """Requests per second, and the 99th percentile in milliseconds."""
    for complaint in ["Non-2xx", "Socket errors"]:
        if complaint in output:
            sys.exit(output)
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", output).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)), float(value) * UNITS[unit]


def memory(server):
    """Resident MiB."""
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--moonlet", default="target/release/moonlet")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["go", "build", "-o", f"{folder}/hello"], cwd=HERE / "http", check=True)
        example = HERE.parent.parent / "examples/todo-api"
        commands = {"go": [f"{folder}/hello"], "moonlet": [options.moonlet, "run", example]}
        ports = {name: free_port() for name in commands}
        servers = {name: start(command, ports[name]) for name, command in commands.items()}
        try:
            results = {name: [] for name in commands}
            for i in range(options.passes):
                for name in sorted(commands, reverse=i % 2 == 1):
                    results[name].append(figures(load(ports[name], options)))
                    print(f"{name:8} {results[name][-1][0]:10.0f} /s  p99 {results[name][-1][1]:8.2f} ms"
                          f"  {memory(servers[name]):6.1f} MiB", flush=True)
            rate = {name: statistics.median(rate for rate, _ in list) for name, list in results.items()}
            late = {name: statistics.median(late for _, late in list) for name, list in results.items()}
            print(f"throughput {rate['moonlet'] / rate['go']:.2f} of Go's, p99 {late['moonlet'] / late['go']:.2f} of Go's")
            print(load(ports["moonlet"], options, "-s", HERE / "http/check.lua").splitlines()[-1])
        finally:
            for server in servers.values():
                server.terminate()
                server.wait()


if __name__ == "__main__":
    main()
