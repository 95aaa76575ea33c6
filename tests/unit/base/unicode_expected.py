#!/usr/bin/env python3
"""Prints the constants of test_unicode.c: hashes over what Python's own Unicode tables say.

For every code point that Python's version of Unicode assigns (or not, for the categories), in
ascending order, the UTF-8 of the result goes into a 64-bit FNV-1a hash, followed by a byte FF. Python
3.11 carries Unicode 14; the test skips code points that are younger, and the mappings of those that
are there are stable by Unicode's own policy.
"""
import sys
import unicodedata


def fnv(pieces):
    value = 0xCBF29CE484222325
    for piece in pieces:
        for byte in piece + b"\xff":
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def assigned():
    for code_point in range(0x110000):
        if not 0xD800 <= code_point <= 0xDFFF and unicodedata.category(chr(code_point)) != "Cn":
            yield chr(code_point)


def lower(character):
    return character.lower()  # one character alone: the final sigma rule never applies


print("Unicode", unicodedata.unidata_version, "Python", sys.version.split()[0])
print("lower     0x%016x" % fnv(lower(c).encode() for c in assigned()))
print("nfc       0x%016x" % fnv(unicodedata.normalize("NFC", c).encode() for c in assigned()))
print("nfd       0x%016x" % fnv(unicodedata.normalize("NFD", c).encode() for c in assigned()))
print("nfc pairs 0x%016x" % fnv(
    unicodedata.normalize("NFC", unicodedata.normalize("NFD", c) + "\u0301\u0323").encode()
    for c in assigned()))


def categories(character):
    category = unicodedata.category(character)
    return bytes([
        character.isspace() and character not in "\x1c\x1d\x1e\x1f",  # White_Space
        category == "Cc",
        category == "Cf",
        category == "Co",
        category == "Mn",
        category[0] == "P",
        category[0] in "LNM",
        category == "Nd",
    ])


print("category  0x%016x" % fnv(categories(c) for c in assigned()))
