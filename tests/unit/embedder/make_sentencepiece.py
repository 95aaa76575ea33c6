#!/usr/bin/env python3
"""Makes what the sentencepiece tests compare with, by the reference package.

    pip install sentencepiece==0.2.1
    make_sentencepiece.py models             trains the small models beside this script and writes
                                             their cases
    make_sentencepiece.py cases OUT TEXTS… -- MODEL…
                                             writes to the folder OUT, for every model, NAME.cases
                                             over the lines of the given files (of a .jsonl file
                                             the fields "text" and "title"): what
                                             COFFER_SENTENCEPIECE_CASES may name when the tests run

A case is a line: the text in hex, its pieces' ids, and begin:end of each in bytes of the text.
"""
import json
import os
import random
import sys

import sentencepiece

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = os.path.join(HERE, "sentencepiece")

WORDS = """the bank keeps a file of every note and the files are safe notes banking filed keeping
note that a banker is keeping the safe in the bank where files and notes are filed every day
die Bank verwahrt Akten und Notizen sicher jeden Tag größer schön über Straße
банк хранит каждый документ и записку в сейфе каждый день
银行 保存 文件 银行保存每份文件 文件在银行 安全 文件安全 每天
البنك يحفظ كل ملف وكل مذكرة""".split("\n")

# Full width → ASCII, a ligature, an expansion, a composition, a deletion.
RULES = [("Ａ", "A"), ("Ｂ", "B"), ("１", "1"), ("ﬁ", "fi"), ("㌔", "キロ"), ("e\u0301", "é"),
         ("\u00ad", ""), ("\t", " "), ("\n", " "), ("\u00a0", " "), ("\u3000", " "), ("…", "...")]

ADVERSARIAL = ["", " ", "   ", "\n", "\t\n ", "a", " a", "a ", "  a  b  ", "▁", "▁▁a", "a▁b",
               "<s>", "</s>", "<unk>", "<pad>", "<mask>", "a<s>b </s> [CLS] [SEP] [MASK]", "<0x41>",
               "<0x00>", "\u0000", "a\u0000b", "\u200b\u200d\ufeff", "e\u0301e\u0301 cafe\u0301",
               "ﬁle ㌔㌔ ＡＢ１ …", "\u00ad", "a\u00adb", "\ufdfa", "\u1e9b\u0323", "각 한국어",
               "🏦💾👩‍👩‍👧‍👦 🇩🇪", "\U0010ffff", "\ufffd", "a" * 200, "文" * 50, " " * 60 + "x",
               "𝔄𝔅ℂ ½ ² Ⅷ", "ا\u064b\u064c\u064d", "x\u0300\u0301\u0302\u0303" * 9,
               "‮right‬ to left", "1,234.56 12:30 a@b.c http://x.y/z?q=%20", "\r\n\r\n", "\x7f\x1b[0m"]


def random_texts(count, seed):
    source = random.Random(seed)
    ranges = [(0x20, 0x7f), (0xa0, 0x250), (0x300, 0x370), (0x400, 0x460), (0x600, 0x660),
              (0x1100, 0x1200), (0x2000, 0x2070), (0x2580, 0x2590), (0x3040, 0x3100),
              (0x4e00, 0x4e80), (0xac00, 0xac80), (0xff00, 0xff60), (0x1f300, 0x1f400)]
    for _ in range(count):
        text = []
        for _ in range(source.randrange(1, 40)):
            if source.random() < 0.4:
                line = source.choice(WORDS).split(" ")
                text.append(source.choice(line) + source.choice(["", " "]))
            else:
                low, high = source.choice(ranges)
                text.append(chr(source.randrange(low, high)))
        yield "".join(text)


def train(name, **options):
    corpus = [line for line in WORDS for _ in range(20)]
    source = random.Random(7)
    for line in WORDS:
        words = line.split(" ")
        for _ in range(60):
            corpus.append(" ".join(source.choice(words) for _ in range(8)))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_prefix=name,
        num_threads=1, minloglevel=2, character_coverage=1.0, **options)
    os.remove(name + ".vocab")


def write_cases(model, path, texts):
    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    with open(path, "w", encoding="ascii") as out:
        for text in texts:
            data = text.encode("utf-8")
            # The package gives places in code points.
            place = [0]
            for character in text:
                place.append(place[-1] + len(character.encode("utf-8")))
            pieces = processor.encode(text, out_type="immutable_proto").pieces
            ids = " ".join(str(piece.id) for piece in pieces)
            spans = " ".join(f"{place[piece.begin]}:{place[piece.end]}" for piece in pieces)
            out.write(f"{data.hex()}\t{ids}\t{spans}\n")


def make_models():
    os.makedirs(SMALL, exist_ok=True)
    os.chdir(SMALL)  # a model keeps the paths that it was made with
    rules = "rules.tsv"
    with open(rules, "w", encoding="ascii") as out:
        for before, after in RULES:
            out.write(" ".join(f"{ord(c):X}" for c in before) + "\t" +
                      " ".join(f"{ord(c):X}" for c in after) + "\n")
    train("unigram", model_type="unigram", vocab_size=400, hard_vocab_limit=False,
          normalization_rule_tsv=rules,
          unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    train("bpe", model_type="bpe", vocab_size=480, byte_fallback=True,
          normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
          user_defined_symbols=["  ", "    ", "<image>"])
    train("suffix", model_type="unigram", vocab_size=400, hard_vocab_limit=False,
          normalization_rule_tsv=rules,
          treat_whitespace_as_suffix=True, control_symbols=["[CLS]", "[SEP]"])
    os.remove(rules)
    texts = ADVERSARIAL + WORDS + list(random_texts(50, 11))
    for name in ("unigram", "bpe", "suffix"):
        write_cases(name + ".model", name + ".cases", texts)


def read_texts(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if path.endswith(".jsonl"):
                record = json.loads(line)
                yield from (record[key] for key in ("title", "text") if record.get(key))
            else:
                yield line.rstrip("\n")


def make_cases(folder, arguments):
    split = arguments.index("--")
    texts = ADVERSARIAL + WORDS + list(random_texts(3000, 12))
    for path in arguments[:split]:
        texts.extend(read_texts(path))
    os.makedirs(folder, exist_ok=True)
    for model in arguments[split + 1:]:
        name = os.path.join(folder, os.path.basename(model))
        write_cases(model, name.removesuffix(".model") + ".cases", texts)
        if not os.path.exists(name):
            os.symlink(os.path.abspath(model), name)


def main():
    if sys.argv[1:] == ["models"]:
        make_models()
    elif len(sys.argv) > 4 and sys.argv[1] == "cases" and "--" in sys.argv:
        make_cases(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(__doc__)


main()
