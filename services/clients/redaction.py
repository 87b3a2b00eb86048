"""Keeps secrets out of what the HTTP libraries log."""

import logging
import re

#: two shapes of a secret: after a scheme name, and as the value of a telling name in a query, a form, JSON or a dict
SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",}]+"),
    re.compile(
        r"(?i)\b(\w*token|code|code_verifier|client_secret|key|x-goog-api-key|authorization|cookie|state)\b(['\"]?\s*[=:]\s*)b?['\"]?[^\s&'\",}]+"
    ),
)


class Redaction(logging.Filter):
    """Takes secrets and query strings out of what the libraries log."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        text = SECRETS[0].sub(r"\1 [hidden]", text)
        text = SECRETS[1].sub(r"\1\2[hidden]", text)
        record.msg, record.args = re.sub(r"\?[^\s'\")]+=[^\s'\")]*", "?[hidden]", text), ()
        return True


def hush(*packages: str) -> None:
    """Keeps the loggers of these packages at INFO or above and redacts them. Call it after importing the packages."""
    redaction = Redaction()
    known = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in packages]
    for name in {*packages, *known}:
        logger = logging.getLogger(name)
        if name in packages or logger.level:
            logger.setLevel(max(logger.level, logging.INFO))
        logger.addFilter(redaction)
