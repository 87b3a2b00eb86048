"""What the counter in the browser has to know, written from what the server uses: `python -m tests.js_data`."""

import json
import re
from itertools import groupby
from pathlib import Path

from services import x_length

FILE = Path(__file__).resolve().parent.parent / "static/js/x_data.js"
TONES = re.compile("[\U0001f3fb-\U0001f3ff]")
HEAD = "// Made by `python -m tests.js_data` from the lists that the server counts with. Not for editing.\n"


def emoji() -> list[str]:
    """All sequences; where every skin tone exists, one with "T" in its place stands for all."""
    known = x_length._EMOJI
    by_pattern: dict[str, set[str]] = {}
    for sequence in known:
        by_pattern.setdefault(TONES.sub("T", sequence), set()).add(sequence)
    found = []
    for pattern, sequences in by_pattern.items():
        is_whole = len(sequences) == 5 ** pattern.count("T")
        found += [pattern] if is_whole else sorted(sequences)
    return sorted(found)


def tlds() -> list[str]:
    """In the order of the server's list: where two fit at one place, the one listed first wins."""
    return [word for word, _ in groupby(sorted(x_length._TLDS, key=x_length._TLDS.__getitem__))]


def pattern(python: str) -> str:
    """A regular expression as the browser writes it with the flag u, which takes no needless backslash."""
    return re.sub(r"\\([!'#&%@:;=~,\"_<>-])", lambda match: match[0] if match[1] == "-" else match[1], python)


def source() -> str:
    tail = x_length._TAIL.pattern
    values = {
        "EMOJI": " ".join(emoji()),
        "TLDS": "|".join(tlds()),
        "DOMAIN_CHAR": pattern(x_length.DOMAIN_CHARS),
        "ACCENTS": x_length.ACCENTS,
        "TAIL": pattern(tail),
        "TCO": pattern(x_length.TCO_URL.pattern),
    }
    lines = [f"  {name}: {json.dumps(value, ensure_ascii=False)}," for name, value in values.items()]
    return HEAD + "window.AirhornData = {\n" + "\n".join(lines) + "\n};\n"


if __name__ == "__main__":
    FILE.write_text(source(), encoding="utf-8")
