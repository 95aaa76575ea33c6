#!/usr/bin/env python3
"""Writes transformers.cases: what the transformers package computes on the tiny models' weights.

    pip install transformers==4.44.2 flax==0.8.5 jax==0.4.30 jaxlib==0.4.30
    make_transformers_cases.py

The weights are made here as tiny_model.c makes them, so that only results need to be kept. A case is
a line: family, hidden size, layers, heads, intermediate size, labels, seed; ids; where the second
text begins; the score; the mean of the last hidden state as a vector of unit length.
"""
import os

import jax
import numpy
from transformers import BertConfig, XLMRobertaConfig
from transformers import FlaxBertForSequenceClassification, FlaxXLMRobertaForSequenceClassification

HERE = os.path.dirname(os.path.abspath(__file__))
POSITIONS = 40
F32 = numpy.float32

SHAPES = [
    # family, hidden, layers, heads, intermediate, labels, seed
    ("xlm-roberta", 32, 2, 4, 48, 1, 21),
    ("xlm-roberta", 96, 4, 6, 200, 2, 22),
    ("xlm-roberta", 60, 3, 3, 52, 1, 23),
    ("bert", 32, 2, 4, 48, 1, 24),
    ("bert", 60, 3, 3, 52, 2, 25),
]


class Random:
    """tests/support/seeded_random.c"""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9e3779b97f4a7c15) & mask
        word = self.state
        word = ((word ^ (word >> 30)) * 0xbf58476d1ce4e5b9) & mask
        word = ((word ^ (word >> 27)) * 0x94d049bb133111eb) & mask
        return word ^ (word >> 31)

    def unit(self):
        return float(self.next() >> 11) * 2.0**-53


def make_tensors(family, hidden, layers, intermediate, labels, seed):
    """tiny_model_create() in tiny_model.c"""
    source = Random(seed)
    tensors = {}

    def add(name, shape, centre, spread):
        count = int(numpy.prod(shape))
        values = [F32(centre) + F32(spread) * F32(2.0 * source.unit() - 1.0) for _ in range(count)]
        tensors[name] = numpy.array(values, dtype=F32).reshape(shape)

    def add_linear(name, output, width, factor=1):
        add(name + ".weight", (output, width), 0, F32(factor) * (F32(2) / numpy.sqrt(F32(width))))
        add(name + ".bias", (output,), 0, 0.2)

    def add_norm(name):
        add(name + ".LayerNorm.weight", (hidden,), 1, 0.3)
        add(name + ".LayerNorm.bias", (hidden,), 0, 0.3)

    is_bert = family == "bert"
    add("embeddings.word_embeddings", (50 if is_bert else 142, hidden), 0, 1)
    add("embeddings.position_embeddings", (POSITIONS + (0 if is_bert else 2), hidden), 0, 0.5)
    add("embeddings.token_type_embeddings", (2 if is_bert else 1, hidden), 0, 0.5)
    add_norm("embeddings")
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            add_linear(layer + "attention.self." + name, hidden, hidden)
        add_linear(layer + "attention.output.dense", hidden, hidden)
        add_norm(layer + "attention.output")
        add_linear(layer + "intermediate.dense", intermediate, hidden)
        add_linear(layer + "output.dense", hidden, intermediate)
        add_norm(layer + "output")
    add_linear("pooler.dense" if is_bert else "classifier.dense", hidden, hidden)
    add_linear("classifier" if is_bert else "classifier.out_proj", labels, hidden, 3)
    return tensors


def set_parameter(parameters, path, value):
    for part in path[:-1]:
        parameters = parameters[part]
    assert parameters[path[-1]].shape == value.shape, path
    parameters[path[-1]] = value


def load(model, family, tensors):
    """The package keeps linear weights transposed and calls them kernels."""
    parameters = jax.tree_util.tree_map(numpy.array, model.params)
    encoder = "bert" if family == "bert" else "roberta"
    for name, value in tensors.items():
        path = name.split(".")
        if path[0] != "classifier":
            path.insert(0, encoder)
        if path[-1].endswith("_embeddings"):
            path.append("embedding")
        elif path[-1] == "weight" and "LayerNorm" in path:
            path[-1] = "scale"
        elif path[-1] == "weight":
            path[-1] = "kernel"
            value = value.T
        set_parameter(parameters, path, value)
    return parameters


def make_case(shape, source):
    family, hidden, layers, heads, intermediate, labels, seed = shape
    is_bert = family == "bert"
    kind, make = ((BertConfig, FlaxBertForSequenceClassification) if is_bert else
                  (XLMRobertaConfig, FlaxXLMRobertaForSequenceClassification))
    config = kind(
        vocab_size=50 if is_bert else 142, hidden_size=hidden, num_hidden_layers=layers,
        num_attention_heads=heads, intermediate_size=intermediate, num_labels=labels,
        max_position_embeddings=POSITIONS + (0 if is_bert else 2),
        type_vocab_size=2 if is_bert else 1, layer_norm_eps=1e-12 if is_bert else 1e-5,
        pad_token_id=0 if is_bert else 1)
    model = make(config, seed=0, dtype=jax.numpy.float32)
    parameters = load(model, family, make_tensors(family, hidden, layers, intermediate, labels,
                                                  seed))
    count = 5 + source.next() % 30
    second = 2 + source.next() % (count - 3)
    ids = [4 + source.next() % 46 for _ in range(count)]
    types = [int(is_bert and i >= second) for i in range(count)]
    single = numpy.zeros((1, count), dtype="i4")
    run = {"params": parameters, "output_hidden_states": True}
    with jax.default_matmul_precision("float32"):
        pair = model(numpy.array([ids], dtype="i4"), token_type_ids=numpy.array([types]), **run)
        alone = model(numpy.array([ids], dtype="i4"), token_type_ids=single, **run)
    logits = numpy.asarray(pair.logits[0], dtype=numpy.float64)
    logit = logits[0] if labels == 1 else logits[1] - logits[0]
    mean = numpy.asarray(alone.hidden_states[-1][0], dtype=numpy.float64).mean(axis=0)
    mean /= numpy.linalg.norm(mean)
    return "\t".join([" ".join(map(str, shape)), " ".join(map(str, ids)), str(second),
                      f"{1 / (1 + numpy.exp(-logit)):.9f}", " ".join(f"{x:.9g}" for x in mean)])


def main():
    source = Random(99)
    with open(os.path.join(HERE, "transformers.cases"), "w", encoding="ascii") as out:
        for shape in SHAPES:
            for _ in range(3):
                out.write(make_case(shape, source) + "\n")


main()
