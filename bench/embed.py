"""Measures the embedder beside ONNX Runtime: both hold the same texts, and rounds alternate.

usage: embed.py [--quick] [--texts FILE] [--queries FILE]   (through bench/run embed)

A round goes from text to unit vectors. The medians of the rounds are compared; all threads of a
measurement are pinned to as many CPUs, and the one who waits is asleep. Per second of processor
time is what to look at where others use the machine too.
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
PEER = "onnxruntime-f32"
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
    """Returns one list of answers per worker; the first round warms up and does not count."""
    answers = [[] for _ in workers]
    for number in range(rounds + 1):
        for worker, own in zip(workers, answers):
            answer = worker.ask(*words)
            if number > 0:
                own.append(answer)
    return answers


def put_metric(case, metric, unit, answers, value_of):
    values = [report.median([value_of(answer) for answer in own]) for own in answers]
    peer = (PEER, values[1]) if len(values) > 1 else ()
    report.put(BENCH, case, metric, values[0], unit, *peer)


def tokens_per_second(answer):
    return answer["tokens"] / answer["seconds"]


def tokens_per_cpu_second(answer):
    return answer["tokens"] / answer["cpu_seconds"]


def measure(workers, rounds, threads):
    at = "1-thread" if threads == 1 else f"{threads}-threads"
    for name in ("passages", "questions"):
        answers = alternate(workers, rounds, "pass", name)
        case = f"{name}-{at}"
        put_metric(case, "tokens_per_second", "tokens/s", answers, tokens_per_second)
        put_metric(case, "tokens_per_cpu_second", "tokens/s", answers, tokens_per_cpu_second)
        if len(answers) > 1:
            ratios = [theirs["seconds"] / ours["seconds"] for ours, theirs in zip(*answers)]
            report.put(BENCH, case, "ratio_least", min(ratios), "ratio")
            report.put(BENCH, case, "ratio_most", max(ratios), "ratio")
            if answers[0][0]["tokens"] != answers[1][0]["tokens"]:
                report.say(f"{case}: tokens differ, {answers[0][0]['tokens']} and "
                           f"{answers[1][0]['tokens']}")
    answers = alternate(workers, rounds, "single", "questions")
    case = f"questions-one-by-one-{at}"
    put_metric(case, "tokens_per_second", "tokens/s", answers, tokens_per_second)
    put_metric(case, "p50_ms", "ms", answers, lambda answer: answer["p50_ms"])


def read_vectors(path):
    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def compare(workers, folder):
    """Both vectors are of unit length, so the cosine is their product."""
    for name in ("passages", "questions"):
        paths = [os.path.join(folder, f"{name}-{i}.f32") for i in range(2)]
        facts = [worker.ask("vectors", name, path)
                 for worker, path in zip(workers, paths)]
        dimension = facts[0]["dimension"]
        ours, theirs = (read_vectors(path) for path in paths)
        cosines = [sum(a * b for a, b in zip(ours[begin:begin + dimension],
                                             theirs[begin:begin + dimension]))
                   for begin in range(0, len(ours), dimension)]
        report.put(BENCH, name, "cosine_least", min(cosines), "cosine")
        report.put(BENCH, name, "cosine_mean", sum(cosines) / len(cosines), "cosine")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--texts", help="passages: one text a line, or a BEIR corpus.jsonl")
    parser.add_argument("--queries", help="questions: one a line, or a BEIR queries.jsonl")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 5)
    size = 64 if options.quick else 256

    found = {
        "passages": texts.read(options.texts) if options.texts else texts.passages(size),
        "questions": texts.read(options.queries) if options.queries else texts.questions(size),
    }
    models = os.environ["COFFER_MODELS"]
    peer_python = os.environ.get("COFFER_PEER_PYTHON", "")
    if not peer_python:
        report.absent(BENCH, PEER, os.environ.get("COFFER_PEER_REASON", "not installed"))

    with tempfile.TemporaryDirectory(prefix="coffer-bench-") as folder:
        cases = []
        for name, lines in found.items():
            path = os.path.join(folder, f"{name}.jsonl")
            texts.write_lines(path, lines)
            cases.append(f"{name}={path}")
        for threads in (1, 2):
            cpus = report.first_cpus(threads)
            if cpus is None:
                report.say(f"{threads} threads are left out: this process has fewer CPUs")
                continue
            workers = [Worker([os.environ["COFFER_BENCH_EMBED"], "--model",
                               os.path.join(models, MODEL), "--threads", str(threads), *cases],
                              cpus)]
            if peer_python:
                workers.append(Worker([peer_python, os.path.join(HERE, "embed_onnx.py"),
                                       "--model", os.path.join(models, MODEL + "-onnx"),
                                       "--threads", str(threads), "--max-tokens",
                                       str(workers[0].facts["max_tokens"]), *cases], cpus))
            try:
                measure(workers, rounds, threads)
                if threads == 1 and len(workers) > 1:
                    compare(workers, folder)
            finally:
                for worker in workers:
                    worker.close()


if __name__ == "__main__":
    sys.exit(main())
