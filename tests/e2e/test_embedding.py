"""Embeddings, tokens and reranking as clients of OpenAI, Cohere, Jina and TEI ask for them."""

import base64
import math
import os
import struct
import unittest

import openai

from house import House

MODELS = os.environ.get("COFFER_MODELS", os.path.expanduser("~/.cache/coffer/models"))
MODEL = "all-MiniLM-L6-v2"
REAL = {"embedder.model": MODEL, "generator.backend": "extractive"}
HAS_MODEL = os.path.isdir(os.path.join(MODELS, MODEL))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


@unittest.skipUnless(HAS_MODEL, "the model is not in the models folder")
class Embedding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House(settings=REAL).__enter__()
        cls.house.start()
        cls.client = openai.OpenAI(base_url=cls.house.url + "/v1", api_key=cls.house.admin_key,
                                   max_retries=0, timeout=120)

    @classmethod
    def tearDownClass(cls):
        cls.house.__exit__()

    def embed(self, input, **more):
        return self.client.embeddings.create(model=MODEL, input=input, **more)

    def refused(self, input, **more):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.embed(input, **more)
        return caught.exception

    # The SDK asks for base64 unless told otherwise, and decodes it.
    def test_gives_the_same_in_base64_and_in_numbers(self):
        by_default = self.embed("annual leave").data[0].embedding
        as_numbers = self.embed("annual leave", encoding_format="float").data[0].embedding
        raw = self.house.json("POST", "/v1/embeddings",
                              {"input": "annual leave", "encoding_format": "base64"})
        bytes_ = base64.b64decode(raw["data"][0]["embedding"])
        unpacked = struct.unpack(f"<{len(bytes_) // 4}f", bytes_)
        self.assertEqual(len(unpacked), 384)
        for a, b, c in zip(by_default, as_numbers, unpacked):
            self.assertAlmostEqual(a, b, places=6)
            self.assertAlmostEqual(a, c, places=6)
        self.assertAlmostEqual(dot(by_default, by_default), 1, places=5)

    def test_shortens_vectors(self):
        whole = self.embed("annual leave").data[0].embedding
        part = self.embed("annual leave", dimensions=64).data[0].embedding
        self.assertEqual(len(part), 64)
        self.assertAlmostEqual(dot(part, part), 1, places=5)
        length = math.sqrt(dot(whole[:64], whole[:64]))
        self.assertAlmostEqual(dot(part, whole[:64]) / length, 1, places=5)
        self.assertEqual(self.refused("x", dimensions=385).param, "dimensions")

    def test_takes_2048_inputs_and_no_more(self):
        texts = [f"paragraph {i} about leave" for i in range(2048)]
        many = self.embed(texts)
        self.assertEqual([item.index for item in many.data], list(range(2048)))
        for i in (0, 1023, 2047):
            alone = self.embed(texts[i]).data[0].embedding
            self.assertGreater(dot(alone, many.data[i].embedding), 0.99999)
        self.assertGreater(many.usage.prompt_tokens, 4 * 2048)
        self.assertEqual(self.refused(texts + ["one more"]).param, "input")

    def tokens_of(self, text):
        return self.house.json("POST", "/v1/tokenize", {"input": text})["data"][0]

    def test_takes_tokens_for_texts(self):
        first, second = self.tokens_of("annual leave"), self.tokens_of("the VPN needs a token")
        self.assertEqual(first["byte_ranges"], [[0, 6], [7, 12]])
        by_text = self.embed(["annual leave", "the VPN needs a token"])
        by_tokens = self.embed([first["tokens"], second["tokens"]])
        for a, b in zip(by_text.data, by_tokens.data):
            self.assertGreater(dot(a.embedding, b.embedding), 0.999999)
        self.assertEqual(by_text.usage.total_tokens, by_tokens.usage.total_tokens)
        self.assertEqual(by_text.usage.total_tokens, first["count"] + second["count"] + 4)
        alone = self.embed(first["tokens"])
        self.assertGreater(dot(alone.data[0].embedding, by_text.data[0].embedding), 0.99999)
        self.assertIn("100000", self.refused([[5, 100000]]).message)

    def test_cuts_long_texts_only_when_asked(self):
        long = "leave " * 1000
        error = self.refused(["short", long])
        self.assertEqual(error.param, "input")
        self.assertIn("input 1 has 1000 tokens", error.message)
        cut = self.embed(long, extra_body={"truncate": True})
        self.assertEqual(cut.usage.total_tokens, 256)

    def test_tokenizes_in_the_shape_of_tei(self):
        [tokens] = self.house.json("POST", "/tokenize", {"inputs": "Grüße"})
        self.assertEqual("".join(token["text"] for token in tokens), "Grüße")
        self.assertEqual(tokens[-1]["stop"], len("Grüße".encode()))
        self.assertTrue(all(isinstance(token["id"], int) for token in tokens))

    def test_reranks_as_cohere_and_jina_do(self):
        documents = ["The VPN needs a hardware token.", {"text": "Staff have 25 days of leave."},
                     "Invoices are paid within thirty days."]
        answer = self.house.json("POST", "/v1/rerank", {
            "model": MODEL, "query": "How many days of annual leave do I have?",
            "documents": documents, "top_n": 2, "return_documents": True})
        results = answer["results"]
        self.assertEqual([len(results), results[0]["index"]], [2, 1])
        self.assertEqual(results[0]["document"]["text"], "Staff have 25 days of leave.")
        self.assertTrue(1 >= results[0]["relevance_score"] >= results[1]["relevance_score"] >= 0)
        self.assertGreater(answer["usage"]["total_tokens"], 20)

    def test_reranks_in_the_shape_of_tei(self):
        answer = self.house.json("POST", "/rerank", {
            "query": "days of leave", "texts": ["a hardware token", "days of leave"]})
        self.assertEqual([item["index"] for item in answer], [1, 0])
        self.assertEqual(set(answer[0]), {"index", "score"})

    def test_searches_with_a_second_stage(self):
        store = self.house.json("POST", "/v1/vector_stores", {"name": "reranked"})["id"]
        self.house.put(store, [{"id": f"d{i}", "text": f"Paragraph {i} about days of leave."}
                               for i in range(20)])
        answer = self.house.json("POST", f"/v1/vector_stores/{store}/search", {
            "query": "days of leave", "rerank": True, "explain": True, "max_num_results": 3})
        trace = answer["trace"]["searches"][0]
        self.assertIn(trace["rerank"], ("applied", "late"))
        if trace["rerank"] == "applied":
            self.assertEqual(trace["rerank_count"], 20)
            self.assertTrue(all(hit["rerank_score"] > 0 for hit in answer["data"]))
        scores = [hit["score"] for hit in answer["data"]]
        self.assertEqual(scores, sorted(scores, reverse=True))

    def test_counts_kept_questions(self):
        store = self.house.json("POST", "/v1/vector_stores", {"name": "kept"})["id"]
        self.house.put(store, [{"id": "d", "text": "Days of leave."}])
        for _ in range(3):
            self.house.search(store, "a question that is asked again")
        _, _, metrics = self.house.request("GET", "/metrics")
        hits = [line for line in metrics.decode().splitlines()
                if line.startswith('coffer_query_cache_lookups_total{result="hit"}')]
        self.assertGreaterEqual(int(hits[0].split()[-1]), 2)

    def test_is_on_the_record(self):
        self.house.json("POST", "/v1/rerank", {"query": "who asked this", "documents": ["x"]})
        entries = self.house.json("GET", "/v1/audit/entries?limit=1000")
        events = [entry["event"] for entry in entries["data"]]
        self.assertIn("rerank", events)
        self.assertIn("embed", events)


class WithoutModel(unittest.TestCase):
    def test_says_what_it_cannot_do(self):
        with House() as house:
            house.start()
            house.json("POST", "/v1/rerank", {"query": "q", "documents": ["a"]}, expect=503)
            house.json("POST", "/v1/embeddings", {"input": [1, 2]}, expect=400)
            answer = house.json("POST", "/v1/tokenize", {"input": "annual leave"})
            self.assertEqual(answer["data"][0]["tokens"], [None, None])
            self.assertEqual(house.json("GET", "/info")["reranker"], None)


if __name__ == "__main__":
    unittest.main()
