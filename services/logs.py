"""How Airhorn logs: one line an event, with the ids it is about, as text or JSON; never a secret."""

import json
import logging
import re
import sys
from typing import Any

from config import Settings

#: what every record has of itself; the rest was given as `extra`
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: libraries that print headers or addresses when asked for details
CHATTY = ("urllib3", "tweepy", "requests_oauthlib", "oauthlib", "apscheduler", "alembic")


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in STANDARD}


#: what servers write a line a request with
ACCESS_LOGS = ("werkzeug", "gunicorn.access")
#: a link that lets somebody in once, also as a part of another address
LINK = re.compile(r"((?:/|%2F)(?:setup|invitations|password)(?:/|%2F))[\w%.~-]{20,}", re.IGNORECASE)


class HiddenLinks(logging.Filter):
    """Takes the secret part out of the links that let somebody in."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if LINK.search(text):
            record.msg, record.args = LINK.sub(r"\1[hidden]", text), ()
        return True


def one_line(text: str) -> str:
    """Everything that could break a line, move the cursor or turn the writing direction, as its code."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class TextFormatter(logging.Formatter):
    """For reading: time, level, logger, message, ids. Nothing from outside begins a line or colours one."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        line = one_line(super().formatMessage(record))
        ids = " ".join(f"{key}={json.dumps(value, default=str)}" for key, value in _extras(record).items())
        return f"{line} {ids}" if ids else line

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The trace, each line set in: the text of an exception may hold anything."""
        return "\n".join(f"  | {one_line(line)}" for line in super().formatException(ei).split("\n"))


class JsonFormatter(logging.Formatter):
    """For machines: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def configure_logging(settings: Settings) -> None:
    """Sets up the root logger once per process; chatty libraries never log below WARNING."""
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # A run that is skipped because the last one is still busy is what max_instances is for.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    for name in ACCESS_LOGS:
        if not logging.getLogger(name).filters:
            logging.getLogger(name).addFilter(HiddenLinks())
    if any(getattr(handler, "is_airhorns", False) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.is_airhorns = True  # type: ignore[attr-defined]
    text = TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    handler.addFilter(HiddenLinks())
    root.addHandler(handler)
