"""The texts that the benchmarks work on: generated from the sample corpus, or the user's own.

Generated passages are sentences of the English sample documents in a random but seeded order, cut
to the lengths that chunks of real documents have; so they cost what real text costs, and no run
needs anything outside the checkout.
"""

import json
import pathlib
import random
import re

SAMPLES = pathlib.Path(__file__).resolve().parent.parent / "data" / "samples"
# A chunk of 200 tokens holds about 150 English words.
PASSAGE_WORDS = 150


def is_mostly_ascii(text):
    return sum(ord(c) < 128 for c in text) > 0.98 * len(text)


def sample_sentences():
    sentences = []
    for path in sorted((SAMPLES / "corpus").rglob("*")):
        if path.suffix not in (".md", ".txt"):
            continue
        for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
            paragraph = " ".join(paragraph.split())
            if is_mostly_ascii(paragraph):
                sentences += [sentence for sentence in re.split(r"(?<=[.!?]) ", paragraph)
                              if len(sentence.split()) >= 4]
    return sentences


def passages(count, seed=1):
    """`count` texts of log-normal length around PASSAGE_WORDS words."""
    generator = random.Random(seed)
    sentences = sample_sentences()
    made = []
    for _ in range(count):
        wanted = generator.lognormvariate(0, 0.5) * PASSAGE_WORDS
        words = []
        while len(words) < wanted:
            words += generator.choice(sentences).split()
        made.append(" ".join(words))
    return made


def questions(count, seed=2):
    """Short questions: those of the sample corpus in English, then parts of its sentences."""
    with open(SAMPLES / "questions.jsonl", encoding="utf-8") as lines:
        made = [question["question"] for question in map(json.loads, lines)
                if question["lang"] == "en"][:count]
    generator = random.Random(seed)
    sentences = sample_sentences()
    while len(made) < count:
        words = generator.choice(sentences).split()
        size = generator.randint(4, 14)
        begin = generator.randrange(max(1, len(words) - size + 1))
        made.append(" ".join(words[begin:begin + size]))
    return made


def read(path):
    """One text a line, or a BEIR .jsonl, whose titles are put before the texts."""
    with open(path, encoding="utf-8") as lines:
        if not str(path).endswith(".jsonl"):
            return [line.strip() for line in lines if line.strip()]
        records = [json.loads(line) for line in lines if line.strip()]
    return [f"{record.get('title', '')} {record['text']}".strip() for record in records]


def write_lines(path, texts):
    """One JSON string a line: what bench_embed and embed_onnx.py read."""
    with open(path, "w", encoding="utf-8") as out:
        for text in texts:
            out.write(json.dumps(text, ensure_ascii=False) + "\n")
