"""A real coffer on loopback for the benchmarks: the house of the end-to-end tests, filled in bulk."""

import json
import os
import re
import subprocess
import sys
import threading

import report

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from house import House  # noqa: E402  the path is set above

LINES_PER_UPLOAD = 256
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def upload(house, documents):
    """One bulk upload; returns the chunks made. A failed line ends the benchmark."""
    body = "".join(json.dumps(document) + "\n" for document in documents)
    status, _, answer = house.request("POST", "/v1/documents", body, timeout=600,
                                      headers={"Content-Type": "application/x-ndjson"})
    if status != 200:
        raise RuntimeError(f"bulk upload: {status} {answer[:400]!r}")
    lines = [json.loads(line) for line in answer.splitlines()]
    for line in lines:
        if line["status"] == "failed":
            raise RuntimeError(f"bulk upload: {line}")
    return sum(line["chunks"] for line in lines)


def fill(house, store, documents, clients=1, lines=LINES_PER_UPLOAD):
    """Puts all documents through `clients` connections, so many lines an upload; returns the chunks
    made."""
    chunks = []
    failures = []
    rest = iter([documents[begin:begin + lines] for begin in range(0, len(documents), lines)])
    lock = threading.Lock()

    def run():
        try:
            while not failures:
                with lock:
                    batch = next(rest, None)
                if batch is None:
                    return
                chunks.append(upload(house, [dict(document, vector_store_id=store)
                                             for document in batch]))
        except Exception as error:  # shown by the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(chunks)


def new_store(house, name):
    return house.json("POST", "/v1/vector_stores", {"name": name})["id"]


def family(house):
    """The processes of the server: itself and its parsers."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it ended meanwhile
    members = {house.server.pid}
    while True:
        more = {child for child, parent in parents.items() if parent in members} - members
        if not more:
            return members
        members |= more


def cpu_seconds(house):
    """Processor time of the server and its children, those that ended included."""
    ticks = 0
    for process in family(house):
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS_PER_SECOND


def handler_seconds(house, route):
    """(sum, count) of the time that answers of a route took, by the server's own metrics."""
    text = house.request("GET", "/metrics")[2].decode()
    found = []
    for suffix in ("sum", "count"):
        match = re.search(rf'^coffer_http_request_seconds_{suffix}\{{[^}}]*route="{re.escape(route)}"'
                          r"[^}]*\} (\S+)$", text, re.MULTILINE)
        found.append(float(match.group(1)) if match else 0.0)
    return tuple(found)


def put_disk(bench, house):
    """The time of a durable write, which every recorded answer waits for once."""
    done = subprocess.run(house.arguments("doctor", "--json"), env=house.environment,
                          capture_output=True, text=True, timeout=120)
    for check in json.loads(done.stdout):
        match = re.search(r"a durable write takes ([0-9.]+) ms", check["finding"])
        if match:
            report.put(bench, "disk", "durable_write_ms", float(match.group(1)), "ms")


def put_machine(bench):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    report.say(f"{bench}: {model.group(1) if model else 'unknown processor'}, "
               f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")


__all__ = ["House", "cpu_seconds", "fill", "handler_seconds", "new_store", "put_disk",
           "put_machine", "upload"]
