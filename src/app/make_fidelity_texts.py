#!/usr/bin/env python3
"""Writes fidelity_texts.c: passages of the sample corpus, over which `coffer model add` compares precisions.

usage: src/app/make_fidelity_texts.py > src/app/fidelity_texts.c
"""

import pathlib
import re

CORPUS = pathlib.Path(__file__).resolve().parent.parent.parent / "data" / "samples" / "corpus"
PASSAGE_BYTES = 900
COUNT = 96
HEAD = """/* Passages of the sample corpus, written by make_fidelity_texts.py: what `coffer model add` compares
 * precisions over. Several languages, from a few words to whole chunks. */
#include "fidelity_texts.h"

const char *const COF_FIDELITY_TEXTS[] = {
"""
TAIL = """};

const size_t COF_FIDELITY_TEXT_COUNT = sizeof(COF_FIDELITY_TEXTS) / sizeof(COF_FIDELITY_TEXTS[0]);
"""


def passages():
    """Of every document its beginning, and of every third one its title alone."""
    for number, path in enumerate(sorted(CORPUS.rglob("*"))):
        if path.suffix not in (".md", ".txt"):
            continue
        words = " ".join(path.read_text(encoding="utf-8").split())
        if number % 3 == 0:
            yield re.split(r"(?<=[.!?。])", words.lstrip("# "))[0][:120]
        yield words[:PASSAGE_BYTES]


def literal(text):
    """C strings of up to 90 columns; nothing but printable ASCII stands in the file as it is."""
    pieces, line = [], ""
    for character in text:
        code = "".join(f"\\{byte:03o}" for byte in character.encode())
        code = character if character.isascii() and character.isprintable() else code
        line += {'"': '\\"', "\\": "\\\\", "?": "\\?"}.get(character, code)
        if len(line) > 85:
            pieces.append(line)
            line = ""
    pieces.append(line)
    return "\n".join(f'    "{piece}"' for piece in pieces) + ",\n"


def main():
    print(HEAD + "".join(literal(text) for text in list(passages())[:COUNT]) + TAIL, end="")


if __name__ == "__main__":
    main()
