#!/usr/bin/env python3
"""Writes bert_unicode.c: the character classes that the published BERT tokenizers use.

    python3 make_bert_unicode.py > bert_unicode.c && clang-format -i bert_unicode.c

The classes are asked from the package `tokenizers` (0.23.3), one code point at a time, because they
stand at the Unicode version that package was written against, not at the one of any ICU.
"""

from tokenizers import normalizers, pre_tokenizers

HEAD = """/* Character classes as the published BERT tokenizers have them; written by make_bert_unicode.py.
 *
 * They stand at an older Unicode version on purpose: a mark or a punctuation sign assigned since
 * then is an ordinary letter to the published tokenizers, so it must be one here. */
#include "bert_unicode.h"

#include <stddef.h>

struct range {
    uint32_t first;
    uint32_t last;
};
"""

TAIL = """
static bool has(const struct range *ranges, size_t count, uint32_t code_point)
{
    size_t begin = 0;
    size_t end = code_point < ranges[0].first ? 0 : count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (ranges[middle].last < code_point)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin < count && ranges[begin].first <= code_point;
}

#define HAS(ranges, code_point) has(ranges, sizeof(ranges) / sizeof((ranges)[0]), code_point)

bool cof_bert_unicode_is_dropped(uint32_t code_point)
{
    return HAS(dropped, code_point);
}

bool cof_bert_unicode_is_mark(uint32_t code_point)
{
    return HAS(marks, code_point);
}

bool cof_bert_unicode_is_punctuation(uint32_t code_point)
{
    return HAS(punctuation, code_point);
}

bool cof_bert_unicode_is_chinese(uint32_t code_point)
{
    return HAS(chinese, code_point);
}
"""


def normalizer(**switched_on):
    names = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
    return normalizers.BertNormalizer(**{name: switched_on.get(name, False) for name in names})


def ranges(wanted):
    result = []
    for code_point in (c for c in range(0x110000) if not 0xD800 <= c < 0xE000):
        if not wanted(chr(code_point)):
            continue
        if result and result[-1][1] == code_point - 1:
            result[-1][1] = code_point
        else:
            result.append([code_point, code_point])
    return result


def table(name, comment, wanted):
    print(f"\n/* {comment} */\nstatic const struct range {name}[] = {{")
    for first, last in ranges(wanted):
        print(f"    {{0x{first:04x}, 0x{last:04x}}},")
    print("};")


clean = normalizer(clean_text=True)
strip = normalizer(strip_accents=True)
spaced = normalizer(handle_chinese_chars=True)
pre = pre_tokenizers.BertPreTokenizer()

print(HEAD, end="")
table("dropped", "Taken out of the text before anything else: controls, formats, private use.",
      lambda c: clean.normalize_str(c) == "")
table("marks", "Taken out with the accents.", lambda c: strip.normalize_str(c) == "")
table("punctuation", "Each one a word of its own.",
      lambda c: [part for part, _ in pre.pre_tokenize_str(f"a{c}b")] == ["a", c, "b"])
table("chinese", "Each one a word of its own, where the tokenizer says so.",
      lambda c: spaced.normalize_str(c) != c)
print(TAIL, end="")
