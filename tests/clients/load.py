"""Many streams at once from a process of its own: python3 load.py http://127.0.0.1:8000/v1 [--streams 64] [--tokens 64] [--key KEY]

Every stream has its own question and seed, and must be what the same request gives alone. Prints what it took as JSON. Needs Python alone.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
import urllib.parse


def request(number, tokens, stream):
    """Questions of several lengths, all different."""
    facts = " ".join(f"Box {box} holds {box * number % 97} coins." for box in range(number % 9 * 4))
    question = f"{facts} Tell me a story about the number {number}."
    return {"messages": [{"role": "user", "content": question}], "max_tokens": tokens, "seed": number, "temperature": 0.9, "stream": stream,
            "stream_options": {"include_usage": True} if stream else None}  # fmt: skip


class Server:
    def __init__(self, url, key):
        self.url, self.key = urllib.parse.urlsplit(url), key

    def post(self, body):
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=1200)
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        connection.request("POST", self.url.path + "/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"{response.status}: {response.read().decode()}")
        return response

    def whole(self, body):
        answer = json.load(self.post(body))
        return answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]


class Stream(threading.Thread):
    def __init__(self, server, body):
        super().__init__()
        self.server, self.body = server, body
        self.text, self.tokens, self.times, self.done, self.trouble = "", 0, [], False, None

    def run(self):
        self.begun = time.monotonic()
        try:
            for line in self.server.post(self.body):
                if line.startswith(b"data: "):
                    self.take(line[6:].strip())
        except BaseException as error:  # told by whoever joins the thread
            self.trouble = error

    def take(self, data):
        if data == b"[DONE]":
            self.done = True
            return
        part = json.loads(data)
        self.tokens = (part.get("usage") or {}).get("completion_tokens", self.tokens)
        for choice in part["choices"]:
            more = choice["delta"].get("content")
            if more:
                self.times.append(time.monotonic())
                self.text += more


def spread(seconds):
    ordered = sorted(seconds)
    return {"median": round(statistics.median(ordered), 4), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 4), "max": round(ordered[-1], 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--key")
    args = parser.parse_args()
    server = Server(args.url, args.key)
    server.whole(request(0, 1, False))
    begun = time.monotonic()
    streams = [Stream(server, request(number, args.tokens, True)) for number in range(args.streams)]
    for stream in streams:
        stream.start()
    for stream in streams:
        stream.join()
    beside = time.monotonic() - begun
    troubles = [str(stream.trouble) for stream in streams if stream.trouble]
    lost = [number for number, stream in enumerate(streams) if not stream.done]
    begun = time.monotonic()
    alone = [server.whole(request(number, args.tokens, False)) for number in range(args.streams)]
    apart = time.monotonic() - begun
    mixed = [number for number, (stream, answer) in enumerate(zip(streams, alone)) if (stream.text, stream.tokens) != answer]
    tokens = sum(stream.tokens for stream in streams)
    print(json.dumps({
        "streams": args.streams, "tokens": tokens, "lost": lost, "mixed_up": mixed, "troubles": troubles,
        "different_answers": len({stream.text for stream in streams}),
        "seconds": round(beside, 2), "tokens_a_second": round(tokens / beside, 1),
        "alone_seconds": round(apart, 2), "alone_tokens_a_second": round(tokens / apart, 1),
        "first_piece": spread([stream.times[0] - stream.begun for stream in streams if stream.times]),
        "next_piece": spread([b - a for stream in streams for a, b in zip(stream.times, stream.times[1:])]),
    }, indent=2))  # fmt: skip
    if lost or mixed or troubles:
        raise SystemExit("answers were lost or mixed up")


if __name__ == "__main__":
    main()
