"""A question's latency while ingestion takes every core, as a multiple of the same when idle."""

import argparse
import json
import os
import subprocess

import report

PROGRAM = os.environ.get("COFFER_BENCH_LATENCY") or os.path.join(
    os.path.dirname(os.environ["COFFER_BENCH_EMBED"]), "bench_latency")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    model = os.path.join(os.environ["COFFER_MODELS"], "all-MiniLM-L6-v2")
    threads = len(os.sched_getaffinity(0))
    questions = 100 if arguments.quick else 400
    done = subprocess.run([PROGRAM, "--model", model, "--threads", str(threads), "--questions",
                           str(questions)], stdout=subprocess.PIPE, text=True, check=True)
    cases = {}
    for line in done.stdout.splitlines():
        case = json.loads(line)
        cases[case["case"]] = case
        for metric in ("p50_ms", "p95_ms", "p99_ms"):
            report.put("latency", case["case"], metric, case[metric], "ms")
        if case["bulk_tokens_per_second"]:
            report.put("latency", case["case"], "tokens_per_second",
                       case["bulk_tokens_per_second"], "tokens/s")
    # The promise: at most 3.
    report.put("latency", "beside-ingestion", "p99_over_idle_p50",
               cases["beside-ingestion"]["p99_ms"] / cases["idle"]["p50_ms"], "ratio")


main()
