"""The official OpenAI Python SDK, unchanged, against a real server with real models."""

import os
import unittest

import openai

from house import House

MODELS = os.environ.get("COFFER_MODELS", os.path.expanduser("~/.cache/coffer/models"))
REAL = {"embedder.model": "all-MiniLM-L6-v2", "generator.model": "smollm2-135m-instruct",
        "generator.backend": "llama"}


class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House(settings=REAL).__enter__()
        cls.house.start()
        cls.client = openai.OpenAI(base_url=cls.house.url + "/v1", api_key=cls.house.admin_key,
                                   max_retries=0, timeout=120)
        cls.store = cls.client.vector_stores.create(name="handbook")
        cls.house.put(cls.store.id, [
            {"id": "leave", "title": "Annual leave", "filename": "leave.md",
             "text": "# Annual leave\n\nStaff in Dublin have 25 days of annual leave a year. "
                     "Unused days lapse on 31 March."},
            {"id": "vpn", "title": "VPN", "filename": "vpn.txt",
             "text": "Remote staff sign in to the VPN with a hardware token."}])

    @classmethod
    def tearDownClass(cls):
        cls.house.__exit__()

    def test_lists_and_retrieves_models(self):
        ids = [model.id for model in self.client.models.list()]
        self.assertEqual(set(ids), {"all-MiniLM-L6-v2", "smollm2-135m-instruct"})
        self.assertEqual(self.client.models.retrieve("all-MiniLM-L6-v2").object, "model")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("gpt-4o")

    def test_embeds_one_text_and_many(self):
        one = self.client.embeddings.create(model="all-MiniLM-L6-v2", input="annual leave")
        self.assertEqual(len(one.data[0].embedding), 384)
        many = self.client.embeddings.create(model="all-MiniLM-L6-v2",
                                             input=["annual leave", "holidays", "fire"],
                                             encoding_format="float")
        first, near, far = (item.embedding for item in many.data)
        for a, b in zip(first, one.data[0].embedding):
            self.assertAlmostEqual(a, b, places=5)
        self.assertGreater(dot(first, near), dot(first, far))
        self.assertGreater(many.usage.total_tokens, 3)
        with self.assertRaises(openai.NotFoundError):
            self.client.embeddings.create(model="text-embedding-3-small", input="x")

    def test_manages_vector_stores(self):
        store = self.client.vector_stores.create(name="other", metadata={"team": "hr"})
        self.assertEqual(self.client.vector_stores.retrieve(store.id).metadata, {"team": "hr"})
        changed = self.client.vector_stores.update(store.id, name="renamed")
        self.assertEqual(changed.name, "renamed")
        self.assertIn(store.id, [each.id for each in self.client.vector_stores.list()])
        self.assertTrue(self.client.vector_stores.delete(store.id).deleted)
        with self.assertRaises(openai.NotFoundError):
            self.client.vector_stores.retrieve(store.id)

    def test_searches_a_vector_store(self):
        page = self.client.vector_stores.search(self.store.id, query="days of holiday in Ireland",
                                                max_num_results=2)
        hits = list(page)
        self.assertEqual(hits[0].file_id, "leave")
        self.assertEqual(hits[0].filename, "leave.md")
        self.assertIn("25 days", hits[0].content[0].text)
        self.assertTrue(0 <= hits[0].score <= 1)

    def ask(self, **more):
        return self.client.chat.completions.create(
            model="smollm2-135m-instruct",
            messages=[{"role": "user", "content": "How many days of annual leave do staff in "
                                                  "Dublin have?"}],
            extra_body={"vector_store_ids": [self.store.id]}, seed=7, **more)

    def test_answers_with_citations(self):
        answer = self.ask()
        message = answer.choices[0].message
        self.assertIn("25", message.content)
        self.assertIn("[1]", message.content)
        citation = message.annotations[0].url_citation
        self.assertIn("/v1/documents/leave", citation.url)
        self.assertIn("25", message.content[citation.start_index:citation.end_index])
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertTrue(message.context["grounded"])

    def test_streams_the_same_answer(self):
        text, annotations, grounded, usage = "", [], None, None
        for chunk in self.ask(stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                extra = choice.delta.model_extra or {}
                annotations = extra.get("annotations", annotations)
                grounded = extra.get("context", {}).get("grounded", grounded)
        self.assertEqual(text, self.ask().choices[0].message.content)
        self.assertTrue(grounded)
        self.assertTrue(annotations)
        self.assertIsNotNone(usage)

    def test_refuses_what_the_documents_do_not_say(self):
        answer = self.client.chat.completions.create(
            model="smollm2-135m-instruct",
            messages=[{"role": "user", "content": "Who composed the opera The Magic Flute?"}],
            extra_body={"vector_store_ids": [self.store.id]})
        self.assertFalse(answer.choices[0].message.context["grounded"])
        self.assertNotIn("[1]", answer.choices[0].message.content)

    def test_chats_without_documents(self):
        answer = self.client.chat.completions.create(
            model="smollm2-135m-instruct", max_tokens=8, temperature=0,
            messages=[{"role": "system", "content": "Be brief."},
                      {"role": "user", "content": [{"type": "text", "text": "Say hello."}]}])
        self.assertTrue(answer.choices[0].message.content)
        self.assertFalse(answer.choices[0].message.context["grounded"])

    def test_raises_the_sdks_own_errors(self):
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=self.house.url + "/v1", api_key="coffer_x",
                          max_retries=0).models.list()
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.embeddings.create(model="all-MiniLM-L6-v2", input="x", dimensions=385)
        self.assertEqual(caught.exception.param, "dimensions")


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


if __name__ == "__main__":
    unittest.main()
