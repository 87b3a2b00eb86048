"""Settings: sensible without any, and a wrong one stops the start with a sentence that names it."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from config import ROOT, Settings, SettingsError

KEY = Fernet.generate_key().decode()


def load(tmp_path: Path, **values: Any) -> Settings:
    return Settings.load(_env_file=None, instance_path=tmp_path, **values)


def test_a_local_machine_needs_no_setting_at_all(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/airhorn.sqlite"
    assert len(settings.secret_key) >= 32
    assert settings.token_encryption_keys


def test_secrets_made_here_are_kept_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    first, second = load(tmp_path), load(tmp_path)
    assert (first.secret_key, first.token_encryption_keys) == (second.secret_key, second.token_encryption_keys)
    for name in ("secret_key", "token_key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("postgresql://u:p@db/air", "postgresql+psycopg2://u:p@db/air"),
        ("postgres://u:p@db/air", "postgresql+psycopg2://u:p@db/air"),
        ("postgresql+psycopg2://db/air", "postgresql+psycopg2://db/air"),
        ("sqlite:////tmp/a.sqlite", "sqlite:////tmp/a.sqlite"),
    ],
)
def test_the_driver_of_the_database_is_ours_to_choose(tmp_path: Path, given: str, understood: str) -> None:
    assert load(tmp_path, database_url=given).database_url == understood


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"database_url": "mysql://db/air"}, "DATABASE_URL must start with"),
    ({"x_api_url": "http://api.x.com"}, "X_API_URL must be https"),
    ({"ai_provider": "someone"}, "AI_PROVIDER must be one of: 'openai' or 'anthropic'"),
    ({"ai_provider": "openai", "ai_api_key": "k"}, "AI_MODEL must be set when AI_PROVIDER is"),
    ({"ai_provider": "anthropic", "ai_model": "m"}, "AI_API_KEY must be set when AI_PROVIDER is"),
    ({"ai_provider": "openai", "ai_model": "a model"}, "AI_MODEL does not look as it should"),
    ({"ai_api_key": "two\nlines"}, "AI_API_KEY does not look as it should"),
    ({"ai_base_url": "http://ai.example.com/v1"}, "AI_BASE_URL must be https"),
    ({"youtube_api_url": "ftp://example.com"}, "YOUTUBE_API_URL must be a plain http or https address"),
    ({"youtube_web_url": "https://u:p@example.com"}, "YOUTUBE_WEB_URL must be a plain"),
    ({"public_url": "http://airhorn.example.com"}, "PUBLIC_URL must be https"),
    ({"sandbox_url": "https://example.com"}, "SANDBOX_URL must point to this machine"),
    ({"token_encryption_keys": "short"}, "TOKEN_ENCRYPTION_KEYS must hold Fernet keys"),
    ({"lookup_delays_seconds": "20,5,50"}, "LOOKUP_DELAYS_SECONDS must be at least three rising numbers"),
    ({"lookup_delays_seconds": "5"}, "LOOKUP_DELAYS_SECONDS must be"),
    ({"lookup_delays_seconds": "a,b,c"}, "LOOKUP_DELAYS_SECONDS "),
    ({"lookup_delays_seconds": "1,2,nan"}, "LOOKUP_DELAYS_SECONDS "),
    ({"send_deadline_seconds": "nan"}, "SEND_DEADLINE_SECONDS "),
    ({"send_lease_seconds": 20, "send_deadline_seconds": 20}, "SEND_LEASE_SECONDS must be at least"),
    ({"live_check_interval_seconds": 0}, "LIVE_CHECK_INTERVAL_SECONDS "),
    ({"live_post_max_age_minutes": -1}, "LIVE_POST_MAX_AGE_MINUTES "),
    ({"scheduler": "on"}, "SCHEDULER must be one of: "),
    ({"log_format": "xml"}, "LOG_FORMAT "),
    ({"db_pool_size": 0}, "DB_POOL_SIZE must be at least 1"),
    ({"db_statement_timeout_seconds": 0}, "DB_STATEMENT_TIMEOUT_SECONDS must be at least 1"),
    (
        {"database_url": "postgresql://localhost/airhorn", "web_concurrency": 9},
        "WEB_CONCURRENCY times DB_POOL_SIZE and DB_MAX_OVERFLOW is 90; at most 80 leave PostgreSQL",
    ),
    ({"port": 70000}, "PORT must be at most 65535"),
    ({"trusted_proxies": "many"}, "TRUSTED_PROXIES must be a whole number"),
    ({"redis_url": "foo"}, "REDIS_URL must start with redis://"),
    ({"public_url": "https://airhorn.example.com"}, "SECRET_KEY must be set"),
    ({"public_url": "https://airhorn.example.com", "secret_key": "dev"}, "SECRET_KEY must be set"),
    ({"public_url": "https://a.example.com", "secret_key": "s" * 40}, "TOKEN_ENCRYPTION_KEYS must be set"),
    (
        {"public_url": "https://a.example.com", "secret_key": "s" * 40, "secret_key_fallbacks": "dev"},
        "SECRET_KEY_FALLBACKS must hold keys",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_setting_is_named_in_one_sentence(tmp_path: Path, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, **values)
    assert raised.value.message.startswith(sentence)
    assert "\n" not in raised.value.message


def test_a_public_server_starts_with_its_secrets_given(tmp_path: Path) -> None:
    given = {"public_url": "https://airhorn.example.com/", "secret_key": "s" * 40, "token_encryption_keys": KEY}
    settings = load(tmp_path, **given)
    assert settings.is_public
    assert settings.public_url == "https://airhorn.example.com"


@pytest.mark.slow
def test_a_command_prints_the_wrong_setting_as_one_line_and_exits_1(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "INSTANCE_PATH": str(tmp_path), "X_API_URL": "http://api.x.com"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "scheduler", "status"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: X_API_URL must be https; plain http is allowed to this machine only\n"


def test_config_is_the_only_reader_of_the_environment() -> None:
    reader = re.compile(r"os\.(environ|getenv)")
    ours = [ROOT / "app.py", ROOT / "commands.py", ROOT / "extensions.py"]
    for folder in ("models", "routes", "services"):
        ours += sorted((ROOT / folder).rglob("*.py"))
    assert [str(path.relative_to(ROOT)) for path in ours if reader.search(path.read_text())] == []


@pytest.mark.parametrize("name", ["PUBLIC_URL", "INSTANCE_PATH"])
def test_what_only_the_system_can_refuse_is_a_sentence_too(tmp_path: Path, name: str) -> None:
    wrong = {"PUBLIC_URL": {"public_url": "http://127.0.0.1:99999"}, "INSTANCE_PATH": {"instance_path": "/proc/x"}}
    with pytest.raises(SettingsError, match=f"^{name} "):
        Settings.load(_env_file=None, **{"instance_path": tmp_path} | wrong[name])


def test_a_setting_that_is_misspelt_is_named_with_the_one_that_was_meant(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("TOKEN_ENCRYPTION_KEY=x\nPOSTGRES_PASSWORD=y\nlog_level=ERROR\n")
    env_file.chmod(0o600)
    Settings.load(_env_file=env_file, instance_path=tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        f"TOKEN_ENCRYPTION_KEY in {env_file} is no setting. Did you mean TOKEN_ENCRYPTION_KEYS?"
    ]
