"""Ten thousand requests at once: each is answered, by its vector or by 429, and memory is bounded."""

import json
import os
import resource
import selectors
import socket
import time
import unittest

from house import House

MODELS = os.environ.get("COFFER_MODELS", os.path.expanduser("~/.cache/coffer/models"))
MODEL = "all-MiniLM-L6-v2"
WANTED = 10000
BODY = json.dumps({"input": "how many days of leave are there", "input_type": "query"})


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        [line] = [line for line in status if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def crowd_size():
    """As many connections as this machine lets one process have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = hard if hard != resource.RLIM_INFINITY else 1 << 20
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 4 * WANTED), hard))
    except (ValueError, OSError):
        limit = soft
    return min(WANTED, limit - 200)


class Crowd(unittest.TestCase):
    def ask_all(self, house, count):
        """One request on each of `count` connections, all open at once; returns the statuses."""
        request = (f"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n"
                   f"Authorization: Bearer {house.admin_key}\r\nConnection: close\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}")
        selector = selectors.DefaultSelector()
        answers = {}
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", house.port), timeout=60)
            client.sendall(request.encode())
            client.setblocking(False)
            answers[client] = b""
            selector.register(client, selectors.EVENT_READ)
        statuses = []
        end = time.monotonic() + 240
        while answers:
            self.assertLess(time.monotonic(), end, f"{len(answers)} requests have no answer")
            for key, _ in selector.select(timeout=1):
                client = key.fileobj
                piece = client.recv(65536)
                answers[client] += piece
                if not piece:
                    selector.unregister(client)
                    client.close()
                    statuses.append(answers.pop(client))
        return statuses

    @unittest.skipUnless(os.path.isdir(os.path.join(MODELS, MODEL)), "the model is not there")
    def test_answers_everybody(self):
        count = crowd_size()
        settings = {"embedder.model": MODEL, "generator.backend": "extractive",
                    "max_connections": str(WANTED + 100), "workers": "64", "queue": "64",
                    "embedder.queue": "32", "embedder.cache_count": "0"}
        with House(settings=settings) as house:
            house.start()
            self.ask_all(house, 200)
            before = resident_mib(house.server.pid)
            answers = self.ask_all(house, count)
            after = resident_mib(house.server.pid)
            codes = [int(answer[9:12] or b"0") for answer in answers]
            self.assertEqual(len(codes), count)
            self.assertEqual(set(codes) - {200, 429}, set())
            self.assertGreater(codes.count(200), 0)
            refused = [answer for answer in answers if answer[9:12] == b"429"]
            self.assertTrue(all(b"Retry-After" in answer for answer in refused))
            vectors = {json.loads(answer.split(b"\r\n\r\n", 1)[1])["data"][0]["embedding"][0]
                       for answer in answers if answer[9:12] == b"200"}
            self.assertLess(max(vectors) - min(vectors), 1e-4)
            # A connection costs its buffers; the embedder nothing that grows with them.
            self.assertLess(after - before, 64 + count * 0.03)
            self.assertEqual(house.stop(), 0)


if __name__ == "__main__":
    unittest.main()
