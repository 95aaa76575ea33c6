"""Nothing readable reaches the disk: every byte under the data folder is searched for what was
written — texts, file names, metadata, names of users, questions, vectors — in several encodings."""

import base64
import json
import os
import struct
import unittest
import zlib

from house import House

SECRETS = {
    "text": "QuetzalcoatlusNorthropi",
    "title": "ArchaeopteryxLithographica",
    "id": "doc-velociraptor-mongoliensis",
    "filename": "pterodactylus-antiquus.md",
    "heading": "TriceratopsHorridus",
    "attribute_key": "stegosaurus_stenops",
    "attribute_value": "AnkylosaurusMagniventris",
    "user": "group:plesiosaurus-dolichodeirus",
    "store": "MosasaurusHoffmannii",
    "metadata": "IguanodonBernissartensis",
    "key_name": "brachiosaurus-altithorax",
    "question": "DiplodocusCarnegii",
    "refused": "SpinosaurusAegyptiacus",
}


def forms(secret):
    """The secret as it might lie on a disk."""
    raw = secret.encode()
    yield raw
    yield raw.lower()
    yield secret.encode("utf-16-le")
    yield raw.hex().encode()
    for shift in range(3):  # base64 at every alignment, without the ends that depend on neighbours
        yield base64.b64encode(b"\0" * shift + raw)[4:-4]
    yield zlib.compress(raw)[2:-4]


def every_file(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                yield os.path.join(place, name), file.read()


class Canary(unittest.TestCase):
    def use(self, house):
        """Writes every secret through every door there is."""
        store = house.json("POST", "/v1/vector_stores", {
            "name": SECRETS["store"], "metadata": {"note": SECRETS["metadata"]}})["id"]
        house.put(store, [{
            "id": SECRETS["id"], "title": SECRETS["title"], "filename": SECRETS["filename"],
            "text": f"# {SECRETS['heading']}\n\nA sentence about {SECRETS['text']} and more.",
            "attributes": {SECRETS["attribute_key"]: SECRETS["attribute_value"]},
            "acl": {"allow": [SECRETS["user"]]}}])
        house.json("POST", "/v1/keys", {"name": SECRETS["key_name"], "roles": ["reader"]})
        house.search(store, f"what is {SECRETS['question']}")
        house.json("POST", "/v1/chat/completions", {
            "messages": [{"role": "user", "content": f"Tell me about {SECRETS['text']}"}],
            "vector_store_ids": [store]})
        house.request("POST", "/v1/documents", json.dumps(
            {"vector_store_id": store, "id": "bad id!", "text": SECRETS["refused"]}) + "\n",
            headers={"Content-Type": "application/x-ndjson"})
        vector = house.json("POST", "/v1/embeddings", {"input": SECRETS["text"]})["data"][0]
        return vector["embedding"]

    def search_disk(self, house, vector):
        self.assertGreater(sum(1 for _ in every_file(house.data)), 3)
        for path, content in every_file(house.data):
            relative = os.path.relpath(path, house.data)
            for what, secret in SECRETS.items():
                self.assertNotIn(secret.lower(), relative.lower())
                for form in forms(secret):
                    self.assertNotIn(form, content, f"{what} in {relative}")
            self.assertNotIn(house.admin_key.encode(), content)
            # Three neighbouring non-zero floats of a vector do not occur by chance.
            floats = [value for value in vector if value != 0]
            for i in range(len(floats) - 3):
                self.assertNotIn(struct.pack("<3f", *floats[i:i + 3]), content, relative)

    def test_finds_nothing_while_running_after_a_kill_and_after_a_stop(self):
        with House() as house:
            house.start()
            vector = self.use(house)
            self.search_disk(house, vector)
            house.kill()
            self.search_disk(house, vector)
            house.start()
            self.assertEqual(house.stop(), 0)
            self.search_disk(house, vector)
            with open(os.path.join(house.folder, "server.log"), "rb") as log:
                content = log.read()
            for secret in SECRETS.values():
                self.assertNotIn(secret.encode(), content)

    def test_can_find_what_is_not_sealed(self):
        with House() as house:
            with open(os.path.join(house.data, "leak"), "wb") as file:
                file.write(b"..." + SECRETS["text"].encode("utf-16-le"))
            with self.assertRaises(AssertionError):
                self.search_disk(house, [1.0, 2.0, 3.0, 4.0])


if __name__ == "__main__":
    unittest.main()
