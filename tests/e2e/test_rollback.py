"""Who can write to the data folder takes the audit log away, or back: the start says so."""

import os
import shutil
import unittest

from house import House

DOCUMENT = {"id": "leave", "text": "Staff in Dublin have 25 days of annual leave."}


class Rollback(unittest.TestCase):
    def setUp(self):
        self.house = House().__enter__()
        self.addCleanup(self.house.__exit__)
        self.house.start()
        self.store = self.house.json("POST", "/v1/vector_stores", {"name": "handbook"})["id"]
        self.log = os.path.join(self.house.data, "audit")
        self.kept = os.path.join(self.house.folder, "kept")

    def refuses(self, words):
        before = sorted(os.listdir(self.house.data))
        for command in (["search", "--collection", "handbook", "leave"],
                        ["key", "create", "--name", "backdoor", "--role", "admin"]):
            done = self.house.run(*command, check=False)
            self.assertNotEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stderr, words)
        with self.assertRaisesRegex(AssertionError, words):
            self.house.start()
        self.house.forget()
        self.assertEqual(sorted(os.listdir(self.house.data)), before)

    def test_notices_a_log_that_is_gone(self):
        self.assertEqual(self.house.stop(), 0)
        shutil.rmtree(self.log)
        self.refuses("audit log is gone")

    def test_notices_an_older_copy_after_a_clean_stop(self):
        self.assertEqual(self.house.stop(), 0)
        shutil.copytree(self.log, self.kept)
        self.house.start()
        self.house.search(self.store, "leave")  # changes nothing, and is recorded
        self.assertEqual(self.house.stop(), 0)
        shutil.rmtree(self.log)
        shutil.move(self.kept, self.log)
        self.refuses("the store has seen")

    def test_notices_an_older_copy_after_a_crash(self):
        shutil.copytree(self.log, self.kept)
        self.house.put(self.store, [DOCUMENT])
        self.house.put(self.store, [dict(DOCUMENT, id="second")])
        self.house.kill()
        shutil.rmtree(self.log)
        shutil.move(self.kept, self.log)
        self.refuses("the store has seen")

    def test_takes_the_right_log_back(self):
        self.house.put(self.store, [DOCUMENT])
        self.assertEqual(self.house.stop(), 0)
        shutil.move(self.log, self.kept)
        self.refuses("audit log is gone")
        shutil.move(self.kept, self.log)
        self.house.start()
        self.assertEqual(len(self.house.search(self.store, "leave")), 1)
        self.assertEqual(self.house.stop(), 0)
        self.assertEqual(self.house.verify(), 0)

    def test_a_kept_checkpoint_finds_the_log_that_lacks_it(self):
        _, _, note = self.house.request("GET", "/v1/audit/checkpoint")
        kept = os.path.join(self.house.folder, "checkpoint")
        with open(kept, "wb") as file:
            file.write(note)
        self.assertEqual(self.house.run("audit", "verify", "--checkpoint", kept).returncode, 0)
        shutil.copytree(self.log, self.kept)
        for i in range(3):
            self.house.search(self.store, f"leave {i}")
        self.house.request("GET", "/v1/audit/checkpoint")
        _, _, note = self.house.request("GET", "/v1/audit/checkpoint")
        with open(kept, "wb") as file:
            file.write(note)
        self.assertEqual(self.house.run("audit", "verify", "--checkpoint", kept).returncode, 0)
        self.house.kill()
        shutil.rmtree(self.log)
        shutil.move(self.kept, self.log)
        self.assertEqual(self.house.verify(), 0)  # in itself it is sound
        done = self.house.run("audit", "verify", "--checkpoint", kept, check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        with open(kept, "wb") as file:
            file.write(note.replace(b"\n", b"\nx", 1))
        done = self.house.run("audit", "verify", "--checkpoint", kept, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)


if __name__ == "__main__":
    unittest.main()
