"""kill -9 at random moments during ingestion, 50 rounds: after each restart every acknowledged
document is found whole, none is half there, and the audit log verifies."""

import json
import os
import random
import threading
import time
import unittest

from house import House

ROUNDS = int(os.environ.get("COFFER_KILL_ROUNDS", "50"))
# Each version of a document consists of this many chunks that all name the version: a mixture of
# two versions would show.
PARAGRAPHS = 4


def document(name, version):
    text = "\n\n".join(f"Paragraph {i} of {name} in version v{version}. " + "Filler text. " * 60
                       for i in range(PARAGRAPHS))
    return {"id": name, "text": text, "attributes": {"version": version}}


class Writer(threading.Thread):
    """Puts new versions of its documents until the connection breaks; remembers what was
    acknowledged and what was in flight."""

    def __init__(self, house, store, number, versions):
        super().__init__()
        self.house, self.store, self.number = house, store, number
        self.versions = versions  # name → acknowledged version
        self.flying = {}  # name → version that may or may not be there

    def run(self):
        generator = random.Random(self.number)
        try:
            while True:
                names = [f"w{self.number}-d{generator.randrange(6)}" for _ in range(2)]
                names = list(dict.fromkeys(names))
                batch = {name: self.versions.get(name, 0) + 1 for name in names}
                self.flying = batch
                lines = self.house.put(self.store, [document(*item) for item in batch.items()])
                for line in lines:
                    assert line["status"] in ("created", "replaced"), line
                    self.versions[line["id"]] = batch[line["id"]]
                self.flying = {}
        except (OSError, AssertionError, ValueError, EOFError) as error:
            self.end = error
        except Exception as error:  # http.client's family
            self.end = error


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        seed = int(os.environ.get("COFFER_SEED", str(time.time_ns() % 1000000)))
        print(f"seed {seed}", flush=True)
        generator = random.Random(seed)
        with House() as house:
            house.start()
            store = house.json("POST", "/v1/vector_stores", {"name": "s"})["id"]
            versions = [{} for _ in range(3)]
            for round_number in range(ROUNDS):
                writers = [Writer(house, store, i, versions[i]) for i in range(3)]
                for writer in writers:
                    writer.start()
                time.sleep(generator.uniform(0.0, 0.25))
                house.kill()
                for writer in writers:
                    writer.join()
                self.assertIn(house.verify(), (0, 4), f"round {round_number}")
                house.start()
                for writer in writers:
                    self.check(house, store, writer)
            self.assertEqual(house.stop(), 0)
            self.assertEqual(house.verify(), 0)
            self.assertGreater(sum(sum(v.values()) for v in versions), ROUNDS)

    def check(self, house, store, writer):
        for name in set(writer.versions) | set(writer.flying):
            acknowledged = writer.versions.get(name, 0)
            status, _, body = house.request(
                "GET", f"/v1/documents/{name}?vector_store_id={store}&include=chunks")
            if status == 404:
                self.assertEqual(acknowledged, 0, f"{name} was acknowledged and is gone")
                continue
            self.assertEqual(status, 200, body)
            found = json.loads(body)
            version = found["attributes"]["version"]
            self.assertIn(version, {acknowledged, writer.flying.get(name, acknowledged)})
            text = " ".join(chunk["text"] for chunk in found["chunks"])
            for i in range(PARAGRAPHS):
                self.assertIn(f"Paragraph {i} of {name} in version v{version}.", text)
            for other in (version - 1, version + 1):
                self.assertNotIn(f"in version v{other}.", text)
            hits = house.search(store, f"paragraph version v{version} {name}", max_num_results=50,
                                filters={"type": "eq", "key": "version", "value": version})
            self.assertIn(name, {hit["file_id"] for hit in hits})
            writer.versions[name] = version


if __name__ == "__main__":
    unittest.main()
