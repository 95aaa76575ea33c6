"""Documents in, found, replaced, deleted, forbidden, restarted, verified, tampered with."""

import base64
import glob
import json
import os
import struct
import unittest

from house import House

HANDBOOK = [
    {"id": "leave", "title": "Annual leave", "text": "Staff in Dublin have 25 days of annual leave.",
     "attributes": {"year": 2026, "lang": "en"}},
    {"id": "fire", "title": "Fire", "text": "Leave by the stairs and meet at the red gate.",
     "attributes": {"year": 2025, "lang": "en"}},
    {"id": "nianjia", "title": "年假", "text": "上海员工每年享有十五天带薪年假。",
     "attributes": {"year": 2026, "lang": "zh"}},
]


class Flow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House().__enter__()
        cls.house.start()
        cls.store = cls.house.json("POST", "/v1/vector_stores", {"name": "handbook"})["id"]

    @classmethod
    def tearDownClass(cls):
        cls.house.__exit__()

    def ids(self, query, **more):
        return [hit["file_id"] for hit in self.house.search(self.store, query, **more)]

    def test_1_puts_documents_and_finds_them_at_once(self):
        lines = self.house.put(self.store, HANDBOOK)
        self.assertEqual([line["status"] for line in lines], ["created"] * 3)
        self.assertEqual(self.ids("annual leave in Dublin")[0], "leave")
        self.assertEqual(self.ids("年假几天")[0], "nianjia")

    def test_2_recognises_the_same_content(self):
        lines = self.house.put(self.store, HANDBOOK)
        self.assertEqual([line["status"] for line in lines], ["unchanged"] * 3)

    def test_3_filters_by_attributes_and_refuses_what_it_does_not_understand(self):
        newer = {"type": "and", "filters": [{"type": "gte", "key": "year", "value": 2026},
                                            {"type": "eq", "key": "lang", "value": "en"}]}
        self.assertEqual(self.ids("leave", filters=newer), ["leave"])
        status, _, body = self.house.request(
            "POST", f"/v1/vector_stores/{self.store}/search",
            {"query": "leave", "filters": {"type": "like", "key": "year", "value": 1}})
        self.assertEqual(status, 400, body)
        self.assertIn("like", json.loads(body)["error"]["message"])

    def test_4_searches_by_a_vector_of_the_callers(self):
        answer = self.house.json("POST", "/v1/embeddings",
                                 {"input": "red gate", "encoding_format": "base64"})
        vector = answer["data"][0]["embedding"]
        floats = list(struct.unpack(f"<{len(base64.b64decode(vector)) // 4}f",
                                    base64.b64decode(vector)))
        for given in (vector, floats):
            hits = self.house.json("POST", f"/v1/vector_stores/{self.store}/search",
                                   {"query_vector": given, "mode": "vector"})["data"]
            self.assertEqual(hits[0]["file_id"], "fire")

    def test_5_replaces_a_document_whole(self):
        changed = dict(HANDBOOK[1], text="Leave by the ramp and meet at the green gate.")
        self.assertEqual(self.house.put(self.store, [changed])[0]["status"], "replaced")
        hits = self.house.search(self.store, "which gate after leaving")
        text = next(hit for hit in hits if hit["file_id"] == "fire")
        self.assertIn("green", text["content"][0]["text"])
        self.assertEqual(text["version"], 2)
        self.assertFalse(any("red gate" in hit["content"][0]["text"] for hit in hits))

    def test_6_shows_a_document_only_to_those_it_names(self):
        secret = {"id": "salaries", "text": "The director earns 300000 a year.",
                  "acl": {"allow": ["group:board"]}}
        self.house.put(self.store, [secret])
        board = self.house.json("POST", "/v1/keys", {"name": "chair", "roles": ["reader"],
                                                     "groups": ["board"]}, expect=200)["key"]
        clerk = self.house.json("POST", "/v1/keys", {"name": "clerk", "roles": ["reader"]},
                                expect=200)["key"]
        self.assertIn("salaries", [hit["file_id"] for hit in self.house.search(
            self.store, "director earns", board)])
        self.assertNotIn("salaries", [hit["file_id"] for hit in self.house.search(
            self.store, "director earns", clerk)])
        path = f"/v1/documents/salaries?vector_store_id={self.store}"
        self.assertEqual(self.house.request("GET", path, key=board)[0], 200)
        forbidden = self.house.request("GET", path, key=clerk)
        missing = self.house.request("GET", path.replace("salaries", "nothing"), key=clerk)
        self.assertEqual(forbidden[0], 404)
        self.assertEqual(json.loads(forbidden[2])["error"]["message"],
                         json.loads(missing[2])["error"]["message"])

    def test_7_denies_what_a_role_may_not_do(self):
        reader = self.house.json("POST", "/v1/keys", {"name": "r", "roles": ["reader"]})["key"]
        status, _, body = self.house.request("POST", "/v1/vector_stores", {"name": "x"}, reader)
        self.assertEqual(status, 403, body)
        self.assertEqual(self.house.request("GET", "/v1/models", key="coffer_wrong")[0], 401)
        self.assertEqual(self.house.request("GET", "/v1/models", key="")[0], 401)

    def test_8_forgets_a_deleted_document_at_once(self):
        path = f"/v1/documents/fire?vector_store_id={self.store}"
        self.house.json("DELETE", path)
        self.assertNotIn("fire", self.ids("green gate"))
        self.assertEqual(self.house.request("GET", path)[0], 404)

    def test_9_keeps_everything_over_a_restart_and_verifies(self):
        before = self.ids("annual leave in Dublin")
        self.assertEqual(self.house.verify(), 0)  # beside the running server
        self.assertEqual(self.house.stop(), 0)
        self.house.start()
        self.assertEqual(self.ids("annual leave in Dublin"), before)
        self.assertEqual(self.house.stop(), 0)
        self.assertEqual(self.house.verify(), 0)
        tail = self.house.run("audit", "tail", "--json", "--n", "200").stdout.splitlines()
        events = {json.loads(line)["event"] for line in tail}
        self.assertLessEqual({"search", "document_put", "document_delete", "key_create", "deny",
                              "auth_fail", "start", "stop"}, events)
        self.tamper_and_verify()

    def tamper_and_verify(self):
        segment = sorted(glob.glob(os.path.join(self.house.data, "audit", "seg", "*.log")))[0]
        with open(segment, "r+b") as file:
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 1]))
        self.assertEqual(self.house.verify(), 2)
        with open(segment, "r+b") as file:
            file.seek(200)
            file.write(byte)
        self.assertEqual(self.house.verify(), 0)
        with open(segment, "r+b") as file:
            file.truncate(os.path.getsize(segment) // 2)
        self.assertEqual(self.house.verify(), 3)


if __name__ == "__main__":
    unittest.main()
