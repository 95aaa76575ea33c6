#!/usr/bin/env python3
"""Writes the weights of a BERT encoder in ONNX as model.safetensors, in f32.

    onnx_to_safetensors.py MODEL.onnx OUT.safetensors

Two kinds of files are understood: those that PyTorch exports (tensors keep their published names,
those of matrix products are found by the names of the nodes), and those of ONNX Runtime's model
builder (layers.N.attn.q_proj and so on). Weights quantised to 8 bits, with a scale for the whole
tensor or for every column, are turned back into floats. The same input gives the same bytes.
"""
import json
import re
import sys

import numpy
import onnx
import onnx.numpy_helper

NORM = {"weight": "LayerNorm.weight", "bias": "LayerNorm.bias"}

# The model builder's names and the published ones.
BUILDER_LINEAR = {
    "attn.q_proj": "attention.self.query",
    "attn.k_proj": "attention.self.key",
    "attn.v_proj": "attention.self.value",
    "attn.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
BUILDER_NORM = {
    "attention_output_norm_layernorm": "attention.output",
    "mlp_output_norm_layernorm": "output",
}
BUILDER_EMBEDDINGS_NORM = "embeddings_norm_layernorm"

TORCH_NODE = re.compile(
    r"^/(?:bert/|model/|auto_model/)?(encoder/layer\.\d+/"
    r"(?:attention/self/(?:query|key|value)|attention/output/dense|intermediate/dense|output/dense))"
    r"/MatMul(?:_quant)?$")
TORCH_NAME = re.compile(r"^(?:bert\.|model\.|auto_model\.)?((?:embeddings|encoder)\..*\.(?:weight|bias))$")
BUILDER_MATRIX = re.compile(r"^model\.layers\.(\d+)\.([a-z_.0-9]+)\.MatMul\.weight$")
BUILDER_BIAS = re.compile(r"^model\.layers\.(\d+)\.([a-z_.0-9]+)\.Add\.bias$")
BUILDER_NORM_NAME = re.compile(r"^model\.layers\.(-?\d+)\.([a-z_]+)\.(weight|bias)$")
BUILDER_EMBEDDING = re.compile(r"^\.?model\.(embeddings\.[a-z_]+_embeddings\.weight)$")


class Model:
    """The constants of a graph by name, those in 8 bits as floats again."""

    def __init__(self, graph):
        self.raw = {tensor.name: tensor for tensor in graph.initializer}
        self.nodes = graph.node

    def names(self):
        for name in self.raw:
            if name.endswith("_quantized"):
                yield name.removesuffix("_quantized")
            elif not name.endswith(("_scale", "_zero_point")):
                yield name

    def value(self, name):
        name = name.removesuffix("_quantized")
        if name in self.raw:
            return onnx.numpy_helper.to_array(self.raw[name]).astype(numpy.float32)
        quantised = onnx.numpy_helper.to_array(self.raw[name + "_quantized"]).astype(numpy.int32)
        zero_point = onnx.numpy_helper.to_array(self.raw[name + "_zero_point"]).astype(numpy.int32)
        scale = onnx.numpy_helper.to_array(self.raw[name + "_scale"]).astype(numpy.float32)
        return (quantised - zero_point).astype(numpy.float32) * scale


def read_torch(model, tensors):
    for name in model.names():
        match = TORCH_NAME.match(name)
        if match:
            tensors[match[1]] = model.value(name)
    for node in model.nodes:
        match = TORCH_NODE.match(node.name)
        if match and node.op_type in ("MatMul", "MatMulInteger"):
            tensors[match[1].replace("/", ".") + ".weight"] = model.value(node.input[1]).T


def read_builder(model, tensors):
    for name in model.names():
        if match := BUILDER_MATRIX.match(name):
            tensors[f"encoder.layer.{match[1]}.{BUILDER_LINEAR[match[2]]}.weight"] = \
                model.value(name).T
        elif match := BUILDER_BIAS.match(name):
            tensors[f"encoder.layer.{match[1]}.{BUILDER_LINEAR[match[2]]}.bias"] = \
                model.value(name)
        elif match := BUILDER_NORM_NAME.match(name):
            owner = ("embeddings" if match[2] == BUILDER_EMBEDDINGS_NORM else
                     f"encoder.layer.{match[1]}.{BUILDER_NORM[match[2]]}")
            tensors[f"{owner}.{NORM[match[3]]}"] = model.value(name)
        elif match := BUILDER_EMBEDDING.match(name):
            tensors[match[1]] = model.value(name)


def check(tensors):
    """Every tensor that an encoder of that many layers has, and no other."""
    layers = {int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer.")}
    wanted = {f"embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")}
    owners = ["embeddings.LayerNorm"]
    for layer in range(max(layers, default=-1) + 1):
        owners += [f"encoder.layer.{layer}.{name}" for name in
                   (*BUILDER_LINEAR.values(), "attention.output.LayerNorm", "output.LayerNorm")]
    wanted.update(f"{owner}.{part}" for owner in owners for part in ("weight", "bias"))
    if not layers or set(tensors) != wanted:
        missing = sorted(wanted - set(tensors))
        extra = sorted(set(tensors) - wanted)
        sys.exit(f"not the tensors of a BERT encoder: missing {missing[:5]}, not known {extra[:5]}")


def write(tensors, path):
    header = {}
    offset = 0
    for name in sorted(tensors):
        size = 4 * tensors[name].size
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(tensors):
            out.write(numpy.ascontiguousarray(tensors[name], dtype="<f4").tobytes())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = Model(onnx.load(sys.argv[1]).graph)
    tensors = {}
    is_builder = any(BUILDER_MATRIX.match(name) for name in model.names())
    (read_builder if is_builder else read_torch)(model, tensors)
    check(tensors)
    write(tensors, sys.argv[2])


main()
