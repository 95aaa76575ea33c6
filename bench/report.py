"""One measurement is one JSON object a line on standard output; the rest goes to standard error."""

import json
import os
import statistics
import sys

# Of these less is better, so the ratio is turned round: above 1 always means that we are better.
LESS_IS_BETTER = ("_ms", "_seconds", "bytes")


def ratio(metric, ours, theirs):
    if not ours or not theirs:
        return None
    return theirs / ours if metric.endswith(LESS_IS_BETTER) else ours / theirs


def rounded(value):
    return float(f"{value:.8g}") if isinstance(value, float) else value


def put(bench, case, metric, value, unit, peer=None, peer_value=None):
    line = {"bench": bench, "case": case, "metric": metric, "value": rounded(value), "unit": unit}
    if peer is not None:
        line["peer"] = peer
        line["peer_value"] = rounded(peer_value)
        line["ratio"] = rounded(ratio(metric, value, peer_value))
    print(json.dumps(line), flush=True)


def absent(bench, peer, reason):
    """A peer that is not here is said to be absent, never guessed."""
    put(bench, peer, "is_absent", 1, "boolean")
    say(f"{peer} is absent: {reason}")


def say(message):
    print(message, file=sys.stderr, flush=True)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


median = statistics.median


def first_cpus(count):
    """The CPUs that a measurement of `count` threads is pinned to."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        return None
    return allowed[:count]
