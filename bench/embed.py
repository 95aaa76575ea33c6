"""Measures the embedder beside its peers: all hold the same texts, and rounds alternate.

usage: embed.py [--quick] [--texts FILE] [--queries FILE] [--peers NAME,…] [--threads N,…]   (through bench/run embed)

A round goes from text to unit vectors. The medians of the rounds are compared; all threads of a
measurement are pinned to as many CPUs, and the one who waits is asleep. Per second of processor
time is what to look at where others use the machine too. Ours runs twice: as it is served (the
precision that it chose) and in f32; each is held against the peers of its kind.
"""

import argparse
import array
import json
import os
import subprocess
import sys
import tempfile

import report
import texts

BENCH = "embed"
# Of each peer the precision of ours that it is held against.
PEERS = {"onnxruntime-int8": "chosen", "onnxruntime-f32": "f32", "openvino-f32": "f32"}
ABSENT = {"torch-f32": "nobody has written this peer yet",
          "llama.cpp": "nobody has written this peer yet"}
MODEL = "all-MiniLM-L6-v2"
HERE = os.path.dirname(os.path.abspath(__file__))


class Worker:
    """A process that is asked for one pass at a time."""

    def __init__(self, command, cpus):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        self.facts = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def alternate(workers, rounds, *words):
    """Returns a list of answers for each worker; the first round warms up and does not count."""
    answers = {name: [] for name in workers}
    for number in range(rounds + 1):
        for name, worker in workers.items():
            answer = worker.ask(*words)
            if number > 0:
                answers[name].append(answer)
    return answers


def tokens_per_second(answer):
    return answer["tokens"] / answer["seconds"]


def tokens_per_cpu_second(answer):
    return answer["tokens"] / answer["cpu_seconds"]


def p50_ms(answer):
    return answer["p50_ms"]


def put_metric(case, metric, unit, answers, value_of):
    """`answers` maps a worker's name to its rounds; ours are "f32" and "chosen"."""
    values = {name: report.median([value_of(answer) for answer in own])
              for name, own in answers.items()}
    for ours in ("chosen", "f32"):
        report.put(BENCH, f"{case}-{ours}", metric, values[ours], unit)
        for peer, held_against in PEERS.items():
            # What is served is held against all of them.
            if peer in values and (held_against == ours or ours == "chosen"):
                report.put(BENCH, f"{case}-{ours}", metric, values[ours], unit, peer, values[peer])
    return values


def measure(workers, rounds, threads, limits):
    at = "1-thread" if threads == 1 else f"{threads}-threads"
    for name in ("passages", "questions"):
        answers = alternate(workers, rounds, "pass", name)
        case = f"{name}-{at}"
        put_metric(case, "tokens_per_second", "tokens/s", answers, tokens_per_second)
        values = put_metric(case, "tokens_per_cpu_second", "tokens/s", answers,
                            tokens_per_cpu_second)
        for ours in ("chosen", "f32"):
            limit = limits.get((workers[ours].facts["precision"], name))
            if limit:
                report.put(BENCH, f"{case}-{ours}", "tokens_per_cpu_second", values[ours],
                           "tokens/s", "onednn-gemm", limit)
        counts = {own[0]["tokens"] for own in answers.values()}
        if len(counts) > 1:
            report.say(f"{case}: tokens differ, {counts}")
    answers = alternate(workers, rounds, "single", "questions")
    case = f"questions-one-by-one-{at}"
    put_metric(case, "tokens_per_second", "tokens/s", answers, tokens_per_second)
    put_metric(case, "p50_ms", "ms", answers, p50_ms)


def read_vectors(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def compare(workers, folder):
    """Cosines to our f32. All vectors are of unit length, so the cosine is their product."""
    for name in ("passages", "questions"):
        vectors = {}
        for worker_name, worker in workers.items():
            path = os.path.join(folder, f"{name}-{worker_name}.f32")
            dimension = worker.ask("vectors", name, path)["dimension"]
            vectors[worker_name] = read_vectors(path)
        reference = vectors.pop("f32")
        for worker_name, theirs in vectors.items():
            cosines = [sum(a * b for a, b in zip(reference[begin:begin + dimension],
                                                 theirs[begin:begin + dimension]))
                       for begin in range(0, len(reference), dimension)]
            case = f"{name}-{worker_name}"
            report.put(BENCH, case, "cosine_least", min(cosines), "cosine")
            report.put(BENCH, case, "cosine_mean", sum(cosines) / len(cosines), "cosine")


def measure_limits():
    """What oneDNN's own products allow on one core: {(precision, case): tokens a second}."""
    program = os.environ.get("COFFER_BENCH_GEMM", "")
    cpus = report.first_cpus(1)
    if not program or cpus is None:
        return {}
    done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    limits = {}
    for line in map(json.loads, done.stdout.splitlines()):
        # Passages have about 190 tokens, questions about 15.
        name = "passages" if line["length"] == 256 else "questions"
        limits[line["precision"], name] = line["tokens_per_second"]
        report.put(BENCH, f"onednn-gemm-{line['precision']}-length-{line['length']}",
                   "tokens_per_second", line["tokens_per_second"], "tokens/s")
    return limits


def our_worker(precision, threads, cases, cpus):
    return Worker([os.environ["COFFER_BENCH_EMBED"], "--model",
                   os.path.join(os.environ["COFFER_MODELS"], MODEL), "--threads", str(threads),
                   "--precision", precision, *cases], cpus)


def open_workers(peers, threads, cases, cpus):
    """Ours first; a peer that does not start is absent."""
    workers = {"chosen": our_worker("auto", threads, cases, cpus),
               "f32": our_worker("f32", threads, cases, cpus)}
    for peer in peers:
        try:
            workers[peer] = Worker(
                [os.environ["COFFER_PEER_PYTHON"], os.path.join(HERE, "embed_peer.py"),
                 "--engine", peer, "--model",
                 os.path.join(os.environ["COFFER_MODELS"], MODEL + "-onnx"),
                 "--threads", str(threads), "--max-tokens",
                 str(workers["f32"].facts["max_tokens"]), *cases], cpus)
        except RuntimeError as error:
            report.absent(BENCH, peer, str(error))
    return workers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--texts", help="passages: one text a line, or a BEIR corpus.jsonl")
    parser.add_argument("--queries", help="questions: one a line, or a BEIR queries.jsonl")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--limit", type=int, help="that many texts of each file")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--peers", default=",".join(PEERS))
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 5)
    size = 64 if options.quick else 256

    found = {
        "passages": texts.read(options.texts) if options.texts else texts.passages(size),
        "questions": texts.read(options.queries) if options.queries else texts.questions(size),
    }
    for name, lines in found.items():
        found[name] = lines[:options.limit]
    peers = [peer for peer in options.peers.split(",") if peer]
    if not os.environ.get("COFFER_PEER_PYTHON"):
        for peer in peers:
            report.absent(BENCH, peer, os.environ.get("COFFER_PEER_REASON", "not installed"))
        peers = []
    for peer, reason in ABSENT.items():
        report.absent(BENCH, peer, reason)

    limits = measure_limits()
    with tempfile.TemporaryDirectory(prefix="coffer-bench-") as folder:
        cases = []
        for name, lines in found.items():
            path = os.path.join(folder, f"{name}.jsonl")
            texts.write_lines(path, lines)
            cases.append(f"{name}={path}")
        for threads in map(int, options.threads.split(",")):
            cpus = report.first_cpus(threads)
            if cpus is None:
                report.say(f"{threads} threads are left out: this process has fewer CPUs")
                continue
            workers = open_workers(peers, threads, cases, cpus)
            report.say(f"chosen: {workers['chosen'].facts['precision']}")
            try:
                measure(workers, rounds, threads, limits)
                if threads == 1:
                    compare(workers, folder)
            finally:
                for worker in workers.values():
                    worker.close()


if __name__ == "__main__":
    sys.exit(main())
