"""What services/x_length.py takes from the package twitter_text, written out: `python -m tests.x_data`.

The package compiles its emoji and addresses when it is imported; that was a sixth of the start of every command.
"""

import importlib
import json

from services.x_length import FILE

PATTERNS = (
    "latin_accent_chars",
    "valid_domain_chars",
    "valid_port_number",
    "valid_tco_url",
    "valid_url_path",
    "valid_url_preceding_chars",
    "valid_url_query_chars",
    "valid_url_query_ending_chars",
)


def _pattern(name: str) -> str:
    return str(getattr(importlib.import_module(f"twitter_text.regexp.{name}"), name).pattern)


def _words(name: str) -> list[str]:
    return _pattern(name).removeprefix("(?:(?:").split(")(?=")[0].split("|")


def source() -> str:
    """The text of FILE, a value a line: top-level domains in the package's order, emoji sorted."""
    values = {
        "emoji": sorted(importlib.import_module("twitter_text.regexp.emoji").emoji_dict),
        "tlds": _words("valid_gtld") + _words("valid_cctld"),
    } | {name: _pattern(name) for name in PATTERNS}
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(source(), encoding="utf-8")
