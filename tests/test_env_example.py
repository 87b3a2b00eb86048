"""The list of settings that people copy is the list of settings there is."""

import re

from config import ROOT, Settings

LINE = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def test_every_setting_is_in_the_example_once_with_a_word_on_it():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = LINE.findall(text)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)
    for paragraph in text.strip().split("\n\n"):
        assert paragraph.startswith("# "), paragraph


def test_what_stands_in_the_example_are_the_defaults(tmp_path):
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    taken = tmp_path / "env"
    taken.write_text("\n".join(line[2:] for line in text.splitlines() if LINE.match(line)))
    kept = {"instance_path": tmp_path, "secret_key": "k" * 40}
    assert Settings.load(_env_file=taken, **kept) == Settings.load(_env_file=None, **kept)
