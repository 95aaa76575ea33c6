"""Measures ingestion end to end in a real server, and as a share of the embedder alone.

usage: ingest.py [--quick] [--texts FILE]   (through bench/run ingest)

The same documents go into a fresh vector store of one server, round by round; in between, bench_embed
embeds the very texts that the server embedded (title and text of every chunk, read back), with as
many threads. The share is the embedder's time over the server's: 1 would be ingestion that costs
nothing besides. Both are pinned to the same cores.
"""

import argparse
import os
import sys
import tempfile
import time

import report
import server
import texts
from embed import MODEL, Worker

BENCH = "ingest"


def documents_of(options):
    if options.texts:
        return [{"id": f"d{i}", "text": text} for i, text in enumerate(texts.read(options.texts))]
    paragraphs = iter(texts.passages(options.count * 4, seed=6))
    return [{"id": f"d{i}", "title": f"Document {i}",
             "text": "\n\n".join(next(paragraphs) for _ in range(4))}
            for i in range(options.count)]


def embedded_texts(house, store, documents):
    """What the server embedded for each chunk: the title, then the text."""
    found = []
    for document in documents:
        answer = house.json("GET", f"/v1/documents/{document['id']}?vector_store_id={store}"
                                   "&include=chunks")
        title = document.get("title", "")
        found += [f"{title}\n{chunk['text']}" if title else chunk["text"]
                  for chunk in answer["chunks"]]
    return found


def ingest_once(house, documents, clients, number):
    store = server.new_store(house, f"{clients} clients, round {number}")
    start_cpu = server.cpu_seconds(house)
    start = time.perf_counter()
    # Several uploads a client, so that all of them have work to the end.
    chunks = server.fill(house, store, documents, clients, max(1, len(documents) // 16))
    return store, {"seconds": time.perf_counter() - start,
                   "cpu_seconds": server.cpu_seconds(house) - start_cpu, "chunks": chunks}


def measure(house, worker, documents, clients, rounds):
    ours, alone = [], []
    for number in range(rounds):
        ours.append(ingest_once(house, documents, clients, number)[1])
        alone.append(worker.ask("pass", "chunks"))
    case = f"{clients}-client{'s' * (clients > 1)}"
    seconds = report.median([answer["seconds"] for answer in ours])
    report.put(BENCH, case, "documents_per_second", len(documents) / seconds, "documents/s")
    report.put(BENCH, case, "chunks_per_second", ours[0]["chunks"] / seconds, "chunks/s")
    report.put(BENCH, case, "tokens_per_second", alone[0]["tokens"] / seconds, "tokens/s")
    report.put(BENCH, case, "embedder_alone_tokens_per_second", alone[0]["tokens"] / report.median(
        [answer["seconds"] for answer in alone]), "tokens/s")
    for metric, unit in (("seconds", "share_of_embedder"), ("cpu_seconds", "cpu_share_of_embedder")):
        shares = [one[metric] / whole[metric] for one, whole in zip(alone, ours)]
        report.put(BENCH, case, unit, report.median(shares), "share")


def run(options, folder):
    documents = documents_of(options)
    threads = min(2, len(os.sched_getaffinity(0)))
    os.sched_setaffinity(0, report.first_cpus(threads))
    settings = {"embedder.threads": str(threads), "generator.backend": "none"}
    with server.House(settings) as house:
        house.start()
        # Not counted: it warms the server up, and says what the embedder alone has to do.
        store, first = ingest_once(house, documents, 1, "warm-up")
        path = os.path.join(folder, "chunks.jsonl")
        texts.write_lines(path, embedded_texts(house, store, documents))
        report.say(f"ingest: {len(documents)} documents, {first['chunks']} chunks")
        worker = Worker([os.environ["COFFER_BENCH_EMBED"], "--model",
                         os.path.join(os.environ["COFFER_MODELS"], MODEL),
                         "--threads", str(threads), "--precision", "auto", f"chunks={path}"],
                        os.sched_getaffinity(0))
        try:
            worker.ask("pass", "chunks")
            for clients in (1, 4):
                measure(house, worker, documents, clients, options.rounds)
        finally:
            worker.close()
        server.put_disk(BENCH, house)
        if house.stop() != 0 or house.verify() != 0:
            raise RuntimeError("the server did not stop cleanly, or its audit log does not verify")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--texts", help="documents: one a line, or a BEIR corpus.jsonl")
    options = parser.parse_args()
    options.count = 32 if options.quick else 128
    options.rounds = 3 if options.quick else 5
    server.put_machine(BENCH)
    with tempfile.TemporaryDirectory(prefix="coffer-bench-") as folder:
        run(options, folder)


if __name__ == "__main__":
    sys.exit(main())
