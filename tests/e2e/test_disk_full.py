"""The disk fills at the n-th write, for every n in a session: nothing acknowledged is lost, errors
are clear, and after space is freed and a restart everything verifies."""

import json
import os
import shutil
import unittest

from house import House

LIBRARY = os.environ["COFFER_FAULT_LIBRARY"]
# Every n up to this many writes, then with growing steps: a session makes a few hundred.
EVERY = int(os.environ.get("COFFER_FAULT_EVERY", "24"))


def document(i):
    return {"id": f"d{i}", "text": f"Document number {i} speaks of topic{i} and of nothing else."}


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.house = House().__enter__()
        self.addCleanup(self.house.__exit__)
        self.house.start()
        self.store = self.house.json("POST", "/v1/vector_stores", {"name": "s"})["id"]
        self.house.put(self.store, [document(0)])
        self.assertEqual(self.house.stop(), 0)
        self.saved = self.house.data + ".saved"
        shutil.copytree(self.house.data, self.saved)
        shutil.copytree(self.house.data + ".keys", self.saved + ".keys")

    def restore(self):
        for suffix in ("", ".keys"):
            shutil.rmtree(self.house.data + suffix)
            shutil.copytree(self.saved + suffix, self.house.data + suffix)

    def session(self, allowed, sync=False):
        """Puts documents until the disk is full; returns (acknowledged ids, failures seen)."""
        environment = {"LD_PRELOAD": LIBRARY, "COFFER_FAULT_FOLDER": self.house.data,
                       "COFFER_FAULT_AFTER": str(allowed)}
        if sync:
            environment["COFFER_FAULT_SYNC"] = "1"
        acknowledged, failures = [], 0
        try:
            self.house.start(environment=environment)
        except AssertionError as error:
            self.assertRegex(str(error).lower(), "space|disk|written")
            self.house.kill()
            return acknowledged, 1
        for i in range(1, 9):
            try:
                status, _, body = self.house.request(
                    "POST", "/v1/documents",
                    json.dumps(dict(document(i), vector_store_id=self.store)) + "\n",
                    headers={"Content-Type": "application/x-ndjson"})
            except OSError:
                failures += 1
                break
            if status != 200:
                self.assertEqual(status, 503, body)
                self.assertRegex(json.loads(body)["error"]["message"], "space|disk|written")
                failures += 1
                continue
            line = json.loads(body.splitlines()[0])
            if line["status"] == "failed":
                failures += 1
            else:
                acknowledged.append(i)
        self.house.kill()
        return acknowledged, failures

    def check(self, acknowledged):
        self.assertIn(self.house.verify(), (0, 4))
        self.house.start()
        for i in acknowledged + [0]:
            found = self.house.json("GET", f"/v1/documents/d{i}?vector_store_id={self.store}"
                                           "&include=chunks")
            self.assertIn(f"topic{i}", json.dumps(found))
            hits = self.house.search(self.store, f"topic{i}", mode="lexical")
            self.assertEqual(hits[0]["file_id"], f"d{i}")
        for hit in self.house.search(self.store, "topic", max_num_results=50):
            self.assertTrue(hit["content"][0]["text"].startswith("Document number"))
        self.house.put(self.store, [document(99)])  # writing works again
        self.assertEqual(self.house.stop(), 0)
        self.assertEqual(self.house.verify(), 0)

    def test_loses_nothing_acknowledged_wherever_the_disk_fills(self):
        steps = list(range(EVERY)) + [EVERY + i * i for i in range(1, 9)]
        had_failures = had_successes = False
        for allowed in steps:
            with self.subTest(allowed=allowed):
                self.restore()
                acknowledged, failures = self.session(allowed)
                had_failures |= failures > 0
                had_successes |= len(acknowledged) > 0
                self.check(acknowledged)
        self.assertTrue(had_failures and had_successes)

    def test_stops_writing_for_good_after_a_failed_sync(self):
        for allowed in (6, 12, 20, 40):
            with self.subTest(allowed=allowed):
                self.restore()
                acknowledged, _ = self.session(allowed, sync=True)
                self.check(acknowledged)


if __name__ == "__main__":
    unittest.main()
