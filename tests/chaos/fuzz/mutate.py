"""Spoils valid inputs, the same way for the same seed: values in JSON, bytes, texts, headers."""

import copy
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

#: what stands where something else is expected
RUBBISH: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**63,
    10**40,
    1e308,
    -0.5,
    "",
    " ",
    "0",
    "null",
    "\0",
    "\ud800",
    "\udfff\ud800",
    "a\u0301" * 40,
    "\u202e\u2066live",
    "\ufeff",
    "٣٤٥",
    "１２３",
    "12345678901234567890",
    "-1",
    "1e5",
    "9" * 400,
    "x" * 5_000,
    "https://example.org/" + "a" * 600,
    "javascript:alert(1)",
    "<script>&lt;&amp;amp;#0;</script>",
    "{title}{url}{{7*7}}{0}{title!r:>99999}",
    "$A $B @everyone #x",
    "2026-02-30T25:61:61Z",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "P999999D",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"id": {"id": []}},
)
#: pieces that mean something to some parser
PIECES = (
    b"\0",
    b"\xff",
    b"\xc3(",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x91",
    b"<",
    b">",
    b"</",
    b"/>",
    b"<a>",
    b"<![CDATA[",
    b"]]>",
    b"<!DOCTYPE f [<!ENTITY a 'x'>]>",
    b"&a;",
    b"&#0;",
    b"&#x110000;",
    b"&lt;",
    b"<?xml version='1.0' encoding='utf-7'?>",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b",",
    b":",
    b"NaN",
    b"-",
    b"1e999",
    b"9" * 60,
    b"null",
    b"true",
    b"\r\n",
    b"\n",
    b"\t",
    b" ",
    b"%",
    b"%2f%2f",
    b"%00",
    b"@",
    b"$",
    b"#",
    b"?",
    b"=",
    b"..",
    b"//",
    b"https://",
    b"youtu.be/",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8d",
    b"\xef\xbc\xa0",
    b"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9",
    b"e\xcc\x81",
    b"Z",
    b"+25:00",
    b"T",
)
#: what may be done to a value of JSON
DEEDS = ("rubbish", "rubbish", "rubbish", "delete", "swap", "wrap", "nest", "twice", "rename", "text")
#: lists in lists, deeper than our own writing of JSON could go
DEPTHS = (5, 50, 500, 5_000)
#: how long an input may become by repeating
LONGEST = 100_000


class Mutator:
    """Draws from one seeded source. Every method returns something new and leaves what it got as it was."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def one_of(self, values: Sequence[Any]) -> Any:
        return values[int(self.random.random() * len(values))]

    def often(self, share: float) -> bool:
        return self.random.random() < share

    # JSON

    def json(self, valid: bytes) -> bytes:
        """Valid JSON with one to four values spoiled; now and then bytes as well."""
        data = json.loads(valid)
        for _ in range(self.one_of((1, 1, 1, 2, 4))):
            data = self.value(data)
        body = json.dumps(data, ensure_ascii=self.often(0.5)).encode("utf-8", "surrogatepass")
        for depth in DEPTHS if b'"nest ' in body else ():
            body = body.replace(b'"nest %d"' % depth, b"[" * depth + b"]" * depth)
        return self.bytes(body) if self.often(0.25) else body

    def value(self, data: Any) -> Any:
        """The tree with one of its values changed in place, or another tree."""
        spots = list(_spots(data))
        if not spots or self.often(0.02):
            return self.rubbish()
        inside, key = self.one_of(spots)
        what = self.one_of(
            ("rubbish", "rubbish", "rubbish", "delete", "swap", "wrap", "nest", "twice", "rename", "text")
        )
        if what == "rubbish":
            inside[key] = self.rubbish()
        elif what == "delete":
            del inside[key]
        elif what == "swap":
            other, there = self.one_of(spots)
            inside[key], other[there] = copy.deepcopy((other[there], inside[key]))
        elif what == "wrap":
            inside[key] = [inside[key]] if self.often(0.5) else {"id": inside[key]}
        elif what == "nest":
            inside[key] = f"nest {self.one_of(DEPTHS)}"
        elif what == "twice" and isinstance(inside, list):
            inside.extend([inside[key]] * self.one_of((1, 2, 60)))
        elif what == "rename" and isinstance(inside, dict):
            inside[self.one_of(("", "id", "data", str(key).upper(), "\ud800"))] = inside.pop(key)
        elif isinstance(inside[key], str):
            inside[key] = self.text(inside[key])
        return data

    def rubbish(self) -> Any:
        return copy.deepcopy(self.one_of(RUBBISH))

    # Bytes and texts

    def bytes(self, valid: bytes) -> bytes:
        """One to three changes: bits, pieces, cuts, repetitions."""
        body = bytearray(valid)
        for _ in range(self.one_of((1, 1, 2, 3))):
            at = int(self.random.random() * (len(body) + 1))
            end = min(len(body), at + self.one_of((1, 2, 8, 40)))
            what = self.random.random()
            if what < 0.2 and at < len(body):
                body[at] ^= 1 << int(self.random.random() * 8)
            elif what < 0.55:
                body[at:at] = self.one_of(PIECES)
            elif what < 0.7:
                del body[at:end]
            elif what < 0.8:
                body[at:end] = self.one_of(PIECES)
            elif what < 0.9:
                again = int(self.random.random() * (len(body) + 1))
                body[at:at] = body[again : again + self.one_of((4, 30, 200))]
            elif what < 0.97:
                del body[at:]
            else:
                body[at:at] = (bytes(body[at:end]) or b"x") * self.one_of((10, 100, 1_000))
        return bytes(body[:LONGEST])

    def text(self, valid: str) -> str:
        """As bytes, read as text again; half surrogates may be among it."""
        spoiled = self.bytes(valid.encode("utf-8", "surrogatepass"))
        return spoiled.decode("utf-8", self.one_of(("replace", "ignore", "surrogateescape")))

    def headers(self, valid: Mapping[str, str]) -> dict[str, str]:
        """Some values changed, some headers gone. As they come off the wire: each byte is a character."""
        headers = dict(valid)
        for name in valid:
            if self.often(0.4):
                spoiled = valid[name] if self.often(0.6) else str(self.one_of(RUBBISH))
                headers[name] = self.bytes(spoiled.encode("utf-8", "surrogatepass")).decode("latin-1")
            elif self.often(0.1):
                del headers[name]
        return headers


def _spots(data: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    found, todo = [], [data]
    while todo:
        inside = todo.pop()
        pairs = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
        for key, value in pairs:
            found.append((inside, key))
            todo.append(value)
    return found
