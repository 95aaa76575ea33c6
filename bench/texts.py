"""The texts that the benchmarks work on: generated, always the same, or the user's own.

Passages are sentences of the English sample documents in a random but seeded order, cut to the
lengths that chunks of real documents have; so they cost an embedder what real text costs. Synthetic
documents have the statistics that an index feels: words by Zipf's law, and topics.
"""

import bisect
import functools
import itertools
import json
import os
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


MODEL = "all-MiniLM-L6-v2"
TOPIC_COUNT = 200
TOPIC_WORDS = 120


class ZipfWords:
    """English words, by falling frequency, drawn with probability 1 / rank."""

    def __init__(self):
        with open(os.path.join(os.environ["COFFER_MODELS"], MODEL, "vocab.txt"),
                  encoding="utf-8") as lines:
            self.words = [word for word in map(str.strip, lines)
                          if len(word) > 2 and word.isascii() and word.isalpha()]
        self.sums = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(self.words))))
        generator = random.Random(3)
        self.topics = [generator.sample(self.words[200:], TOPIC_WORDS) for _ in range(TOPIC_COUNT)]

    def draw(self, generator):
        return self.words[bisect.bisect(self.sums, generator.random() * self.sums[-1])]

    def text(self, generator, count):
        """About half of the words belong to one topic, as in documents about something."""
        topic = generator.choice(self.topics)
        return " ".join(generator.choice(topic) if generator.random() < 0.5
                        else self.draw(generator) for _ in range(count))


@functools.cache
def zipf_words():
    return ZipfWords()


def synthetic_documents(count, words, seed=4):
    """Documents of one chunk each: {"id", "text"}, about `words` words."""
    generator = random.Random(seed)
    return [{"id": f"d{i}",
             "text": zipf_words().text(generator, generator.randint(words // 2, words * 3 // 2))}
            for i in range(count)]


def synthetic_questions(count, seed=5):
    generator = random.Random(seed)
    return [zipf_words().text(generator, generator.randint(3, 10)) for _ in range(count)]


def read(path):
    """One text a line, or a BEIR .jsonl, whose titles are put before the texts."""
    with open(path, encoding="utf-8") as lines:
        if not str(path).endswith(".jsonl"):
            return [line.strip() for line in lines if line.strip()]
        records = [json.loads(line) for line in lines if line.strip()]
    return [f"{record.get('title', '')} {record['text']}".strip() for record in records]


def write_lines(path, texts):
    """One JSON string a line: what bench_embed and embed_peer.py read."""
    with open(path, "w", encoding="utf-8") as out:
        for text in texts:
            out.write(json.dumps(text, ensure_ascii=False) + "\n")
