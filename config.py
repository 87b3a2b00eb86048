"""Settings, typed: the only reader of the environment. A wrong value stops the start with a sentence that names it."""

import contextlib
import difflib
import logging
import os
import secrets
import shlex
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import click
from cryptography.fernet import Fernet
from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from config_values import (
    DatabaseUrl,
    Delays,
    Keys,
    RedisUrl,
    SandboxUrl,
    SealingKeys,
    Sender,
    Upper,
    Url,
    WholeUrl,
    is_loopback,
)

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent
Schedule = Literal["embedded", "off"]

#: of all processes together
MOST_CONNECTIONS = 80


class SettingsError(click.ClickException):
    """A setting is wrong or missing. The flask commands print it as one line and exit 1."""


#: pydantic's kind of mistake → what people read after the setting's name; {…} are its own details
SENTENCES = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "literal_error": "must be one of: {expected}",
    "string_pattern_mismatch": "does not look as it should: copy it whole",
}


def _sentence(mistake: Mapping[str, Any]) -> str:
    words = SENTENCES.get(str(mistake["type"]))
    return words.format(**mistake.get("ctx", {})) if words else mistake["msg"].removeprefix("Value error, ")


class Settings(BaseSettings):
    """Every setting of Airhorn. Names are those of the environment, in lower case; .env.example has a word on each."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    instance_path: Path = Field(ROOT / "instance", validation_alias=AliasChoices("INSTANCE_PATH", "instance_path"))

    secret_key: str = ""
    #: former keys: what they signed still counts, new things are signed with secret_key
    secret_key_fallbacks: Keys = ()
    token_encryption_keys: SealingKeys = ()
    database_url: DatabaseUrl = ""
    public_url: Url = "http://127.0.0.1:5000"
    trusted_proxies: int = Field(0, ge=0, le=10)
    redis_url: RedisUrl | None = None

    youtube_api_key: str | None = None
    youtube_api_url: Url = "https://www.googleapis.com/youtube/v3"
    youtube_web_url: Url = "https://www.youtube.com"
    youtube_daily_units: int = Field(10_000, ge=100)
    websub_hub_url: Url = "https://pubsubhubbub.appspot.com/subscribe"
    #: what a subscription is for, without ?channel_id=; YouTube's own pages spell it with and without /xml
    websub_topic_url: Url = "https://www.youtube.com/xml/feeds/videos.xml"

    x_client_id: str | None = None
    x_client_secret: str | None = None
    x_api_url: Url = "https://api.x.com"
    x_authorize_url: Url = "https://x.com/i/oauth2/authorize"

    #: who writes drafts; without one the built-in writer does
    ai_provider: Literal["openai", "anthropic"] | None = None
    ai_api_key: str | None = Field(None, pattern=r"^[\x21-\x7e]{1,500}$")
    #: the usual one of the provider if not given; any server that speaks like OpenAI's may be named
    ai_base_url: Url | None = None
    ai_model: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,59}$")

    #: without a host no mail is sent, and links are handed over by people
    smtp_host: str | None = None
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: str | None = None
    smtp_from: Sender | None = None
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"

    #: where people's own webhooks lead; whatever they paste, no other host is asked
    discord_api_url: Url = "https://discord.com"
    slack_api_url: Url = "https://hooks.slack.com"
    telegram_api_url: Url = "https://api.telegram.org"
    #: of the operator's bot; without one nobody can have notices by Telegram
    telegram_bot_token: str | None = Field(None, pattern=r"^[0-9]{3,20}:[A-Za-z0-9_-]{20,100}$")
    #: asked each minute while all is well; somebody else notices when that stops
    heartbeat_url: WholeUrl | None = None

    #: where the stand-ins' buttons are; set by `make run` without keys, shows the rehearsal banner
    sandbox_url: SandboxUrl | None = None

    live_check_interval_seconds: float = Field(180, ge=1, le=3600)
    live_watch_interval_seconds: float = Field(1, ge=0.1, le=60)
    live_post_max_age_minutes: float = Field(30, gt=0, le=24 * 60)
    send_deadline_seconds: float = Field(20, gt=0, le=300)
    send_lease_seconds: float = Field(45, gt=0, le=3600)
    lookup_delays_seconds: Delays = (5.0, 20.0, 50.0, 95.0)

    #: connections to PostgreSQL: kept and, when all are in use, made for a moment; by each process
    db_pool_size: int = Field(5, ge=1, le=50)
    db_max_overflow: int = Field(5, ge=0, le=50)
    #: a connection is waited for so long, kept so long, and one statement may take so long
    db_pool_timeout_seconds: float = Field(10, ge=1, le=60)
    db_pool_recycle_seconds: int = Field(1800, ge=30)
    db_statement_timeout_seconds: float = Field(30, ge=1, le=600)
    #: web processes of this machine, as gunicorn reads it too
    web_concurrency: int = Field(1, ge=1, le=100)

    #: who has it may read /metrics; while it is not set, there is no such page
    metrics_token: str | None = Field(None, min_length=16)

    scheduler: Schedule = "embedded"
    log_format: Literal["text", "json"] = "text"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = "INFO"
    port: int = Field(5000, ge=1, le=65535)

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Reads environment and .env. Raises SettingsError with one sentence that names the setting."""
        try:
            settings = cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper() if first["loc"] else ""
            sentence = _sentence(first)
            raise SettingsError(f"{name} {sentence}" if name else sentence) from None
        settings = settings.with_local_secrets()
        env_file = values.get("_env_file", cls.model_config["env_file"])
        settings.refuse_what_others_can_read(env_file)
        typed_names = DotEnvSettingsSource(cls, env_file).env_vars if env_file else ()
        for typed, meant in misspelt(typed_names, list(cls.model_fields)):
            log.warning("%s in %s is no setting. Did you mean %s?", typed.upper(), env_file, meant.upper())
        return settings

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.send_lease_seconds < self.send_deadline_seconds * 1.5:
            raise ValueError(
                "SEND_LEASE_SECONDS must be at least one and a half times SEND_DEADLINE_SECONDS, "
                "or a post still on the wire would be taken for lost"
            )
        self._check_pools()
        if self.smtp_host is not None:
            self._check_smtp()
        if self.ai_provider is not None:
            self._check_ai()
        if self.is_public:
            if len(self.secret_key) < 32:
                raise ValueError("SECRET_KEY must be set to at least 32 characters when PUBLIC_URL is https")
            if any(len(key) < 32 for key in self.secret_key_fallbacks):
                raise ValueError("SECRET_KEY_FALLBACKS must hold keys of at least 32 characters, comma separated")
            if not self.token_encryption_keys:
                raise ValueError("TOKEN_ENCRYPTION_KEYS must be set when PUBLIC_URL is https")
        return self

    def _check_ai(self) -> None:
        if self.ai_model is None:
            raise ValueError("AI_MODEL must be set when AI_PROVIDER is: the model that writes")
        if self.ai_api_key is None and self.ai_base_url is None:
            raise ValueError("AI_API_KEY must be set when AI_PROVIDER is; only a server of your own may do without")

    def _check_pools(self) -> None:
        each, most = self.db_pool_size + self.db_max_overflow, MOST_CONNECTIONS
        if self.database_url.startswith("postgresql") and self.web_concurrency * each > most:
            raise ValueError(
                f"WEB_CONCURRENCY times DB_POOL_SIZE and DB_MAX_OVERFLOW is {self.web_concurrency * each}; "
                f"at most {most} leave PostgreSQL, which allows 100 by default, some for others"
            )

    def _check_smtp(self) -> None:
        if self.smtp_from is None:
            raise ValueError("SMTP_FROM must be set when SMTP_HOST is: the address that mail comes from")
        if self.smtp_security == "none" and not is_loopback(self.smtp_host):
            raise ValueError("SMTP_SECURITY must be starttls or tls; none is allowed to this machine only")

    @property
    def is_public(self) -> bool:
        return self.public_url.startswith("https://")

    def with_local_secrets(self) -> Self:
        """Fills what a local machine may have made for it: keys and the SQLite file, kept in the instance folder."""
        made: dict[str, Any] = {}
        if not self.secret_key:
            made["secret_key"] = _kept(self.instance_path / "secret_key", lambda: secrets.token_urlsafe(48))
        if not self.token_encryption_keys:
            key = _kept(self.instance_path / "token_key", lambda: Fernet.generate_key().decode())
            made["token_encryption_keys"] = (key,)
        if not self.database_url:
            made["database_url"] = f"sqlite:///{self.instance_path / 'airhorn.sqlite'}"
            _make_folder(self.instance_path)
        return self.model_copy(update=made)

    def refuse_what_others_can_read(self, env_file: Path | None) -> None:
        """Keys and database are for the owner. Raises SettingsError with the command that makes it so."""
        private = [self.instance_path / name for name in ("secret_key", "token_key")]
        if self.database_url.startswith("sqlite:///"):
            private.append(Path(self.database_url.removeprefix("sqlite:///").partition("?")[0]))
        if self.is_public and env_file is not None:
            private.append(Path(env_file))
        for path in private:
            if _others_can_read(path):
                raise SettingsError(
                    f"Other users of this machine can read {path}. Run: chmod 600 {shlex.quote(str(path))}"
                )


def misspelt(names: Iterable[str], known: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Those that are close to one that is known, and that one. Others may be there for other programs."""
    for typed in names:
        close = difflib.get_close_matches(typed, known, n=1, cutoff=0.85)
        if close and close[0] != typed:
            yield typed, close[0]


def _others_can_read(path: Path) -> bool:
    """Whether the file and every folder above it let everybody in."""
    try:
        path = path.resolve()
        if not path.is_file() or not path.stat().st_mode & stat.S_IROTH:
            return False
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)
    except OSError:
        return False


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"INSTANCE_PATH {path} cannot be made: {error.strerror}.") from error


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Reads a local secret, or makes it: readable by its owner only, the same for all processes that start at once."""
    _make_folder(path.parent)
    try:
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(make())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)  # the first process wins; the others read its secret
        fresh.unlink()
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}. Set the keys in the environment.") from error
    return path.read_text().strip()
