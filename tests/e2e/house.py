"""A real coffer on loopback, for tests from outside: folders, keys, a server process, plain HTTP.

Used as `with House() as house:`; everything lies in a temporary folder that is removed. The program
is named by COFFER_PROGRAM, which ctest sets.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAM = os.environ["COFFER_PROGRAM"]
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(SOURCE, "data", "samples", "corpus")
# No model: fast, and enough for everything that is not about quality.
MODEL_FREE = {"embedder.backend": "hashing", "generator.backend": "extractive"}


class House:
    def __init__(self, settings=None, environment=None, wrapper=None):
        self.settings = dict(MODEL_FREE if settings is None else settings)
        self.environment = dict(os.environ, **(environment or {}))
        self.wrapper = list(wrapper or [])
        self.folder = tempfile.mkdtemp(prefix="coffer-e2e-")
        self.data = os.path.join(self.folder, "data")
        self.server = None
        self.port = None
        self.admin_key = None

    def __enter__(self):
        self.admin_key = json.loads(self.run("init", "--json").stdout)["admin_key"]
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the command line ----

    def arguments(self, command, *rest):
        sets = [f"--set={key}={value}" for key, value in self.settings.items()]
        return [PROGRAM, command, "--data", self.data, *sets, *rest]

    def run(self, command, *rest, check=True, timeout=120):
        done = subprocess.run(self.arguments(command, *rest), env=self.environment,
                              capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"coffer {command} {rest} ended {done.returncode}:\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    def key(self, name, role, *rest):
        return self.run("key", "create", "--name", name, "--role", role, *rest).stdout.strip()

    # ---- the server ----

    def start(self, *rest, environment=None):
        """Starts the server and waits until it says where it listens."""
        assert self.server is None
        self.log = open(os.path.join(self.folder, "server.log"), "ab")
        self.server = subprocess.Popen(
            self.wrapper + self.arguments("serve", "--listen", "127.0.0.1:0", *rest),
            env=dict(self.environment, **(environment or {})), stdout=subprocess.PIPE,
            stderr=self.log, text=True)
        line = self.server.stdout.readline()
        if not line.startswith("listening on http://"):
            self.server.wait(timeout=60)
            with open(self.log.name, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"the server did not start: {line!r}\n{log.read()}")
        self.port = int(line.rsplit(":", 1)[1])
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self, timeout=60):
        """SIGTERM, then the exit code."""
        self.server.send_signal(signal.SIGTERM)
        code = self.server.wait(timeout=timeout)
        self.forget()
        return code

    def kill(self):
        """SIGKILL, if a server runs."""
        if self.server is not None:
            self.server.kill()
            self.server.wait()
            self.forget()

    def forget(self):
        self.server.stdout.close()
        self.log.close()
        self.server = None

    # ---- HTTP without a library's opinions ----

    def request(self, method, path, body=None, key=None, headers=None, timeout=60):
        """Returns (status, headers, body bytes). A dict or list is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = dict(headers or {})
        if key != "":
            sent.setdefault("Authorization", f"Bearer {key or self.admin_key}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, key=None, expect=200):
        status, _, answer = self.request(method, path, body, key)
        assert status == expect, f"{method} {path}: {status} {answer[:400]!r}"
        return json.loads(answer)

    def put(self, store, documents, key=None):
        """Bulk upload; returns the answered lines."""
        lines = "".join(json.dumps(dict(document, vector_store_id=store)) + "\n"
                        for document in documents)
        status, _, answer = self.request("POST", "/v1/documents", lines, key,
                                         {"Content-Type": "application/x-ndjson"})
        assert status == 200, f"bulk: {status} {answer[:400]!r}"
        return [json.loads(line) for line in answer.splitlines()]

    def search(self, store, query, key=None, **more):
        return self.json("POST", f"/v1/vector_stores/{store}/search",
                         dict(query=query, **more), key)["data"]

    # ---- the audit log ----

    def verify(self):
        """Exit code of `coffer audit verify`."""
        return self.run("audit", "verify", check=False).returncode


def wait_until(condition, seconds=10):
    """Polls a condition that another process makes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)
