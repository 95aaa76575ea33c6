"""The commands as scripts of users call them: output, exit codes, locked folders, --server."""

import json
import os
import subprocess
import unittest

from house import PROGRAM, SAMPLES, House


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.house.__exit__()

    def remote(self, command, *rest, check=True):
        """The same command through the running server."""
        done = subprocess.run([PROGRAM, command, "--server", self.house.url, "--api-key-file",
                               self.key_file, *rest], capture_output=True, text=True, timeout=120)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_1_init_never_overwrites(self):
        again = self.house.run("init", check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("already", again.stderr)
        inside = subprocess.run([PROGRAM, "init", "--data", self.house.folder + "/d2", "--keys",
                                 self.house.folder + "/d2/keys"], capture_output=True, text=True)
        self.assertEqual(inside.returncode, 1)
        self.assertIn("inside", inside.stderr)
        self.assertFalse(os.path.exists(self.house.folder + "/d2"))

    def test_1_init_takes_any_relative_name_and_leaves_nothing_of_a_refusal(self):
        def init(data, *rest):
            return subprocess.run([PROGRAM, "init", "--data", data, *rest], capture_output=True,
                                  text=True, cwd=self.house.folder)
        for name in ("b", "x/", "./y"):
            done = init(name)
            self.assertEqual(done.returncode, 0, done.stderr)
        taken = init("fresh", "--keys", "b.keys")
        self.assertEqual(taken.returncode, 1)
        self.assertIn("keyring already", taken.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.house.folder, "fresh")))

    def test_2_key_create_prints_the_key_alone(self):
        key = self.house.key("app", "writer")
        self.assertRegex(key, r"^coffer_[a-z2-7]{12}_\S{43}_\S{6}$")
        listed = [json.loads(line) for line in
                  self.house.run("key", "list", "--json").stdout.splitlines()]
        self.assertEqual([row["name"] for row in listed], ["admin", "app"])
        self.assertNotIn(key.split("_")[2], json.dumps(listed))
        self.house.run("key", "revoke", listed[1]["id"])
        bad = self.house.run("key", "create", "--name", "x", "--role", "king", check=False)
        self.assertNotEqual(bad.returncode, 0)
        self.assertIn("reader", bad.stderr)

    def test_3_ingests_searches_and_asks(self):
        report = json.loads(self.house.run("ingest", "--collection", "handbook", "--json",
                                           SAMPLES).stdout)
        self.assertEqual((report["failed"], report["unchanged"]), (0, 0))
        self.assertGreaterEqual(report["created"], 60)
        again = json.loads(self.house.run("ingest", "--collection", "handbook", "--json",
                                          SAMPLES).stdout)
        self.assertEqual(again["unchanged"], report["created"])
        for mode in ("hybrid", "vector", "lexical"):
            found = json.loads(self.house.run("search", "--collection", "handbook", "--mode", mode,
                                              "--k", "5", "--json", "A-113/b").stdout)
            self.assertEqual(len(found["hits"]), 5 if mode != "lexical" else len(found["hits"]))
        answer = json.loads(self.house.run(
            "ask", "--collection", "handbook", "--json",
            "How many days of annual leave do I get in Dublin?").stdout)
        self.assertTrue(answer["grounded"])
        self.assertEqual(answer["citations"][0]["filename"], "leave/annual-leave.md")

    def test_3_two_files_of_one_name_are_refused_before_anything_is_written(self):
        for folder in ("d1", "d2"):
            os.mkdir(os.path.join(self.house.folder, folder))
            with open(os.path.join(self.house.folder, folder, "policy.txt"), "w",
                      encoding="utf-8") as file:
                file.write(f"The policy of {folder}.\n")
        folders = [os.path.join(self.house.folder, name) for name in ("d1", "d2")]
        refused = self.house.run("ingest", "--collection", "alike", *folders, check=False)
        self.assertEqual(refused.returncode, 1)
        for folder in folders:
            self.assertIn(os.path.join(os.path.basename(folder), "policy.txt"), refused.stderr)
        nothing = self.house.run("search", "--collection", "alike", "policy", check=False)
        self.assertIn("there is no collection", nothing.stderr)
        later = [json.loads(self.house.run("ingest", "--collection", "alike", "--json",
                                           folder).stdout) for folder in folders]
        self.assertEqual((later[0]["created"], later[1]["replaced"]), (1, 1))

    def write_pdf(self):
        path = os.path.join(self.house.folder, "report.txt")
        with open(path, "wb") as file:
            file.write(b"%PDF-1.7\nplain enough to be taken for a text\n")
        return path

    def test_3_a_pdf_is_refused_with_a_cure_whatever_its_name(self):
        refused = self.house.run("ingest", "--collection", "kinds", self.write_pdf(), check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("PDF files are not read yet; convert it to text", refused.stderr)

    def test_3_a_document_of_too_many_chunks_names_the_setting(self):
        path = os.path.join(self.house.folder, "long.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"Paragraph {i} about something else. " * 20 + "\n\n"
                               for i in range(8)))
        refused = self.house.run("ingest", "--collection", "kinds", "--set=max_document_chunks=3",
                                 path, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("max_document_chunks", refused.stderr)
        self.house.run("ingest", "--collection", "kinds", path)

    def test_3_unknown_collections_are_answered_with_those_there_are(self):
        for command in (["search"], ["ask"], ["explain", "--as", "anna", "f-x"]):
            missing = self.house.run(*command, "--collection", "handbok", "text", check=False)
            self.assertEqual(missing.returncode, 1)
            self.assertIn('"handbok"', missing.stderr)
            self.assertRegex(missing.stderr, "those there are: .*handbook")
        with House() as empty:
            missing = empty.run("search", "--collection", "handbook", "text", check=False)
            self.assertIn("ingest --collection NAME PATH makes one", missing.stderr)

    def test_3_errors_about_models_name_the_file(self):
        model = os.path.join(self.house.folder, "broken.gguf")
        with open(model, "wb") as file:
            file.write(b"no model at all")
        for content in (b"no model at all", b"GGUF\x03\0\0\0"):
            with open(model, "wb") as file:
                file.write(content)
            broken = self.house.run("ask", "--collection", "handbook", "text", check=False,
                                    *["--set=generator.backend=llama",
                                      f"--set=generator.model={model}"])
            self.assertEqual(broken.returncode, 1)
            self.assertIn(model, broken.stderr)
        folder = os.path.join(self.house.folder, "broken-model")
        os.mkdir(folder)
        with open(os.path.join(folder, "model.safetensors"), "wb") as file:
            file.write(b"\xff\xff\0\0")
        with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
            file.write("{}")
        broken = self.house.run("search", "--collection", "handbook", "text",
                                "--set=embedder.backend=bert", f"--set=embedder.model={folder}",
                                check=False)
        self.assertEqual(broken.returncode, 1)
        self.assertIn(folder, broken.stderr)

    def test_3_a_data_folder_that_cannot_be_written_says_what_to_do(self):
        def become_nobody():
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
        with House() as house:
            os.chmod(house.folder, 0o755)
            os.chmod(house.data, 0o555)
            try:
                done = subprocess.run(house.arguments("search", "--collection", "x", "text"),
                                      preexec_fn=become_nobody, cwd="/", capture_output=True,
                                      text=True, timeout=60)
            except PermissionError:
                self.skipTest("the program lies where another user cannot run it")
            os.chmod(house.data, 0o700)
            self.assertEqual(done.returncode, 1)
            self.assertIn("mount it writable", done.stderr)

    def test_4_misuse_is_2_and_says_how(self):
        for arguments in (["search", "--collection", "x"], ["serve"], ["key"], ["nonsense"],
                          ["search", "--k", "0", "--collection", "x", "text"],
                          ["eval"], ["audit"], ["ingest", "--frobnicate"]):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                                  env={k: v for k, v in os.environ.items() if k != "COFFER_DATA"})
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("usage", done.stderr)

    def test_5_every_command_explains_itself(self):
        overview = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True)
        self.assertEqual(overview.returncode, 0)
        for command in ("init", "serve", "ingest", "search", "ask", "eval", "audit", "key",
                        "doctor", "version"):
            self.assertIn(f"  {command} ", overview.stdout)
            done = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0)
            self.assertIn("usage: coffer " + command, done.stdout)
        self.assertRegex(subprocess.run([PROGRAM, "version"], capture_output=True,
                                        text=True).stdout, r"^coffer \d+\.\d+\.\d+\n$")

    def test_6_works_through_a_server_when_the_folder_is_locked(self):
        self.key_file = os.path.join(self.house.folder, "admin.key")
        with open(self.key_file, "w", encoding="ascii") as file:
            file.write(self.house.admin_key + "\n")
        self.house.start()
        locked = self.house.run("search", "--collection", "handbook", "text", check=False)
        self.assertEqual(locked.returncode, 1)
        self.assertIn("--server", locked.stderr)
        report = json.loads(self.remote("ingest", "--collection", "handbook", "--json",
                                        SAMPLES).stdout)
        self.assertEqual((report["failed"], report["created"]), (0, 0))
        found = json.loads(self.remote("search", "--collection", "handbook", "--json",
                                       "annual leave in Dublin").stdout)
        self.assertEqual(found["hits"][0]["filename"], "leave/annual-leave.md")
        answer = json.loads(self.remote("ask", "--collection", "handbook", "--json",
                                        "How many days of annual leave do I get in Dublin?").stdout)
        self.assertTrue(answer["grounded"])
        self.assertEqual(answer["citations"][0]["filename"], "leave/annual-leave.md")
        refused = self.remote("ingest", "--collection", "kinds", self.write_pdf(), check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("PDF files are not read yet; convert it to text", refused.stderr)
        self.assertTrue(self.remote("key", "create", "--name", "via", "--role",
                                    "reader").stdout.startswith("coffer_"))
        self.check_the_same_forms()
        missing = self.remote("search", "--collection", "nothing", "text", check=False)
        self.assertEqual(missing.returncode, 1)
        self.assertRegex(missing.stderr, "those there are: .*handbook")
        self.assertEqual(self.house.stop(), 0)
        self.check_against_the_folder()

    def check_the_same_forms(self):
        """Through a server and without: text is text, and JSON has the same members."""
        text = self.remote("key", "list").stdout.splitlines()
        self.assertRegex(text[0], r"^[a-z2-7]{12}  admin +admin +20\d\d-\d\d-\d\dT\S+Z$")
        self.assertTrue(any(line.endswith("  revoked") for line in text))
        row = json.loads(self.remote("key", "list", "--json").stdout.splitlines()[0])
        self.assertEqual((row["name"], row["roles"], row["revoked"]), ("admin", "admin", False))
        text = self.remote("audit", "tail", "--n", "5").stdout.splitlines()
        self.assertEqual(len(text), 5)
        for line in text:
            self.assertRegex(line, r"^ *\d+  20\d\d-\d\d-\d\dT\S+Z  [a-z_]+ +[a-z_]+ ")
        self.tailed = [json.loads(line) for line in
                       self.remote("audit", "tail", "--n", "1000", "--json").stdout.splitlines()]
        self.listed = json.loads(
            self.remote("key", "list", "--json").stdout.splitlines()[0])

    def check_against_the_folder(self):
        local = {row["seq"]: row for row in map(json.loads, self.house.run(
            "audit", "tail", "--n", "1000", "--json").stdout.splitlines())}
        searches = [row for row in self.tailed if row["results"]]
        self.assertTrue(searches)
        for row in self.tailed:
            kept = local[row["seq"]]
            self.assertEqual(sorted(row), sorted(kept))
            for member in ("time", "event", "outcome", "collection", "subject", "query", "answer"):
                self.assertEqual(row[member], kept[member], member)
            self.assertEqual([found["chunk"] for found in row["results"]],
                             [found["chunk"] for found in kept["results"]])
        first = json.loads(self.house.run("key", "list", "--json").stdout.splitlines()[0])
        self.assertEqual(sorted(first), sorted(self.listed))
        self.assertEqual({**first, "created": None}, {**self.listed, "created": None})

    def test_6_server_is_misuse_where_it_means_nothing(self):
        for command in (["init"], ["serve"], ["eval", SAMPLES], ["doctor"], ["version"],
                        ["model", "add", "x"], ["audit", "verify"]):
            done = self.house.run(*command, "--server", "http://127.0.0.1:1", "--api-key-file",
                                  "none", check=False)
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("has no --server", done.stderr)
        told = subprocess.run([PROGRAM, "doctor", "--help"], capture_output=True, text=True)
        self.assertNotIn("--server", told.stdout)

    def test_7_doctor_names_what_is_unfit(self):
        fit = self.house.run("doctor", "--json")
        self.assertNotIn("fail", {row["verdict"] for row in json.loads(fit.stdout)})
        unfit = self.house.run("doctor", "--set=embedder.backend=bert",
                               "--set=embedder.model=no-such-model", check=False)
        self.assertEqual(unfit.returncode, 1)
        self.assertIn("no-such-model", unfit.stdout)


if __name__ == "__main__":
    unittest.main()
