"""What was typed into a form that could not be taken, so that it can be sent again."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request, url_for

from routes.incoming import comes_from_here

MOST_FIELDS, LARGEST = 50, 64 * 1024
#: never shown, never sent again by us
SECRET = re.compile("passw|csrf|token|secret|code|otp", re.IGNORECASE)
#: values of buttons, switches and numbers say nothing to people
DULL = re.compile(r"|y|on|true|[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Field:
    """One value that was sent."""

    name: str
    value: str

    @property
    def label(self) -> str:
        return self.name.replace("_", " ").replace("-", " ").strip().capitalize()

    @property
    def is_shown(self) -> bool:
        return not DULL.fullmatch(self.value)


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A form as it was sent, and the address it was sent to."""

    address: str
    fields: tuple[Field, ...]


def unsaved() -> Unsaved | None:
    """The form of this request; None when no page of ours sent it, or when it holds no text worth keeping."""
    if request.method != "POST" or request.endpoint is None or request.files or not comes_from_here():
        return None
    sent = [Field(name, value) for name, value in request.form.items(multi=True) if not SECRET.search(name)]
    size = sum(len(field.name) + len(field.value) for field in sent)
    if len(sent) > MOST_FIELDS or size > LARGEST or not any(field.is_shown for field in sent):
        return None
    query = urlencode(list(request.args.items(multi=True)))
    address = url_for(request.endpoint, **(request.view_args or {}))
    return Unsaved(f"{address}?{query}" if query else address, tuple(sent))
