"""The sample questions, asked: what docs/answers.md promises of citations and refusals still holds.

Quotations only, so that it takes seconds; a model can only add sentences that the same check lets
through. The floors here are those of the promise, not of the last measurement.
"""

import json
import os
import subprocess
import unittest

from house import PROGRAM, SOURCE


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run(
            [PROGRAM, "eval", os.path.join(SOURCE, "data", "samples"), "--answers", "--hide",
             "--half", "all", "--json", "--set", "generator.backend=extractive"],
            capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        cls.found = json.loads(done.stdout.splitlines()[-1])
        cls.answers = cls.found["answers"]

    def test_finds_the_right_document(self):
        self.assertEqual(self.found["queries"], 60)
        self.assertGreaterEqual(self.found["recall@5"], 0.98)
        self.assertGreaterEqual(self.found["ndcg@10"], 0.95)

    def test_cites_the_right_document_first(self):
        self.assertEqual(self.answers["answerable"], 60)
        self.assertGreaterEqual(self.answers["right_document_first"], 0.85 * 60)

    def test_refuses_what_the_documents_do_not_say(self):
        self.assertEqual(self.answers["unanswerable"], 10)
        self.assertEqual(self.answers["refused_rightly"], 10)
        self.assertGreaterEqual(self.answers["hidden_refused"], 0.8 * self.answers["hidden"])

    def test_cites_nothing_that_does_not_hold_its_claim(self):
        self.assertGreater(self.answers["citations"], 60)
        self.assertEqual(self.answers["citations_bad"], 0)


if __name__ == "__main__":
    unittest.main()
