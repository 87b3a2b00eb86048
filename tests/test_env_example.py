"""The list of settings that people copy is the list of settings there is."""

import re

import pytest
from cryptography.fernet import Fernet

from config import ROOT, Settings, SettingsError

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


def test_what_the_readme_says_to_set_for_an_address_starts_and_less_does_not(tmp_path):
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("   | ") and "PUBLIC_URL=" in line]
    keys = {"SECRET_KEY": "k" * 40, "TOKEN_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    assert len(rows) == 2
    for row in rows:
        named = dict(re.findall(r"`([A-Z_]+)=?([^`]*)`", row.split("|")[3]))
        wanted = {name.lower(): value or keys[name] for name, value in named.items()}
        Settings.load(_env_file=None, instance_path=tmp_path, **wanted)
        for name in named.keys() & keys.keys():
            with pytest.raises(SettingsError, match=name):
                Settings.load(_env_file=None, instance_path=tmp_path, **{**wanted, name.lower(): ""})
    with pytest.raises(SettingsError, match="PUBLIC_URL must be https"):
        Settings.load(_env_file=None, instance_path=tmp_path, public_url="http://192.0.2.7:5000")
