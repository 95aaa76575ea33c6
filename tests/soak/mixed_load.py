"""Everything at once on one server for as long as asked, watching that its memory stays flat.

usage: mixed_load.py [--seconds N]

Writers put, replace and delete a bounded set of documents and check what was acknowledged; readers
search and chat; an administrator makes and revokes keys; and rude clients send rubbish, half bodies
and hang up. Nothing may be answered with 5xx, and after a first third that fills caches the server's
own memory may not grow. At the end every acknowledged document is there and the audit log verifies.
"""

import argparse
import json
import os
import random
import socket
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from house import House  # noqa: E402  the path is set above

WRITERS = 2
READERS = 2
DOCUMENTS_PER_WRITER = 40
WORDS = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "re", "so") for b in
         ("dar", "fen", "gol", "him", "jax", "pel", "quo", "rum", "set", "tiv")]
# Allocators keep some of what they got: growth below this is no leak that an hour could show.
SLACK_KIB = 8 * 1024
MAX_GROWTH = 0.10
# So that segments are sealed and merged all the time, not once in a run.
SETTINGS = {"embedder.backend": "hashing", "generator.backend": "extractive",
            "index.seal_count": "256", "audit.max_segment_bytes": "1MiB", "head_timeout_ms": "2000",
            "idle_timeout_ms": "5000"}


class Failure(Exception):
    """What the server may not do."""


def text_of(generator, count):
    return " ".join(generator.choice(WORDS) for _ in range(count))


class Actor(threading.Thread):
    """Repeats act() until the end; a wrong answer ends the soak."""

    def __init__(self, soak, number):
        super().__init__(name=f"{type(self).__name__} {number}")
        self.soak = soak
        self.house = soak.house
        self.number = number
        self.generator = random.Random(soak.seed * 1000 + number)
        self.count = 0

    def run(self):
        try:
            while not self.soak.is_over():
                self.act()
                self.count += 1
        except Exception as error:  # shown by the main thread
            self.soak.fail(f"{self.name}: {type(error).__name__} {error}")

    def call(self, method, path, body=None, allowed=(200,), **more):
        """429 is an honest answer under load: it is retried."""
        while True:
            status, _, answer = self.house.request(method, path, body, **more)
            if status != 429 or self.soak.is_over():
                break
            time.sleep(0.05)
        if status not in allowed and status != 429:
            raise Failure(f"{method} {path}: {status} {answer[:300]!r}")
        return status, answer


class Writer(Actor):
    def __init__(self, soak, number):
        super().__init__(soak, number)
        self.acknowledged = {}  # name → marker of the newest version, None when deleted

    def act(self):
        name = f"w{self.number}-{self.generator.randrange(DOCUMENTS_PER_WRITER)}"
        path = f"/v1/documents/{name}?vector_store_id={self.soak.store}"
        if self.generator.random() < 0.2:
            status, _ = self.call("DELETE", path, allowed=(200, 404))
            if status != 429:
                self.acknowledged[name] = None
            return
        marker = f"m{self.number}x{self.count}"
        line = {"id": name, "vector_store_id": self.soak.store, "attributes": {"n": self.count},
                "text": f"# {marker}\n\n" + "\n\n".join(
                    text_of(self.generator, self.generator.randint(5, 300)) for _ in range(4))}
        status, answer = self.call("POST", "/v1/documents", json.dumps(line) + "\n",
                                   headers={"Content-Type": "application/x-ndjson"})
        if status == 429:
            return
        if json.loads(answer)["status"] == "failed":
            raise Failure(f"put: {answer!r}")
        self.acknowledged[name] = marker
        if self.count % 8 == 0:
            self.check(name)

    def check(self, name):
        marker = self.acknowledged[name]
        status, answer = self.call(
            "GET", f"/v1/documents/{name}?vector_store_id={self.soak.store}&include=chunks",
            allowed=(200, 404))
        if status == 429:
            return
        if (status == 404) != (marker is None) or (marker and marker not in answer.decode()):
            raise Failure(f"{name} should hold {marker}: {status} {answer[:300]!r}")


class Reader(Actor):
    def act(self):
        query = text_of(self.generator, self.generator.randint(1, 8))
        kind = self.generator.random()
        if kind < 0.1:
            self.call("POST", "/v1/chat/completions",
                      {"messages": [{"role": "user", "content": query}],
                       "vector_store_ids": [self.soak.store],
                       "stream": self.generator.random() < 0.5}, key=self.soak.reader_key)
            return
        body = {"query": query, "mode": self.generator.choice(["hybrid", "vector", "lexical"])}
        if kind < 0.4:
            body["filters"] = {"type": "gte", "key": "n", "value": self.generator.randrange(1000)}
        self.call("POST", f"/v1/vector_stores/{self.soak.store}/search", body,
                  key=self.soak.reader_key)


class Administrator(Actor):
    def act(self):
        status, answer = self.call("POST", "/v1/keys",
                                   {"name": f"k{self.count}", "roles": ["reader"]})
        if status == 200:
            made = json.loads(answer)
            self.call("GET", "/v1/models", key=made["key"])
            self.call("DELETE", f"/v1/keys/{made['id']}")
            self.call("GET", "/v1/models", key=made["key"], allowed=(401,))
        self.call("GET", "/metrics")
        self.call("GET", "/readyz", key="")
        time.sleep(0.2)


class RudeClient(Actor):
    def act(self):
        head = (f"POST /v1/documents HTTP/1.1\r\nHost: 127.0.0.1:{self.house.port}\r\n"
                f"Authorization: Bearer {self.house.admin_key}\r\n"
                "Content-Type: application/x-ndjson\r\n")
        said = self.generator.choice([
            head + "Content-Length: 100000\r\n\r\n" + "{\"id\":",
            head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
            head + "Content-Length: 12\r\n\r\n{\"id\": [[[[\n",
            head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
            "GET / HTTP/9.9\r\n\r\n",
            "\x00\x01\x02\x03",
            "POST /v1/chat/completions HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            head.replace("coffer", "wrong", 1) + "Content-Length: 2\r\n\r\n{}",
        ])
        with socket.create_connection(("127.0.0.1", self.house.port), timeout=10) as connection:
            connection.sendall(said.encode("latin-1"))
            if self.generator.random() < 0.5:
                connection.settimeout(0.2)
                try:
                    answer = connection.recv(65536)
                except (TimeoutError, ConnectionError):
                    answer = b""
                if answer.startswith((b"HTTP/1.1 500", b"HTTP/1.1 503", b"HTTP/1.1 504")):
                    raise Failure(f"{said!r} was answered {answer[:300]!r}")
        time.sleep(0.02)


class Soak:
    def __init__(self, house, seconds):
        self.house = house
        self.seed = int(os.environ.get("COFFER_SEED", str(time.time_ns() % 1000000)))
        self.end = time.monotonic() + seconds
        self.failures = []
        self.store = house.json("POST", "/v1/vector_stores", {"name": "soak"})["id"]
        self.reader_key = house.json("POST", "/v1/keys",
                                     {"name": "reader", "roles": ["reader"]})["key"]

    def is_over(self):
        return bool(self.failures) or time.monotonic() >= self.end

    def fail(self, message):
        self.failures.append(message)


def status_kib(process, name):
    """A line of /proc/PID/status. RssAnon is the memory of its own; mapped files are the kernel's."""
    with open(f"/proc/{process}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def watch(soak, interval):
    """Samples of the server's memory in KiB and its threads, until the end."""
    samples = []
    while not soak.is_over():
        time.sleep(interval)
        process = soak.house.server.pid
        if soak.house.server.poll() is not None:
            soak.fail(f"the server ended with {soak.house.server.returncode}")
            break
        samples.append((status_kib(process, "RssAnon"), status_kib(process, "Threads")))
    return samples


def judge(samples):
    """None, or what grew: the middle third of the samples is compared with the last."""
    third = len(samples) // 3
    if third == 0:
        return None
    middle, last = samples[third:2 * third], samples[-third:]
    before, after = (statistics.median(kib for kib, _ in part) for part in (middle, last))
    threads = (max(count for _, count in middle), max(count for _, count in last))
    print(f"memory: {before / 1024:.1f} MiB in the middle third, {after / 1024:.1f} MiB in the last; "
          f"threads: {threads[0]}, {threads[1]}", flush=True)
    if after > before * (1 + MAX_GROWTH) + SLACK_KIB:
        return f"memory grew from {before:.0f} to {after:.0f} KiB"
    if threads[1] > threads[0] + 2:
        return f"threads grew from {threads[0]} to {threads[1]}"
    return None


def run(seconds):
    with House(SETTINGS) as house:
        house.start()
        soak = Soak(house, seconds)
        print(f"mixed load for {seconds} s, seed {soak.seed}", flush=True)
        writers = [Writer(soak, i) for i in range(WRITERS)]
        actors = writers + [Reader(soak, 100 + i) for i in range(READERS)] + [
            Administrator(soak, 200), RudeClient(soak, 300)]
        for actor in actors:
            actor.start()
        samples = watch(soak, max(0.2, seconds / 100))
        for actor in actors:
            actor.join()
        print(", ".join(f"{actor.name}: {actor.count}" for actor in actors), flush=True)
        if not soak.failures:
            soak.failures += filter(None, [judge(samples)])
        if not soak.failures:
            for writer in writers:
                for name in writer.acknowledged:
                    writer.check(name)
            if house.stop() != 0:
                raise Failure("the server did not stop cleanly")
            if house.verify() != 0:
                raise Failure("the audit log does not verify")
        if soak.failures:
            raise Failure("; ".join(soak.failures[:3]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    try:
        run(parser.parse_args().seconds)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print("nothing lost, nothing grew")


if __name__ == "__main__":
    main()
