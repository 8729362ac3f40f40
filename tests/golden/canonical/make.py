#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes spellings.json and limits.json: what the canonical form must see through, and what it is
known not to. Run it after a change and look at the difference."""
import base64
import codecs
import gzip
import html
import json
import quopri
import re
import unicodedata
import urllib.parse

TEXTS = {
    "japanese": "東京の「天気」について教えてください。😀👩‍💻 彼は\"はい\"と言った、　それで'終わり'？\n"
                "二行目：価格は¥1,200（税込）です… ＡＢＣ１２３ ｶﾀｶﾅ und naïve café – fin.",
    "code": "SELECT name, 'it''s' AS x FROM \"users\" WHERE path = 'C:\\temp\\new\\u0041.txt' AND "
            "note LIKE '%50\\%%' -- O'Reilly\n\tif (a[i] != \"\\\\\" && b <= 0x1F) { printf(\"%d\\n\", "
            "$x); } /* Grüße, 世界 */",
    "html": "<p class=\"a&b\">100%25 &amp; 5 &lt; 6 &#39;quoted&#39; &nbsp;<a href='/s?q=%E6%9D%B1+"
            "%E4%BA%AC&lang=ja&copy=1'>東京 &amp;lt;b&amp;gt;</a></p>\r\n<!-- 50% off! &unknown; -->",
}


def u16(s):
    """The UTF-16 units of s, surrogates one by one."""
    b = s.encode("utf-16-be")
    return [b[i] << 8 | b[i + 1] for i in range(0, len(b), 2)]


def cesu8(s):
    return b"".join(chr(u).encode("utf-8", "surrogatepass") for u in u16(s))


def percent(b):
    return urllib.parse.quote(b, safe="").encode()


def go_json(s):
    t = json.dumps(s, ensure_ascii=False)
    for c in "<>&\u2028\u2029":
        t = t.replace(c, "\\u%04x" % ord(c))
    return t.encode()


def celery(s):
    args = json.dumps([[{"query": s, "inputs": {}}], {}, {"callbacks": None}])
    return json.dumps({"body": base64.b64encode(args.encode()).decode(),
                       "headers": {"lang": "py"}}).encode()


def spellings(s):
    u, j, a = s.encode(), json.dumps(s, ensure_ascii=False).encode(), json.dumps(s).encode()
    b64 = base64.b64encode(u)
    return {
        "raw": u,
        "json-utf8": j,
        "json-ascii": a,
        "json-in-json": json.dumps({"data": a.decode()}).encode(),
        "json-in-json-in-json": json.dumps([json.dumps({"data": a.decode()})]).encode(),
        "json-go": go_json(s),
        "json-slashes": a.replace(b"/", b"\\/"),
        "sql-doubled": b"INSERT INTO t VALUES ('" + s.replace("'", "''").encode() + b"', 1)",
        "sql-e-string": b"E'" + s.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
                        .encode() + b"'",
        "percent": percent(u),
        "percent-twice": percent(percent(u)),
        "form": urllib.parse.urlencode({"q": s}).encode()[2:],
        "html": html.escape(s).encode(),
        "html-twice": html.escape(html.escape(s)).encode(),
        "html-decimal": html.escape(s).encode("ascii", "xmlcharrefreplace"),
        "html-hex": "".join(c if c < "\x7f" else "&#x%X;" % ord(c) for c in html.escape(s)).encode(),
        "python-repr": repr(s).encode(),
        "python-repr-bytes": repr(u).encode(),
        "c-u32": "".join(c if c < "\x7f" else "\\U%08x" % ord(c)
                         for c in s.replace("\\", "\\\\")).encode(),
        "cesu-8": cesu8(s),
        "base64": b64,
        "base64url": base64.urlsafe_b64encode(u).rstrip(b"="),
        "base64-mime": b"Body:\r\n\r\n" + base64.encodebytes(u).replace(b"\n", b"\r\n"),
        "base64-second-phase": b"k" + b64,
        "base64-third-phase": b"kk" + b64,
        "base64-fourth-phase": b"kkk" + b64,
        "base64-percent": percent(b64),
        "base64-json-slashes": json.dumps(base64.encodebytes(u).decode()).replace("/", "\\/")
                               .encode(),
        "base64-of-base64": base64.b64encode(b64),
        "base64-celery": celery(s),
        "hex-bytea": b"'\\x" + u.hex().encode() + b"'",
        "hex-upper": b"X'" + u.hex().upper().encode() + b"'",
        "hex-of-json": b"0x" + a.hex().encode(),
    }


def limits(s):
    return {
        "nfd": unicodedata.normalize("NFD", s).encode(),
        "upper-case": s.upper().encode(),
        "utf-16": s.encode("utf-16-be"),
        "euc-jp": s.encode("euc-jp", "replace"),
        "shift-jis": s.encode("cp932", "replace"),
        "quoted-printable": quopri.encodestring(s.encode()),
        "percent-u": "".join(c if c < "\x7f" and c.isalnum() else
                             "".join("%%u%04X" % u for u in u16(c)) for c in s).encode(),
        "named-entities": "".join(html.entities.codepoint2name.get(ord(c)) and
                                  "&" + html.entities.codepoint2name[ord(c)] + ";" or c
                                  for c in s).encode(),
        "html-every-character": "".join("&#%d;" % ord(c) for c in s).encode(),
        "octal": "".join("\\%03o" % b if b > 126 else chr(b) for b in s.encode()).encode(),
        "latin-1-escape": re.sub(r"[\x80-\xff]", lambda m: "\\x%02x" % ord(m[0]), s).encode(),
        "base32": base64.b32encode(s.encode()),
        "rot13": codecs.encode(s, "rot13").encode(),
        "gzip": gzip.compress(s.encode(), mtime=0),
    }


def write(path, make):
    out = []
    for name, text in TEXTS.items():
        for how, data in make(text).items():
            out.append({"text": name, "spelling": how,
                        "data": base64.b64encode(data).decode()})
    doc = {"form": 1, "texts": [{"name": n, "text": t} for n, t in TEXTS.items()],
           "spellings": out}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(doc, f, ensure_ascii=False, indent=1)
        f.write("\n")


write("spellings.json", spellings)
write("limits.json", limits)
