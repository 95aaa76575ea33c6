#!/usr/bin/env python3
"""Writes what the embedder's tests expect: expected.jsonl and tokens.tsv.

    python3 make_expected.py MODEL_FOLDER      (all-MiniLM-L6-v2; packages: numpy 2, tokenizers 0.23.3)

A second implementation, sharing nothing with ours: tokens come from the package `tokenizers`, vectors
from the forward pass below, written from the papers (Vaswani et al. 2017, Devlin et al. 2019) in
64-bit floats, which reads the safetensors file by itself. Texts are made by a seeded generator, so a
second run writes the same bytes.

expected.jsonl  one object a line: "text" (or "base64" where JSON as we read it cannot hold the text),
                "ids" with the special tokens, "vector": base64 of little-endian f32
tokens.tsv      base64 of a text, then FNV-1a (64 bits, hexadecimal) over its ids as little-endian
                u32, without special tokens: uncased, cased, uncased with accents kept
"""

import base64
import json
import math
import random
import struct
import sys
from pathlib import Path

import numpy
from tokenizers import Tokenizer, normalizers

HERE = Path(__file__).parent

SENTENCES = [
    "The invoice must be approved by two people before it is paid.",
    "Does the retention period start when the contract ends?",
    "Email: anna.berg@example.org, phone +49 (30) 1234-5678, total €1,234.50!",
    "def parse(line): return [int(x) for x in line.split(',') if x]",
    "O'Neill's co-worker said: \"it's 3.14159, isn't it?\"",
    "Der Prüfbericht muss bis spätestens 31. März in der Geschäftsstelle vorliegen.",
    "Größe, Straße, Übermaß und Fußgängerüberweg: ÄÖÜ äöü ß.",
    "Le contrat à durée déterminée prend fin à l'échéance prévue, sauf reconduction.",
    "¿Dónde está la copia firmada? ¡Mañana vence el plazo!",
    "A proteção de dados não é opcional; é uma obrigação.",
    "Il modulo è disponibile all'ufficio, perché serve più tempo?",
    "Umowa wygasa z końcem miesiąca, chyba że strony postanowią inaczej: żółć, źdźbło.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Szerződés megszűnése: árvíztűrő tükörfúrógép.",
    "İstanbul'da ıslak imzalı sözleşme gerekir.",
    "Hợp đồng lao động phải được lập thành văn bản trước ngày ký kết.",
    "Договор вступает в силу с момента подписания обеими сторонами.",
    "Ґанок, їжак, єдність, й і щ — українські літери.",
    "Η σύμβαση λήγει στο ΤΕΛΟΣ του έτους. ΣΑΣ ΣΟΦΟΣ",
    "العقد سارٍ من تاريخ التوقيع، ويُجدَّد تلقائيًا كل سنة.",
    "חוזה העבודה נכנס לתוקף ביום החתימה; שָׁלוֹם.",
    "قرارداد از تاریخ امضا معتبر است؛ می‌خواهم نسخه‌ای بگیرم.",
    "अनुबंध हस्ताक्षर की तिथि से प्रभावी होता है।",
    "চুক্তি স্বাক্ষরের দিন থেকে কার্যকর।",
    "ஒப்பந்தம் கையொப்பமிட்ட நாளிலிருந்து அமலுக்கு வரும்.",
    "สัญญามีผลบังคับใช้ตั้งแต่วันที่ลงนาม",
    "合同自双方签字之日起生效，有效期为三年。",
    "員工應於離職前三十日以書面通知公司。",
    "契約は署名の日から効力を生じます。ガギグゲゴ、ﾊﾝｶｸ。",
    "계약은 서명한 날부터 효력이 발생합니다. 값어치 ㄱㄴㄷ",
    "ხელშეკრულება ძალაში შედის ხელმოწერის დღიდან.",
    "Պայմանագիրն ուժի մեջ է մտնում ստորագրման օրվանից։",
    "ውሉ ከተፈረመበት ቀን ጀምሮ ጸንቶ ይቆያል።",
    "Mixed 混合 text на разных языках with عربي and 한국어 and ไทย inside.",
    "豈更車賈滑串句龜 are compatibility ideographs: \U0002f800 \U0002f81a \U00020000 \U0002a700.",
    "ﬁne ﬂuent ﬀ ﬃ — “quotes” ‘single’ … ½ ² ™ № ℃ Ω K Å ＦＵＬＬ ｗｉｄｔｈ",
]

ODD = [
    "",
    " ",
    "\n\n\t\r ",
    "\u3000\u00a0\u2003\u2028\u2029",
    "\0",
    "\0\0a\0b",
    "\u0001\u0002\u001b[31mred\u001b[0m\u007f\u0085\u009f",
    "soft\u00adhyphen zero\u200bwidth join\u200der \ufeffbom \u202eright\u202c to left \u2066x\u2069",
    "\ufffd replaced \ufffd\ufffd",
    "\ue000\uf8ff private \U000f0000 \U0010fffd",
    "[CLS] [SEP] [MASK] [PAD] [UNK] [unused1] ##ing ## #",
    "[CLS][SEP]text[SEP] <s></s><pad>",
    "e\u0301 E\u0301 é É e\u0323\u0302 \u1ec7 \u0301\u0301\u0301",
    "Z\u0351\u036b\u0343\u036a\u0302A\u034b\u0330L\u0322\u0328G\u0321\u0356O\u0315\u0327",
    "\u0301",
    "a\u20ddb \u20e3 1\ufe0f\u20e3",
    "\u0344 \u0345 \u1fb7 \u1f82 \u0958 \u0dde \U0001d160",
    "\u037e \u1fef \u2329\u232a \u212a \u2126 \u212b",
    "\u08e4\u1ab0\U00010a01 newer marks \u2e43\u2e5d newer punctuation \U0001f974 newer emoji",
    "😀",
    "😀😃😄😁 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇨🇳 ❤️ ☺︎ 🥰🫠",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "é" * 100,
    "é" * 101,
    "漢" * 300,
    "한" * 120,
    "a" * 5000,
    "!" * 600,
    "-" * 3 + "=" * 3 + "__init__" + "~" * 3,
    "http://example.org/a/b?c=d&e=f#g%20h user_name@host C:\\dir\\file.txt",
    "1 12 123 1234 1,234,567.89 0x1F 1e-9 ١٢٣ १२३ ⅷ Ⅷ ①",
    "ǅ ǆ Ǆ ẞ ŉ ΐ ﬗ ᏸ Ꭰ ꭰ Ა ა",
    "ࠀ ᜴ ꦀ \U00011938 \U00010d50 \U0001e900",
    "\U0010ffff\uffff\ufdd0",
]


def words_of(sentences):
    return [word for sentence in sentences for word in sentence.split()]


def make_texts():
    rng = random.Random(20261122)
    english = words_of(SENTENCES[:5]) + (
        "account archive audit bank board budget care case claim clause client committee consent "
        "court data deadline delivery department document draft employee employer evidence expense "
        "facility finance hospital identity incident insurance internal invoice laboratory law leave "
        "legal letter liability licence manager medical meeting notice office officer order patient "
        "payment period person policy privacy procedure process protection public purchase record "
        "register regulation report request review risk safety salary secure service signature staff "
        "standard statement supplier tax term training travel treatment unauthorised warranty").split()
    every = words_of(SENTENCES)
    texts = list(SENTENCES) + list(ODD)
    texts += ["Z", "q", ".", "@", "7", "ß", "Ω", "я", "م", "漢", "あ", "한", "ก", "☃", "\u00a0",
              "\u200d", "É"]
    for count in (252, 253, 254, 255, 256, 257, 300):  # around the limit of 256
        texts.append(" ".join(["data"] * count))
    texts.append(" ".join(rng.choice(english) for _ in range(10000)))
    texts.append(" ".join(rng.choice(every) for _ in range(10000)))
    for _ in range(100):
        count = int(2 ** rng.uniform(0, 8))
        texts.append(" ".join(rng.choice(english) for _ in range(count)) + rng.choice(".?! "))
    for _ in range(100):
        count = int(2 ** rng.uniform(0, 6))
        texts.append(rng.choice([" ", "\n", "", "\t", ", "]).join(
            rng.choice(every) for _ in range(count)))
    for _ in range(30):
        texts.append(random_text(rng, 60))
    return texts


def random_char(rng):
    kind = rng.random()
    if kind < 0.30:
        return chr(rng.randrange(0x20, 0x7F))
    if kind < 0.45:
        return chr(rng.randrange(0x80, 0x600))
    if kind < 0.55:
        return chr(rng.randrange(0x300, 0x370))
    if kind < 0.62:
        return chr(rng.randrange(0x3400, 0x9FFF))
    if kind < 0.68:
        return chr(rng.randrange(0xAC00, 0xD7A4))
    if kind < 0.76:
        return rng.choice("\0\t\n\r\x0b\x0c\x1c\x85\u200b\u200d\ufeff\ufffd\u3000\u2028\u00a0\u00ad")
    if kind < 0.82:
        return chr(rng.randrange(0x1F300, 0x1FB00))
    if kind < 0.95:
        point = rng.randrange(0x10000)
        return chr(point) if not 0xD800 <= point < 0xE000 else "x"
    return chr(rng.randrange(0x10000, 0x110000))


def random_text(rng, most):
    return "".join(random_char(rng) for _ in range(rng.randrange(1, most)))


def make_token_texts():
    rng = random.Random(4)
    texts = ODD[:-1] + SENTENCES
    # some of every 128 code points of the two planes where scripts are, inside words and alone
    for first in list(range(0, 0x20000, 128)) + list(range(0x2F800, 0x2FA20, 128)):
        points = [chr(p) for p in rng.sample(range(first, first + 128), 8)
                  if not 0xD800 <= p < 0xE000]
        if points:
            texts.append("".join(f"a{point}b {point} " for point in points))
    while len(texts) < 2600:
        texts.append(random_text(rng, 40))
    return texts[:2600]


class Bert:
    """The encoder, one text at a time, in 64-bit floats."""

    TYPES = {"F32": numpy.float32, "F16": numpy.float16}

    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        raw = (folder / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        self.tensors = {}
        for name, entry in json.loads(raw[8:8 + size]).items():
            if name != "__metadata__" and entry["dtype"] in self.TYPES:
                begin, end = (8 + size + offset for offset in entry["data_offsets"])
                values = numpy.frombuffer(raw[begin:end], self.TYPES[entry["dtype"]])
                self.tensors[name] = values.reshape(entry["shape"]).astype(numpy.float64)

    def linear(self, name, x):
        return x @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]

    def norm(self, name, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred ** 2).mean(axis=-1, keepdims=True)
        scaled = centred / numpy.sqrt(variance + self.config["layer_norm_eps"])
        return scaled * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]

    def attention(self, name, x):
        heads = self.config["num_attention_heads"]
        q, k, v = (self.linear(f"{name}.self.{part}", x).reshape(len(x), heads, -1).swapaxes(0, 1)
                   for part in ("query", "key", "value"))
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        scores = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return self.linear(f"{name}.output.dense", (scores @ v).swapaxes(0, 1).reshape(x.shape))

    def embed(self, ids):
        gelu = numpy.vectorize(lambda value: 0.5 * value * math.erfc(-value / math.sqrt(2)))
        tables = [self.tensors[f"embeddings.{kind}_embeddings.weight"]
                  for kind in ("word", "position", "token_type")]
        x = self.norm("embeddings.LayerNorm",
                      tables[0][ids] + tables[1][:len(ids)] + tables[2][0])
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            x = self.norm(f"{name}.attention.output.LayerNorm",
                          x + self.attention(f"{name}.attention", x))
            wide = gelu(self.linear(f"{name}.intermediate.dense", x))
            x = self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", wide))
        vector = x.mean(axis=0)
        return vector / numpy.linalg.norm(vector)


def open_tokenizer(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # "[SEP]" in a text is text
    return tokenizer


def fnv(ids):
    value = 0xCBF29CE484222325
    for byte in b"".join(struct.pack("<I", i) for i in ids):
        value = (value ^ byte) * 0x100000001B3 % 2 ** 64
    return f"{value:016x}"


def write_expected(folder):
    bert = Bert(folder)
    tokenizer = open_tokenizer(folder)
    limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    tokenizer.enable_truncation(limit)
    with open(HERE / "expected.jsonl", "w", encoding="utf-8") as out:
        for text in make_texts():
            ids = tokenizer.encode(text).ids
            vector = bert.embed(ids).astype("<f4").tobytes()
            row = {"base64": base64.b64encode(text.encode()).decode()} if "\0" in text \
                else {"text": text}
            row |= {"ids": ids, "vector": base64.b64encode(vector).decode()}
            out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_tokens(folder):
    tokenizer = open_tokenizer(folder)
    rules = [dict(lowercase=True), dict(lowercase=False), dict(lowercase=True, strip_accents=False)]
    texts = make_token_texts()
    columns = [[base64.b64encode(text.encode()).decode() for text in texts]]
    for rule in rules:
        tokenizer.normalizer = normalizers.BertNormalizer(**rule)
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        columns.append([fnv(encoding.ids) for encoding in encodings])
    with open(HERE / "tokens.tsv", "w", encoding="ascii") as out:
        for row in zip(*columns):
            out.write("\t".join(row) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_tokens(Path(sys.argv[1]))
    write_expected(Path(sys.argv[1]))
