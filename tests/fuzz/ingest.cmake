cof_fuzz(NAME fuzz_parse_html SOURCES fuzz_parse_html.c fuzz_parse.c LINK ingest base)
cof_fuzz(NAME fuzz_parse_markdown SOURCES fuzz_parse_markdown.c fuzz_parse.c LINK ingest base)
cof_fuzz(NAME fuzz_parse_text SOURCES fuzz_parse_text.c fuzz_parse.c LINK ingest base)
cof_fuzz(NAME fuzz_parser_reply SOURCES fuzz_parser_reply.c LINK ingest base)
