"""A peer of bench/embed.c: the same model in another engine, answering the same commands.

usage: embed_peer.py --engine NAME --model FOLDER --threads N --max-tokens N CASE=TEXTS.jsonl…

Engines: onnxruntime-f32, onnxruntime-int8 (the f32 model through ONNX Runtime's own dynamic quantisation,
per channel), openvino-f32. Each is given its best: the tokenizer of the Rust package, texts sorted by length
so that a batch has little padding, and of several batch sizes the one that is fastest here. Tokens are counted
without padding, after truncation, as bench_embed counts them.
"""

import argparse
import json
import os
import sys
import tempfile
import time

BATCH_SIZES = (1, 4, 8, 16, 32)
TRIAL_TEXTS = 32


def quantized(path, folder):
    """The model with 8-bit weights and activations quantised as they come, in a file of `folder`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = os.path.join(folder, "int8.onnx")
    quantize_dynamic(path, made, per_channel=True, weight_type=QuantType.QInt8)
    return made


class OnnxRuntime:
    def __init__(self, path, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Its threads spin while it works, as by default, but not while we are at work.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.inputs = {put.name for put in self.session.get_inputs()}

    def run(self, feeds):
        return self.session.run(None, feeds)[0]


class OpenVino:
    def __init__(self, path, threads):
        import openvino

        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                    "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        self.model = openvino.Core().compile_model(path, "CPU", settings)
        self.inputs = {name for put in self.model.inputs for name in put.names}

    def run(self, feeds):
        return self.model(feeds)[0]


def open_engine(engine, path, threads):
    if engine == "openvino-f32":
        return OpenVino(path, threads)
    if engine == "onnxruntime-f32":
        return OnnxRuntime(path, threads)
    with tempfile.TemporaryDirectory(prefix="coffer-bench-") as folder:
        return OnnxRuntime(quantized(path, folder), threads)


class Peer:
    def __init__(self, engine, folder, threads, max_tokens):
        # Before the import: the tokenizer's threads are counted once.
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
        import numpy
        import tokenizers

        self.numpy = numpy
        self.tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.tokenizer.enable_truncation(max_length=max_tokens)
        self.tokenizer.no_padding()
        self.engine = open_engine(engine, os.path.join(folder, "onnx", "model.onnx"), threads)
        self.batch_sizes = {}

    def compute(self, encodings):
        numpy = self.numpy
        longest = max(len(encoding.ids) for encoding in encodings)
        ids = numpy.zeros((len(encodings), longest), dtype=numpy.int64)
        mask = numpy.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, :len(encoding.ids)] = encoding.ids
            mask[row, :len(encoding.ids)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.engine.inputs:
            feeds["token_type_ids"] = numpy.zeros_like(ids)
        states = self.engine.run(feeds)
        weights = mask[:, :, None].astype(numpy.float32)
        vectors = (states * weights).sum(axis=1) / weights.sum(axis=1)
        return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)

    def embed(self, texts, batch_size):
        """Returns (vectors, tokens)."""
        encodings = self.tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
        vectors = [None] * len(texts)
        for begin in range(0, len(order), batch_size):
            batch = order[begin:begin + batch_size]
            for i, vector in zip(batch, self.compute([encodings[i] for i in batch])):
                vectors[i] = vector
        return self.numpy.stack(vectors), sum(len(encoding.ids) for encoding in encodings)

    def best_batch_size(self, name, texts):
        if name not in self.batch_sizes:
            step = max(1, len(texts) // TRIAL_TEXTS)
            trial = texts[::step][:TRIAL_TEXTS]
            self.embed(trial, BATCH_SIZES[0])
            took = {}
            for size in BATCH_SIZES:
                start = time.perf_counter()
                self.embed(trial, size)
                took[size] = time.perf_counter() - start
            self.batch_sizes[name] = min(took, key=took.get)
            print(f"onnxruntime: {name} in batches of {self.batch_sizes[name]}", file=sys.stderr)
        return self.batch_sizes[name]

    def run_pass(self, name, texts):
        size = self.best_batch_size(name, texts)
        start_cpu = time.process_time()
        start = time.perf_counter()
        _, tokens = self.embed(texts, size)
        return {"seconds": time.perf_counter() - start,
                "cpu_seconds": time.process_time() - start_cpu, "tokens": tokens}

    def run_single(self, texts):
        tokens = 0
        latencies = []
        start = before = time.perf_counter()
        for text in texts:
            tokens += self.embed([text], 1)[1]
            after = time.perf_counter()
            latencies.append((after - before) * 1e3)
            before = after
        latencies.sort()
        return {"seconds": before - start, "tokens": tokens,
                "p50_ms": latencies[len(latencies) // 2],
                "p99_ms": latencies[len(latencies) * 99 // 100]}

    def write_vectors(self, name, texts, path):
        vectors, _ = self.embed(texts, self.best_batch_size(name, texts))
        vectors.astype(self.numpy.float32).tofile(path)
        return {"vectors": len(texts), "dimension": vectors.shape[1]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--max-tokens", type=int, required=True)
    parser.add_argument("cases", nargs="+")
    options = parser.parse_args()

    cases = {}
    for case in options.cases:
        name, path = case.split("=", 1)
        with open(path, encoding="utf-8") as lines:
            cases[name] = [json.loads(line) for line in lines]
    peer = Peer(options.engine, options.model, options.threads, options.max_tokens)
    print(json.dumps({"is_ready": True}), flush=True)
    for line in sys.stdin:
        verb, name, *rest = line.split()
        if verb == "pass":
            answer = peer.run_pass(name, cases[name])
        elif verb == "single":
            answer = peer.run_single(cases[name])
        elif verb == "vectors":
            answer = peer.write_vectors(name, cases[name], rest[0])
        else:
            sys.exit(f"no such command: {verb}")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
