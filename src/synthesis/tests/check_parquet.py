#!/usr/bin/env python3
"""Loads the Parquet files of a dataset as others do: with pyarrow, with datasets, and with verl's RLHFDataset where verl is installed.

    check_parquet.py DATASET_FOLDER [TOKENIZER_FOLDER]

Compares every row with its line of JSON. Prints what was checked, and what could not be for want of a package; ends with 1 where something is wrong.
TOKENIZER_FOLDER is a folder that transformers' AutoTokenizer reads; verl's class is only tried with it.
"""

import json
import pathlib
import sys

WANTED = {
    "data_source": str,
    "prompt": list,
    "ability": str,
    "reward_model": dict,
    "extra_info": dict,
}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def demand(holds, what):
    if not holds:
        sys.exit(f"wrong: {what}")


def check_row(row, item, split, index):
    for name, kind in WANTED.items():
        demand(isinstance(row[name], kind), f"{split} {index}: {name} is {type(row[name]).__name__}")
    roles = [message["role"] for message in row["prompt"]]
    demand(roles and roles[-1] == "user", f"{split} {index}: the last message is not the user's")
    demand(all(set(message) == {"role", "content"} for message in row["prompt"]), f"{split} {index}: fields of a message")
    demand(row["reward_model"] == {"ground_truth": item["answer"]["text"], "style": "rule"}, f"{split} {index}: reward_model")
    extra = row["extra_info"]
    demand((extra["id"], extra["split"], extra["index"]) == (item["id"], split, index), f"{split} {index}: extra_info")
    demand(extra["tokens"] == item["certificate"]["tokens"], f"{split} {index}: tokens")
    said = "\n".join(message["content"] for message in row["prompt"])
    demand(item["question"] in said, f"{split} {index}: the question is not in the prompt")
    demand(all(passage["text"] in said for passage in item["passages"]), f"{split} {index}: a passage is not in the prompt")


def with_pyarrow(folder):
    import pyarrow.parquet

    for split in ("train", "test"):
        items = lines(folder / f"{split}.jsonl")
        rows = pyarrow.parquet.read_table(folder / f"{split}.parquet").to_pylist()
        demand(len(rows) == len(items), f"{split}: {len(rows)} rows and {len(items)} lines")
        for index, (row, item) in enumerate(zip(rows, items)):
            check_row(row, item, split, index)
        print(f"pyarrow {pyarrow.__version__}: {split}, {len(rows)} rows")


def with_datasets(folder):
    import datasets

    for split in ("train", "test"):
        items = lines(folder / f"{split}.jsonl")
        loaded = datasets.load_dataset("parquet", data_files=str(folder / f"{split}.parquet"), cache_dir=str(folder / ".cache"))
        rows = list(loaded["train"])
        demand(len(rows) == len(items), f"{split}: {len(rows)} rows and {len(items)} lines")
        for index, (row, item) in enumerate(zip(rows, items)):
            check_row(row, item, split, index)
        print(f"datasets {datasets.__version__}: {split}, {len(rows)} rows")


def with_verl(folder, tokenizer):
    import verl
    from omegaconf import OmegaConf
    from transformers import AutoTokenizer
    from verl.utils.dataset.rl_dataset import RLHFDataset

    config = OmegaConf.create(
        {"prompt_key": "prompt", "max_prompt_length": 200_000, "filter_overlong_prompts": False, "truncation": "error",
         "return_raw_chat": True, "cache_dir": str(folder / ".cache")}
    )
    tokenizer = AutoTokenizer.from_pretrained(tokenizer)
    for split in ("train", "test"):
        items = lines(folder / f"{split}.jsonl")
        dataset = RLHFDataset(data_files=str(folder / f"{split}.parquet"), tokenizer=tokenizer, config=config)
        demand(len(dataset) == len(items), f"{split}: {len(dataset)} rows and {len(items)} lines")
        for index, item in enumerate(items):
            row = dataset[index]
            demand(row["raw_prompt"][-1]["role"] == "user", f"{split} {index}: raw_prompt")
            demand(row["reward_model"]["ground_truth"] == item["answer"]["text"], f"{split} {index}: ground_truth")
            demand(row["index"] == index, f"{split} {index}: index {row['index']}")
            demand(row["data_source"].endswith("/" + item["form"]), f"{split} {index}: data_source")
        print(f"verl {verl.__version__}: {split}, {len(dataset)} rows")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    checks = {"pyarrow": lambda: with_pyarrow(folder), "datasets": lambda: with_datasets(folder)}
    if len(sys.argv) == 3:
        checks["verl"] = lambda: with_verl(folder, sys.argv[2])
    done = 0
    for name, check in checks.items():
        try:
            check()
            done += 1
        except ModuleNotFoundError as error:
            print(f"not checked with {name}: {error}")
    demand(done > 0, "no package to check with; pip install pyarrow datasets")


main()
