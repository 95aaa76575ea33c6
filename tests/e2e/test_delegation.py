"""One key of an application, many users: each sees what he may, and stands on the log."""

import json
import os
import subprocess
import unittest

from house import PROGRAM, House

DOCUMENTS = [
    {"id": "open", "text": "The canteen opens at seven."},
    {"id": "staff", "text": "The canteen is cheaper for staff.", "acl": {"allow": ["group:staff"]}},
    {"id": "anna", "text": "Anna owes the canteen four euros.", "acl": {"allow": ["user:anna"]}},
    {"id": "board", "text": "The canteen will be closed.",
     "acl": {"allow": ["group:board"], "deny": ["user:anna"]}},
]


class Delegation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House().__enter__()
        cls.key = cls.house.key("intranet", "reader", "--role", "delegate")
        cls.plain = cls.house.key("plain", "writer")
        cls.house.start()
        cls.store = cls.house.json("POST", "/v1/vector_stores", {"name": "canteen"})["id"]
        lines = cls.house.put(cls.store, DOCUMENTS)
        assert [line["status"] for line in lines] == ["created"] * len(DOCUMENTS), lines

    @classmethod
    def tearDownClass(cls):
        cls.house.__exit__()

    def ask(self, key=None, path=None, **headers):
        return self.house.request(
            "POST", path or f"/v1/vector_stores/{self.store}/search", {"query": "canteen"},
            key or self.key, {name.replace("_", "-"): value for name, value in headers.items()})

    def seen(self, **headers):
        status, _, body = self.ask(**headers)
        self.assertEqual(status, 200, body)
        return sorted(hit["file_id"] for hit in json.loads(body)["data"])

    def test_shows_each_user_what_he_may_see(self):
        self.assertEqual(self.seen(), ["open"])
        self.assertEqual(self.seen(X_Coffer_User="anna"), ["anna", "open"])
        self.assertEqual(self.seen(X_Coffer_User="anna", X_Coffer_Groups="staff"),
                         ["anna", "open", "staff"])
        self.assertEqual(self.seen(X_Coffer_User="anna", X_Coffer_Groups="board, staff"),
                         ["anna", "open", "staff"])
        self.assertEqual(self.seen(X_Coffer_User="bert", X_Coffer_Groups="board, staff"),
                         ["board", "open", "staff"])

    def test_narrows_even_the_admin(self):
        self.assertEqual(self.seen(key=self.house.admin_key), sorted(d["id"] for d in DOCUMENTS))
        self.assertEqual(self.seen(key=self.house.admin_key, X_Coffer_User="bert"), ["open"])

    def test_refuses_keys_without_the_role_and_never_ignores_the_header(self):
        status, _, body = self.ask(key=self.plain, X_Coffer_User="anna")
        self.assertEqual(status, 403, body)
        self.assertIn("delegate", json.loads(body)["error"]["message"])

    def test_refuses_groups_without_a_user_and_names_that_are_none(self):
        for headers in ({"X_Coffer_Groups": "staff"}, {"X_Coffer_User": "anna", "X_Coffer_Groups": "a,,b"},
                        {"X_Coffer_User": "a" * 129}):
            status, _, body = self.ask(**headers)
            self.assertEqual(status, 400, body)
            self.assertIn("X-Coffer-", json.loads(body)["error"]["message"])

    def test_gives_the_user_none_of_the_other_roles(self):
        status, _, body = self.house.request("GET", "/v1/audit/entries", key=self.house.admin_key,
                                             headers={"X-Coffer-User": "anna"})
        self.assertEqual(status, 403, body)

    def test_explains_why_somebody_sees_a_document_or_not(self):
        key_file = os.path.join(self.house.folder, "admin.key")
        with open(os.open(key_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(self.house.admin_key)

        def explain(document, user, *groups):
            done = subprocess.run(
                [PROGRAM, "explain", "--server", self.house.url, "--api-key-file", key_file,
                 "--collection", "canteen", "--as", user, "--json",
                 *[part for group in groups for part in ("--group", group)], document, "canteen"],
                capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)

        denied = explain("board", "anna", "board")
        self.assertFalse(denied["may_read"])
        self.assertEqual((denied["rule"], denied["entry"]), ("denied", "user:anna"))
        self.assertIsNone(denied["as_user"]["rank"])
        self.assertEqual(denied["as_user"]["hits"], 2)
        self.assertGreaterEqual(denied["as_admin"]["rank"], 1)
        allowed = explain("board", "bert", "staff", "board")
        self.assertTrue(allowed["may_read"])
        self.assertEqual((allowed["rule"], allowed["entry"]), ("allowed", "group:board"))
        self.assertGreaterEqual(allowed["as_user"]["rank"], 1)
        self.assertEqual(explain("staff", "clara")["rule"], "not_named")
        self.assertEqual(explain("open", "clara")["rule"], "no_list")

    def test_writes_the_user_and_the_key_on_the_log(self):
        self.seen(X_Coffer_User="clara")
        entries = self.house.json("GET", "/v1/audit/entries?first=0&limit=1000")
        text = json.dumps(entries)
        self.assertIn('"clara"', text)
        self.assertIn("act_for", text)
        self.assertEqual(self.house.verify(), 0)


if __name__ == "__main__":
    unittest.main()
