"""Open WebUI in front of a running server, used as a person uses it: pip install open-webui;
python3 open_webui.py http://127.0.0.1:8000/v1 [--key KEY] [--program open-webui] [--chromium CHROMIUM] [--picture FILE]

Starts Open WebUI with a folder of its own and no network, opens it in a browser without a window, chooses the model, asks a question and
watches the answer grow. The picture is kept to be looked at. Python 3.11 or 3.12, which Open WebUI needs; the browser as in tests/report.
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "browser"))
from devtools import Browser  # noqa: E402

QUESTION = "What is the capital of Norway?"
# Open WebUI loads a lot of code at its first start.
START, ANSWER = 900, 600


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def settings(url, key, folder):
    """What Open WebUI is told: one server, nobody to log in, nothing from the network."""
    return {
        **os.environ,
        "DATA_DIR": str(folder), "WEBUI_AUTH": "False", "WEBUI_SECRET_KEY": "only for this test",
        "OPENAI_API_BASE_URL": url, "OPENAI_API_BASE_URLS": url, "OPENAI_API_KEY": key, "OPENAI_API_KEYS": key,
        "ENABLE_OLLAMA_API": "False", "OFFLINE_MODE": "true", "HF_HUB_OFFLINE": "1", "RAG_EMBEDDING_ENGINE": "openai",
        "ENABLE_TITLE_GENERATION": "False", "ENABLE_FOLLOW_UP_GENERATION": "False", "ENABLE_TAGS_GENERATION": "False",
        "ANONYMIZED_TELEMETRY": "False", "DO_NOT_TRACK": "true", "SCARF_NO_ANALYTICS": "true",
    }  # fmt: skip


def ask_server(url, key, path, body=None):
    request = urllib.request.Request(url + path, body and json.dumps(body).encode(), {"Content-Type": "application/json", "Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=ANSWER) as answer:
        return json.load(answer)


def until(seconds, what, look):
    """The first value that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = look()
        if value:
            return value
        time.sleep(0.1)
    raise SystemExit(f"{what}: not within {seconds} s")


def is_up(process, page):
    if process.poll() is not None:
        raise SystemExit(f"open-webui ended with code {process.returncode}")
    with contextlib.suppress(OSError), urllib.request.urlopen(page + "/health", timeout=5) as answer:
        return answer.status == 200


def element(script):
    """Where an element lies, if it is there to be clicked."""
    return f"""(() => {{ const e = {script}; if (!e) return null; const r = e.getBoundingClientRect();
        return r.width > 0 && r.height > 0 ? [r.x + r.width / 2, r.y + r.height / 2] : null; }})()"""


def click(browser, what, script):
    browser.click(*until(60, what, lambda: browser.value(element(script))))


def close_news(browser):
    """What is new in this version is told before anything else."""
    news = "[...document.querySelectorAll('[role=dialog] button, .modal button')].find(b => /Okay|Let's Go|Close/i.test(b.textContent + (b.ariaLabel || '')))"
    for _ in range(20):
        place = browser.value(element(news))
        if place:
            browser.click(*place)
        time.sleep(0.2)


def choose(browser, model):
    click(browser, "the list of models", "document.querySelector('[id^=model-selector][id$=button]')")
    item = f"[...document.querySelectorAll('[aria-label=model-item], [role=option], [data-value]')].find(e => e.textContent.includes({model!r}))"
    click(browser, f"{model} in the list", item)
    chosen = "document.querySelector('[id^=model-selector][id$=button]').textContent"
    until(30, "the chosen model", lambda: model in (browser.value(chosen) or ""))


def ask(browser):
    box = "document.querySelector('#chat-input')"
    click(browser, "where questions are written", box)
    browser.ask("Input.insertText", text=QUESTION)
    until(30, "the question", lambda: QUESTION in (browser.value(f"({box}.textContent || '') + ({box}.value || '')") or ""))
    browser.key("Enter")


ANSWERS = "[...document.querySelectorAll('.chat-assistant')].map(e => e.innerText.trim())"


def watch(browser, wanted):
    """The answer in all its lengths, until it no longer grows."""
    lengths, still, end = [], 0, time.monotonic() + ANSWER
    while still < 50:
        if time.monotonic() > end:
            raise SystemExit(f"the answer does not end: {lengths}")
        text = (browser.value(ANSWERS) or [""])[-1]
        still = still + 1 if text and lengths and len(text) == lengths[-1] else 0
        if text and not still:
            lengths.append(len(text))
        time.sleep(0.05)
    letters = lambda text: "".join(c for c in text if c.isalnum())  # noqa: E731
    if wanted and letters(wanted) not in letters(text):
        raise SystemExit(f"the page says {text!r}, the server {wanted!r}")
    return text, lengths


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key", default="none")
    parser.add_argument("--program", default=shutil.which("open-webui"))
    parser.add_argument("--chromium", default=os.environ.get("CHROMIUM") or shutil.which("chromium"))
    parser.add_argument("--picture", type=pathlib.Path)
    args = parser.parse_args()
    model = ask_server(args.url, args.key, "/models")["data"][0]["id"]
    asked = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    said = {ask_server(args.url, args.key, "/chat/completions", asked)["choices"][0]["message"]["content"] for _ in range(2)}
    # A server that draws says something else each time.
    wanted = said.pop() if len(said) == 1 else None
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        port = free_port()
        page = f"http://127.0.0.1:{port}"
        log = stack.enter_context(open(folder / "log", "w"))
        command = [args.program, "serve", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=settings(args.url, args.key, folder / "data"), stdout=log, stderr=log, cwd=folder)
        stack.callback(lambda: (process.terminate(), process.wait(60)))
        try:
            until(START, "Open WebUI", lambda: is_up(process, page))
        except SystemExit:
            print((folder / "log").read_text()[-4000:], file=sys.stderr)
            raise
        browser = stack.enter_context(Browser(args.chromium, folder / "profile"))
        browser.size(1200, 900)
        browser.open(page)
        try:
            close_news(browser)
            choose(browser, model)
            ask(browser)
            text, lengths = watch(browser, wanted)
        finally:
            if args.picture:
                shot = browser.ask("Page.captureScreenshot", format="png")
                args.picture.write_bytes(base64.b64decode(shot["data"]))
        if len(lengths) < 3:
            raise SystemExit(f"the answer came at once, not as a stream: {lengths}")
        print(f"Open WebUI: {model} chosen, asked, answered in {len(lengths)} steps: {text!r}")


if __name__ == "__main__":
    main()
