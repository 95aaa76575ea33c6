"""Prints the lines of C and C++ files as PATH:LINE:CODE, without comments and text literals."""

import re
import sys

TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


def blank(match):
    text = match.group(0)
    mark = "" if text.startswith("/") else text[0] * 2
    return mark + "\n" * text.count("\n")


def main():
    for path in sys.stdin.read().splitlines():
        with open(path, encoding="utf-8") as file:
            code = TOKEN.sub(blank, file.read())
        for number, line in enumerate(code.splitlines(), 1):
            if line.strip():
                print(f"{path}:{number}:{line}")


main()
