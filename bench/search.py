"""Measures search in a real server on loopback: latency, throughput, and where the time goes.

usage: search.py [--quick]   (through bench/run search)

Documents are synthetic: words drawn by Zipf's law from the vocabulary of the embedder, half of them
from one topic of a document, so that vectors come in clusters and words have the frequencies of real
text. Two thirds of the cases need no model (the hashing embedder); so what they show is Coffer's own
work. The load generator and the server share the cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import report
import server
import texts

BENCH = "search"
ROUTE = "/v1/vector_stores/{vector_store_id}/search"
STAGES = ("embed_ms", "permit_ms", "vector_ms", "word_ms", "fuse_ms", "read_ms", "total_ms",
          "audit_ms")
QUESTION_COUNT = 256
RECALL_COUNT = 64


class Load:
    """Runs bench_load against one vector store."""

    def __init__(self, house, store, folder, seconds):
        self.house = house
        self.store = store
        self.folder = folder
        self.seconds = seconds
        self.key_file = os.path.join(folder, "key")
        with open(self.key_file, "w", encoding="ascii") as file:
            file.write(house.admin_key + "\n")

    def run(self, bodies, connections, collect=()):
        path = os.path.join(self.folder, "bodies.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for body in bodies:
                file.write(json.dumps(body) + "\n")
        command = [os.environ["COFFER_BENCH_LOAD"],
                   "--address", f"127.0.0.1:{self.house.port}",
                   "--path", f"/v1/vector_stores/{self.store}/search",
                   "--key-file", self.key_file, "--bodies", path,
                   "--connections", str(connections), "--seconds", str(self.seconds),
                   "--warm-up", "50"]
        if collect:
            command += ["--collect", ",".join(collect)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                              timeout=self.seconds + 120)
        answer = json.loads(done.stdout)
        if answer["failures"]:
            raise RuntimeError(f"{answer['failures']} of {answer['requests']} searches failed")
        return answer


def wait_for_graph(house, store, chunk_count, seal_count):
    """A graph is built in the background once there are enough vectors; answers come before that."""
    if chunk_count < seal_count:
        return
    end = time.monotonic() + 600
    calm = 0
    while calm < 5 and time.monotonic() < end:
        before = server.cpu_seconds(house)
        time.sleep(0.5)
        calm = calm + 1 if server.cpu_seconds(house) - before < 0.05 else 0
    answer = house.json("POST", f"/v1/vector_stores/{store}/search",
                        {"query": "anything", "mode": "vector", "explain": True})
    report.say(f"search: plan {answer['trace']['searches'][0]['plan']}")


def put_recall(case, house, store, vectors):
    """Share of the ten nearest chunks that the graph finds."""
    path = f"/v1/vector_stores/{store}/search"
    found = 0
    wanted = 0
    for vector in vectors[:RECALL_COUNT]:
        ids = [{hit["chunk_id"] for hit in house.json(
            "POST", path, {"query_vector": vector, "mode": "vector", "exact": exact})["data"]}
               for exact in (True, False)]
        wanted += len(ids[0])
        found += len(ids[0] & ids[1])
    report.put(BENCH, case, "recall", found / wanted, "share")


def measure(load, case, bodies):
    for connections in (1, 8):
        name = f"{case}-{connections}-client{'s' * (connections > 1)}"
        answer = load.run(bodies, connections)
        report.put(BENCH, name, "qps", answer["qps"], "1/s")
        for metric in ("p50_ms", "p95_ms", "p99_ms"):
            report.put(BENCH, name, metric, answer[metric], "ms")
        before = server.handler_seconds(load.house, ROUTE)
        means = load.run([dict(body, explain=True) for body in bodies], connections,
                         STAGES)["means"]
        after = server.handler_seconds(load.house, ROUTE)
        handler_ms = (after[0] - before[0]) / (after[1] - before[1]) * 1e3
        report.put(BENCH, name, "handler_mean_ms", handler_ms, "ms")
        for stage in STAGES:
            report.put(BENCH, name, f"{stage[:-3]}_mean_ms", means[stage], "ms")
        for stage in STAGES:
            if stage != "total_ms":
                report.put(BENCH, name, f"{stage[:-3]}_share", means[stage] / handler_ms, "share")
        # What is neither the model's nor the disk's time; with several clients, waiting included.
        report.put(BENCH, name, "own_mean_ms",
                   handler_ms - means["embed_ms"] - means["audit_ms"], "ms")


def run_case(backend, chunk_count, seconds, words):
    settings = {"embedder.backend": backend, "generator.backend": "none"}
    size = f"{chunk_count // 1000}k-{backend}"
    with server.House(settings) as house, tempfile.TemporaryDirectory(
            prefix="coffer-bench-") as folder:
        house.start()
        store = server.new_store(house, size)
        start = time.monotonic()
        made = server.fill(house, store, texts.synthetic_documents(chunk_count, words), clients=2)
        report.say(f"search: {made} chunks in {time.monotonic() - start:.0f} s")
        wait_for_graph(house, store, made, 16384)
        questions = texts.synthetic_questions(QUESTION_COUNT)
        answer = house.json("POST", "/v1/embeddings",
                            {"input": questions, "encoding_format": "base64"})
        vectors = [item["embedding"] for item in answer["data"]]
        load = Load(house, store, folder, seconds)
        measure(load, f"{size}-query", [{"query": question} for question in questions])
        if backend == "hashing":
            measure(load, f"{size}-query-vector",
                    [{"query_vector": vector, "mode": "vector"} for vector in vectors])
            put_recall(size, house, store, vectors)
        server.put_disk(BENCH, house)
        if house.stop() != 0 or house.verify() != 0:
            raise RuntimeError("the server did not stop cleanly, or its audit log does not verify")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    server.put_machine(BENCH)
    seconds = 3 if options.quick else 15
    run_case("hashing", 5000, seconds, words=100)
    run_case("bert", 1000 if options.quick else 5000, seconds, words=60)
    run_case("hashing", 50000, seconds, words=60 if options.quick else 100)


if __name__ == "__main__":
    sys.exit(main())
