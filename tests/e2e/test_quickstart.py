"""scripts/quickstart and scripts/try in a checkout whose program and models are there already.

What installs, builds and fetches is replaced by scripts that have nothing to do; everything else is
the real thing over the model-free backends.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

from house import PROGRAM, SOURCE, wait_until

DONE = "#!/bin/sh\nexit 0\n"


class Quickstart(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="coffer-quickstart-")
        self.addCleanup(shutil.rmtree, self.root, True)
        os.mkdir(self.path("scripts"))
        for name in ("quickstart", "try", "tour.sh", "common.sh"):
            shutil.copy2(os.path.join(SOURCE, "scripts", name), self.path("scripts", name))
        for name in ("deps", "build", "models"):
            with open(self.path("scripts", name), "w", encoding="ascii") as file:
                file.write(DONE)
            os.chmod(self.path("scripts", name), 0o755)
        for name in ("data", "third_party"):
            os.symlink(os.path.join(SOURCE, name), self.path(name))
        os.makedirs(self.path("build", "release"))
        self.program = self.path("build", "release", "coffer")
        os.symlink(os.path.abspath(PROGRAM), self.program)
        os.makedirs(self.path("models", "all-MiniLM-L6-v2"))
        with open(self.path("models", "all-MiniLM-L6-v2", "coffer.json"), "w",
                  encoding="ascii") as file:
            file.write("{}")
        self.home = self.path(".quickstart")
        self.data = os.path.join(self.home, "data")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("COFFER_")}
        self.environment.update(COFFER_MODELS=self.path("models"), COFFER_EMBEDDER_BACKEND="hashing",
                                COFFER_GENERATOR_BACKEND="extractive")

    def path(self, *names):
        return os.path.join(self.root, *names)

    def run_it(self, *arguments, code=0):
        done = subprocess.run([self.path("scripts", "quickstart"), *arguments],
                              env=self.environment, capture_output=True, text=True, timeout=180)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def shell(self, line):
        done = subprocess.run(["bash", "-c", line], env=self.environment, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, line + "\n" + done.stdout + done.stderr)
        return done.stdout

    def serve(self, *arguments):
        server = subprocess.Popen([self.program, "serve", "--data", self.data, *arguments],
                                  env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertIn("listening on ", server.stdout.readline())
        return server

    def tried(self, output):
        """The commands to try next, as printed, without the remark behind them."""
        block = output.split("Try next:")[1]
        return [line.split("  #")[0].strip() for line in block.splitlines()
                if line.startswith("  /") or line.startswith("  COFFER_QUICKSTART=")]

    def test_first_and_second_run_and_the_commands_it_prints(self):
        first = self.run_it()
        for name in os.listdir(self.home):
            mode = os.stat(os.path.join(self.home, name)).st_mode
            self.assertEqual(stat.S_IMODE(mode) & 0o077, 0, name)
        self.assertFalse([name for name in os.listdir(self.home)
                          if name.startswith(("init", "admin.key."))])
        with open(os.path.join(self.home, "admin.key"), encoding="ascii") as file:
            self.assertRegex(file.read(), r"^coffer_\S+\n$")
        self.assertEqual(first.stderr.count("same device"), 1)
        self.assertNotIn("sound: sound", first.stdout)
        self.assertIn("sound: ", first.stdout)
        answer = re.search(r"\[8/8\]|\[7/8\].*?\n(.*)\[8/8\]", first.stdout, re.S).group(1)
        self.assertIn("[1]", answer)

        second = self.run_it()
        self.assertIn("from an earlier run", second.stdout)
        for line in answer.splitlines():
            if "[1]" in line:
                self.assertIn(line, second.stdout)
        self.assertNotIn("same device", second.stderr)
        self.assertIn(os.path.join(self.home, "admin.key"), second.stdout)
        self.assertIn("answered in", self.run_it("--ask").stdout)

        commands = self.tried(second.stdout)
        self.assertEqual(len(commands), 3)
        self.assertTrue(commands[2].endswith("serve"))
        without_server = [self.shell(line) for line in commands[:2]]
        self.assertNotIn("not grounded", without_server[0])
        self.assertIn("€0.34", without_server[0])
        self.assertTrue(without_server[1])

    def test_with_a_server_left_running(self):
        output = self.run_it("--serve").stdout
        with open(os.path.join(self.home, "server.pid"), encoding="ascii") as file:
            pid = int(file.read())
        self.addCleanup(self.end, pid)
        curl = re.search(r"\n  (curl .*?)\n\n", output, re.S).group(1)
        ask = re.search(r"\n  (\S+/scripts/try ask .*)\n", output).group(1)
        self.assertIn("annual", self.shell(curl))
        self.assertIn("€0.34", self.shell(ask))
        self.assertIn("stopping the server of an earlier run", self.run_it().stdout)
        self.assertFalse(self.runs(pid))

    def runs(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def end(self, pid):
        if self.runs(pid):
            os.kill(pid, 9)
            wait_until(lambda: not self.runs(pid))

    def test_an_innocent_process_of_the_remembered_number_lives(self):
        os.mkdir(self.home)
        innocent = subprocess.Popen(["sleep", "600"])
        self.addCleanup(innocent.wait)
        self.addCleanup(innocent.kill)
        with open(os.path.join(self.home, "server.pid"), "w", encoding="ascii") as file:
            file.write(f"{innocent.pid}\n")
        begin = time.monotonic()
        self.run_it()
        self.assertIsNone(innocent.poll())
        self.assertLess(time.monotonic() - begin, 120)

    def test_a_server_started_by_hand_is_named_and_left_alone(self):
        self.run_it()
        server = self.serve("--listen", "127.0.0.1:0")
        refused = self.run_it(code=1)
        self.assertIn("is in use", refused.stderr)
        self.assertIn("stop it", refused.stderr)
        self.assertIsNone(server.poll())

    def test_a_lost_admin_key_is_made_anew(self):
        self.run_it()
        os.remove(os.path.join(self.home, "admin.key"))
        self.assertIn("making another", self.run_it().stdout)
        with open(os.path.join(self.home, "admin.key"), encoding="ascii") as file:
            self.assertRegex(file.read(), r"^coffer_\S+\n$")


if __name__ == "__main__":
    unittest.main()
