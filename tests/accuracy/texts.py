# SPDX-License-Identifier: Apache-2.0
"""Texts of many kinds, each unique: all depend on a seed alone, and no two share a long run but on purpose."""
import base64
import random

NOUNS = ("harbour lantern orchard glacier pepper violin saddle meadow copper thunder velvet canyon basket mirror "
         "falcon ginger").split()
KANA = "灯台 林檎 氷河 胡椒 提琴 草原 銅貨 雷鳴 天鵞絨 渓谷 籠 鏡 隼 生姜 港 鞍".split()
EMOJI = "😀 🎉 👩‍💻 🍣 🚀 🐙 🌋 🎻 🧭 🪁 🦉 ❤️ 🇯🇵 🍎 🛠️ 📚".split()


def dice(*seed):
    return random.Random("/".join(map(str, seed)))


def english(seed, words=40):
    r = dice("en", seed)
    return f"Question: tell me about {', '.join(r.choices(NOUNS, k=words))} & <{r.getrandbits(32):08x}>."


def japanese(seed, words=40):
    r = dice("ja", seed)
    return f"質問です：{'と'.join(r.choices(KANA, k=words))}について、it's <{r.getrandbits(32):08x}> & 教えて。"


def emoji(seed):
    r = dice("emoji", seed)
    return "".join(r.choices(EMOJI, k=60)) + f" {r.getrandbits(64):016x} " + "".join(r.choices(EMOJI, k=20))


def code(seed):
    r = dice("code", seed)
    names = r.sample(NOUNS, 6)
    body = "\n".join(f"\tif ({a} < {r.randrange(10**6)} && !{b}[\"{a}\\n\"])\n"
                     f"\t\treturn '\\x{r.randrange(256):02x}' + {b}->{a};"
                     for a, b in zip(r.choices(names, k=8), r.choices(names, k=8)))
    return f"なぜ動かない？\n```c\nint {names[0]}_{r.getrandbits(32):08x}(void)\n{{\n{body}\n}}\n```\n"


def sql(seed):
    r = dice("sql", seed)
    values = ", ".join(f"('{a}''s', {r.randrange(10**8)}, E'{b}\\\\')" for a, b in zip(r.choices(NOUNS, k=8), r.choices(KANA, k=8)))
    return f"INSERT INTO messages (query, answer) VALUES {values}; -- '{r.getrandbits(48):012x}'\nDROP TABLE \"{r.choice(NOUNS)}\";"


def base64_like(seed):
    return base64.b64encode(dice("base64", seed).randbytes(300)).decode()


def varied_words(r, count):
    """Words as many as a language has: two to four of 90 syllables."""
    return " ".join("".join(r.choice("bcdfghjklmnprstvwz") + r.choice("aeiou") for _ in range(r.randrange(2, 5))) for _ in range(count))


def varied_japanese(r, count):
    """Of the 2,000 ideographs that are common, and of kana."""
    return "".join(chr(r.randrange(0x4e00, 0x4e00 + 2000)) if r.random() < 0.5 else chr(r.randrange(0x3042, 0x3094)) for _ in range(count))


OPENINGS = ("Please tell me about", "How do I set up", "What is the difference between", "Can you summarise", "Why does our", "Write a mail on",
            "Translate this:", "I need help with", "Compare", "Give me five ideas for", "次のことを教えてください：", "以下の文章を要約してください。",
            "英語に訳して：", "社内向けに説明して、", "手順を知りたいです。", "どうすれば直りますか。", "比較してください：", "お客様への返信を書いて。",
            "箇条書きにして：", "会議の議事録です。")


def varied(seed):
    """A question in words as varied as a language's, English or Japanese, that begins as many do."""
    r = dice("varied", seed)
    n = r.randrange(len(OPENINGS))
    if n < len(OPENINGS) // 2:
        return f"{OPENINGS[n]} {varied_words(r, 30)} and what it's for?"
    return f"{OPENINGS[n]}{varied_japanese(r, 70)}について。"


def megabyte(seed):
    """10^6 bytes, half Japanese, as varied as a language."""
    r, lines, size = dice("mb", seed), [], 0
    while size < 10**6:
        lines.append(f"{varied_japanese(r, 40)}。\n{varied_words(r, 16)}.\n")
        size += len(lines[-1].encode())
    return "".join(lines)


WORDINGS = ("Could you", "Would you", "Please", "I would like you to", "Kindly")
POINTS = ("morning", "evening", "noon", "midnight", "dusk", "dawn", "monday", "friday", "summer", "winter")


def wordings(seed):
    """One question, asked in 50 ways that differ by two words."""
    tag = f"{dice('wording', seed).getrandbits(64):016x}"
    for ask in WORDINGS:
        for point in POINTS:
            yield (f"{ask} explain to a new colleague, in three short steps and without any jargon, how the on-call "
                   f"rotation of team {tag} hands over its open incidents each {point}, who is told first, and where the "
                   "written summary is kept so that the next shift finds it? 引き継ぎの手順も日本語で教えてください。")


def nested(seed, number):
    """A text, one that begins with it, one that ends with it, and one that holds it."""
    inner = japanese(f"nested-{seed}-{number}", 30)
    return [inner, inner + english(f"nested-{seed}-{number}-1", 20), english(f"nested-{seed}-{number}-2", 20) + inner,
            english(f"nested-{seed}-{number}-3", 15) + inner + japanese(f"nested-{seed}-{number}-4", 15)]


def looks_like_an_id(seed, other):
    """A text that names ids of another chat as if a decoder had read them."""
    fields = ", ".join(f'"{k}": "{other[k]}"' for k in ("message_id", "task_id", "conversation_id", "workflow_run_id") if other[k])
    return f"{english(seed, 12)} data: {{{fields}}} X-Amzn-Trace-Id: Root={other['x_amzn_trace_id']}\r\n{other['message_id']}"


KINDS = {"japanese": japanese, "emoji": emoji, "code": code, "sql": sql, "base64": base64_like}
