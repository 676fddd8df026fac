"""Asks a running server as users of OpenAI's own package do: pip install openai; python3 openai_client.py http://127.0.0.1:8000/v1 [--key KEY]

Each check is one function; the first that fails ends the run with what was seen.
"""

import argparse
import asyncio

import openai

QUESTION = [{"role": "user", "content": "What is the capital of Norway? Answer with an emoji, too."}]
SETTINGS = {"messages": QUESTION, "max_tokens": 24, "seed": 5, "temperature": 0.8}


def same(seen, wanted, what):
    if seen != wanted:
        raise SystemExit(f"{what}: {seen!r} instead of {wanted!r}")


def holds(condition, what):
    if not condition:
        raise SystemExit(what)


def together(parts):
    """The texts of a stream's answers, in their order."""
    texts = {}
    for part in parts:
        for choice in part.choices:
            more = choice.delta.content if hasattr(choice, "delta") else choice.text
            texts[choice.index] = texts.get(choice.index, "") + (more or "")
    return [texts[index] for index in sorted(texts)]


def lists_models(client, model):
    same([one.id for one in client.models.list()], [model], "models")
    same(client.models.retrieve(model).id, model, "one model")


def answers(client, model):
    whole = client.chat.completions.create(model=model, **SETTINGS)
    choice = whole.choices[0]
    holds(choice.message.role == "assistant" and choice.message.content, f"no answer: {whole}")
    holds(choice.finish_reason in ("stop", "length"), f"finish: {choice.finish_reason}")
    used = whole.usage
    same(used.total_tokens, used.prompt_tokens + used.completion_tokens, "total tokens")
    holds(0 < used.completion_tokens <= 24, f"tokens: {used}")
    again = client.chat.completions.create(model=model, **SETTINGS)
    same(again.choices[0].message.content, choice.message.content, "the same seed")
    return choice.message.content


def streams(client, model, whole):
    parts = list(client.chat.completions.create(model=model, stream=True, stream_options={"include_usage": True}, **SETTINGS))
    same(together(parts), [whole], "the stream")
    same(parts[0].choices[0].delta.role, "assistant", "the first part")
    holds(parts[-1].usage and not parts[-1].choices, f"no usage at the end: {parts[-1]}")
    holds(len(parts) > 4, f"{len(parts)} parts are no stream")
    with client.chat.completions.stream(model=model, **SETTINGS) as stream:
        texts = [event.delta for event in stream if event.type == "content.delta"]
        same("".join(texts), whole, "the stream helper")


def leaves_early(client, model):
    """A stream that is not read to its end."""
    with client.chat.completions.create(model=model, stream=True, messages=QUESTION, max_tokens=2000) as stream:
        next(iter(stream))


def gives_several(client, model):
    asked = {**SETTINGS, "n": 3}
    whole = client.chat.completions.create(model=model, **asked)
    texts = [choice.message.content for choice in whole.choices]
    same(len(set(texts)), 3, "different answers")
    same(together(client.chat.completions.create(model=model, stream=True, **asked)), texts, "three streams in one")


def stops(client, model):
    whole = client.chat.completions.create(model=model, **{**SETTINGS, "temperature": 0}).choices[0].message.content
    stop = whole[3:6]
    cut = client.chat.completions.create(model=model, stop=[stop], **{**SETTINGS, "temperature": 0}).choices[0]
    same((cut.message.content, cut.finish_reason), (whole[: whole.find(stop)], "stop"), "stop")


def weighs(client, model):
    choice = client.chat.completions.create(model=model, logprobs=True, top_logprobs=3, **SETTINGS).choices[0]
    odds = choice.logprobs.content
    same(b"".join(bytes(one.bytes) for one in odds).decode(), choice.message.content, "bytes of the tokens")
    for one in odds:
        holds(len(one.top_logprobs) == 3 and one.logprob <= one.top_logprobs[0].logprob <= 0, f"log-probabilities: {one}")


def continues(client, model):
    asked = {"model": model, "prompt": ["The capital of Norway is", "One, two,"], "max_tokens": 8, "temperature": 0}
    whole = client.completions.create(logprobs=2, **asked)
    same(len(whole.choices), 2, "prompts")
    same(len(whole.choices[0].logprobs.tokens), 8, "tokens with log-probabilities")
    same(together(client.completions.create(stream=True, **asked)), [one.text for one in whole.choices], "streamed")


def refuses(client, model):
    for error, asked in [
        (openai.NotFoundError, {"model": "no-such-model", "messages": QUESTION}),
        (openai.BadRequestError, {"model": model, "messages": []}),
        (openai.BadRequestError, {"model": model, "messages": QUESTION, "temperature": -1}),
        (openai.BadRequestError, {"model": model, "messages": QUESTION, "logit_bias": {"5": 1}}),
        (openai.BadRequestError, {"model": model, "messages": [{"role": "user", "content": "a b " * 300_000}]}),
    ]:
        try:
            client.chat.completions.create(**asked)
        except error as told:
            holds(told.body and told.body["message"], f"an error without words: {told}")
        else:
            raise SystemExit(f"{asked['model']}: no {error.__name__}")


async def answers_side_by_side(client, model):
    """Sixteen at once, whole and streamed, each the same as alone."""

    async def whole(seed):
        answer = await client.chat.completions.create(model=model, **{**SETTINGS, "seed": seed})
        return answer.choices[0].message.content

    async def stream(seed):
        parts = await client.chat.completions.create(model=model, stream=True, **{**SETTINGS, "seed": seed})
        return together([part async for part in parts])[0]

    beside = await asyncio.gather(*(stream(seed) for seed in range(8)), *(whole(seed) for seed in range(8)))
    alone = [await whole(seed) for seed in range(8)]
    same(beside, alone + alone, "answers side by side")
    holds(len(set(alone)) > 4, f"seeds change next to nothing: {alone}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key", default="none")
    args = parser.parse_args()
    client = openai.OpenAI(base_url=args.url, api_key=args.key, max_retries=0)
    model = next(iter(client.models.list())).id
    lists_models(client, model)
    whole = answers(client, model)
    streams(client, model, whole)
    for check in [leaves_early, gives_several, stops, weighs, continues, refuses]:
        check(client, model)

    async def beside():
        async with openai.AsyncOpenAI(base_url=args.url, api_key=args.key, max_retries=0) as client:
            await answers_side_by_side(client, model)

    asyncio.run(beside())
    print(f"openai {openai.__version__}: lists, answers, streams, leaves, stops, weighs, continues, refuses, side by side")


if __name__ == "__main__":
    main()
