#!/usr/bin/env python3
"""Writes the sample corpus and its answerable questions as a BEIR folder for `coffer eval`.

usage: make_beir.py FOLDER [--half tune|test|all]

FOLDER gets corpus.jsonl, queries.jsonl and qrels/test.tsv. The id of a document is its path below
corpus/. Questions that the corpus does not answer have no right document, hence no place in a
measure of ranking, and are left out.
"""
import argparse
import json
import pathlib
import re
from html.parser import HTMLParser

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
SUFFIXES = (".md", ".txt", ".html")


class VisibleText(HTMLParser):
    """Collects what a reader of the page would see; the title is kept apart."""

    HIDDEN = {"script", "style", "nav", "title", "template", "noscript"}
    INLINE = {"a", "b", "code", "em", "i", "span", "strong", "sub", "sup"}
    CELLS = {"td", "th"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts = []
        self.title = ""
        self.open_hidden = []

    def handle_starttag(self, tag, attrs):
        if tag in self.HIDDEN:
            self.open_hidden.append(tag)
        elif tag not in self.INLINE and tag not in self.CELLS:
            self.parts.append("\n")

    def handle_endtag(self, tag):
        if self.open_hidden and tag == self.open_hidden[-1]:
            self.open_hidden.pop()
        elif tag in self.CELLS:
            self.parts.append(" | ")
        elif tag not in self.INLINE:
            self.parts.append("\n")

    def handle_data(self, data):
        if not self.open_hidden:
            self.parts.append(re.sub(r"\s+", " ", data))
        elif self.open_hidden == ["title"]:
            self.title += data


def read_document(path):
    """Returns (title, text) of a document file."""
    raw = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        page = VisibleText()
        page.feed(raw)
        page.close()
        lines = (" ".join(line.split()) for line in "".join(page.parts).splitlines())
        return page.title.strip(), "\n".join(line.removesuffix(" |") for line in lines if line)
    first_line = raw.split("\n", 1)[0]
    return first_line.removeprefix("# ").strip(), raw


def corpus_files():
    return sorted(path for path in CORPUS.rglob("*") if path.suffix in SUFFIXES)


def read_questions():
    with open(HERE / "questions.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_lines(path, records):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--half", choices=("tune", "test", "all"), default="all")
    options = parser.parse_args()

    questions = [question for question in read_questions()
                 if question["documents"] and options.half in ("all", question["half"])]
    documents = []
    for path in corpus_files():
        title, text = read_document(path)
        name = path.relative_to(CORPUS).as_posix()
        documents.append({"_id": name, "title": title, "text": text})

    (options.folder / "qrels").mkdir(parents=True, exist_ok=True)
    write_lines(options.folder / "corpus.jsonl", documents)
    write_lines(options.folder / "queries.jsonl",
                ({"_id": question["id"], "text": question["question"]} for question in questions))
    with open(options.folder / "qrels" / "test.tsv", "w", encoding="utf-8", newline="\n") as out:
        out.write("query-id\tcorpus-id\tscore\n")
        for question in questions:
            for name in question["documents"]:
                out.write(f"{question['id']}\t{name}\t1\n")
    print(f"{len(documents)} documents, {len(questions)} queries in {options.folder}")


if __name__ == "__main__":
    main()
