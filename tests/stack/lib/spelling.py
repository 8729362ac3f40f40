"""How a text may be spelled on a leg, and how often a stream holds it."""
import base64
import json


def json_ascii(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


def json_utf8(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def json_go(text: str) -> bytes:
    """Go's json.Marshal: raw UTF-8, but for what HTML might take amiss."""
    spelled = json_utf8(text)
    for character in b"<>&":
        spelled = spelled.replace(bytes([character]), b"\\u%04x" % character)
    return spelled


def sql(spelled: bytes) -> bytes:
    return spelled.replace(b"'", b"''")


def base64_contents(data: bytes) -> list[bytes]:
    """What the base64 runs of a Celery message hold."""
    contents = []
    for part in data.split(b'"body": "')[1:]:
        contents.append(base64.b64decode(part.split(b'"')[0]))
    return contents


SPELLINGS = {
    "raw": lambda t: t.encode(), "json_utf8": json_utf8, "json_ascii": json_ascii,
    "json_go": json_go, "sql_raw": lambda t: sql(t.encode()),
    "sql_json_ascii": lambda t: sql(json_ascii(t)),
    "repr": lambda t: repr(t)[1:-1].encode(),
    # Raw JSON in json.dumps, as in a Celery body.
    "json_in_json": lambda t: json_ascii(json_utf8(t).decode()),
}


def count(data: bytes, text: str, name: str) -> int:
    return data.count(SPELLINGS[name](text))


def found(data: bytes, text: str) -> dict[str, int]:
    """Occurrences by spelling; spellings that are the same for this text share one entry."""
    result: dict[str, int] = {}
    seen: dict[bytes, str] = {}
    for name, spell in SPELLINGS.items():
        needle = spell(text)
        if needle in seen:
            continue
        seen[needle] = name
        if hits := data.count(needle):
            result[name] = hits
    for content in base64_contents(data):
        if SPELLINGS["json_in_json"](text) in content:
            result["base64"] = result.get("base64", 0) + 1
    return result
