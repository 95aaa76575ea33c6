#!/usr/bin/env python3
"""Checks that the sample corpus and its questions keep the promises of data/README.md.

usage: check.py
Exits 1 and lists every broken promise, else prints the counts.
"""
import collections
import re
import sys

sys.dont_write_bytecode = True

from make_beir import CORPUS, SUFFIXES, corpus_files, read_document, read_questions

MIN_DOCUMENTS = 66
MIN_BY_LANGUAGE = {"zh": 8, "de": 5, "fr": 3, "es": 2, "ar": 2, "ru": 2}
HALVES = ("tune", "test")
ANSWERABLE, UNANSWERABLE = 60, 10
FIELDS = {"id", "half", "lang", "question", "documents", "answer", "must_contain"}

# Scripts tell most languages apart; the Latin ones are told by words no other of them uses.
SCRIPTS = {"zh": r"[\u4e00-\u9fff]", "ar": r"[\u0600-\u06ff]", "ru": r"[\u0400-\u04ff]"}
COMMON_WORDS = {
    "en": {"the", "and", "of", "is", "are", "to", "it", "not", "with", "how", "what", "where"},
    "de": {"der", "die", "das", "und", "ist", "nicht", "wie", "ich", "werden", "den", "mit", "im"},
    "fr": {"le", "les", "et", "est", "des", "du", "une", "pour", "sur", "dans", "quelle", "je"},
    "es": {"el", "los", "y", "es", "del", "una", "se", "las", "por", "para", "qué", "cuánto"},
}


def guess_language(text):
    letters = sum(character.isalpha() for character in text) or 1
    for language, pattern in SCRIPTS.items():
        if len(re.findall(pattern, text)) > 0.4 * letters:
            return language
    words = collections.Counter(re.findall(r"\w+", text.lower()))
    return max(COMMON_WORDS, key=lambda language: sum(words[word] for word in COMMON_WORDS[language]))


def check_documents(fail):
    languages, formats, raw_by_name, titles = {}, collections.Counter(), {}, collections.Counter()
    for path in (entry for entry in CORPUS.rglob("*") if entry.is_file()):
        if path.suffix not in SUFFIXES:
            fail(f"{path.name}: not a format of the corpus")
    for path in corpus_files():
        name = path.relative_to(CORPUS).as_posix()
        title, text = read_document(path)
        raw_by_name[name] = path.read_text(encoding="utf-8"), text
        languages[name] = guess_language(text)
        formats[path.suffix] += 1
        titles[title] += 1
        if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+\.(md|txt|html)", name):
            fail(f"{name}: the name is not <area>/<name>.<ext> in plain ASCII")
        if not title:
            fail(f"{name}: no title")
        if languages[name] == "zh":
            size, low, high = len(re.findall(SCRIPTS["zh"], text)), 250, 700
        else:
            size, low, high = len(text.split()), 120, 450
        if not low <= size <= high:
            fail(f"{name}: {size} words or characters, not {low} to {high}")
        for domain in re.findall(r"@([\w-]+(?:\.[\w-]+)+)", text):
            if not domain.endswith(".example"):
                fail(f"{name}: {domain} is not an example domain")
        declared = re.search(r'<html lang="(\w+)', raw_by_name[name][0])
        if path.suffix == ".html" and (not declared or declared[1] != languages[name]):
            fail(f"{name}: its lang attribute is not {languages[name]}")

    by_language = collections.Counter(languages.values())
    if len(languages) < MIN_DOCUMENTS:
        fail(f"{len(languages)} documents, fewer than {MIN_DOCUMENTS}")
    if 3 * by_language["en"] > 2 * len(languages):
        fail("less than a third of the documents is in other languages than English")
    for language, minimum in MIN_BY_LANGUAGE.items():
        if by_language[language] < minimum:
            fail(f"{by_language[language]} documents in {language}, fewer than {minimum}")
    for title, count in titles.items():
        if count > 1:
            fail(f"{count} documents share the title {title}")
    quoting = [name for name, (raw, _) in raw_by_name.items() if "ignore all previous" in raw.lower()]
    if quoting != ["it-security/phishing.html"]:
        fail(f"the injected sentence should stand in the phishing page alone, found in {quoting}")
    return raw_by_name, languages, by_language, formats


def check_questions(raw_by_name, languages, fail):
    questions = read_questions()
    seen_ids, seen_texts = set(), set()
    tally = collections.Counter()
    for number, question in enumerate(questions, 1):
        name = question.get("id", f"line {number}")
        if set(question) != FIELDS:
            fail(f"{name}: the fields are not {sorted(FIELDS)}")
            continue
        if name in seen_ids or question["question"] in seen_texts:
            fail(f"{name}: the id or the question is there twice")
        seen_ids.add(name)
        seen_texts.add(question["question"])
        if question["half"] not in HALVES:
            fail(f"{name}: unknown half {question['half']}")
        if guess_language(question["question"]) != question["lang"]:
            fail(f"{name}: the question does not look like {question['lang']}")
        answerable = bool(question["documents"])
        tally[question["half"], answerable, question["lang"]] += 1
        if not answerable:
            if question["answer"] is not None or question["must_contain"]:
                fail(f"{name}: an answer without a document")
            continue
        if not question["answer"] or not 1 <= len(question["must_contain"]) <= 2:
            fail(f"{name}: needs an answer and one or two strings in must_contain")
        for document in question["documents"]:
            if document not in raw_by_name:
                fail(f"{name}: no document {document}")
                continue
            if languages[document] != question["lang"]:
                fail(f"{name}: asked in {question['lang']}, answered in {languages[document]}")
            for needle in question["must_contain"]:
                if not all(needle in text for text in raw_by_name[document]):
                    fail(f"{name}: {needle!r} is not in {document}")

    for answerable, expected in ((True, ANSWERABLE), (False, UNANSWERABLE)):
        for half in HALVES:
            count = sum(n for (h, a, _), n in tally.items() if (h, a) == (half, answerable))
            if count != expected // 2:
                fail(f"{count} questions in {half}, answerable: {answerable}; not {expected // 2}")
        for language in {lang for _, a, lang in tally if a == answerable}:
            if tally["tune", answerable, language] != tally["test", answerable, language]:
                fail(f"the halves differ in {language}, answerable: {answerable}")
    return questions


def show(counter):
    return ", ".join(f"{key} {count}" for key, count in counter.most_common())


def main():
    failures = []
    raw_by_name, languages, by_language, formats = check_documents(failures.append)
    questions = check_questions(raw_by_name, languages, failures.append)
    for failure in failures:
        print(f"check.py: {failure}", file=sys.stderr)
    if failures:
        return 1
    print(f"{len(languages)} documents: {show(by_language)}; {show(formats)}")
    asked = collections.Counter(question["lang"] for question in questions if question["documents"])
    print(f"{len(questions)} questions, {sum(asked.values())} answerable: {show(asked)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
