"""Pages that keep themselves current: asked again every few seconds, they answer 304 while nothing has changed."""

import hashlib
import re
from typing import Any

from flask import Response, make_response, render_template, request

#: what differs from one answer to the next though nothing has happened: tokens, and ages that the browser counts itself
_PASSING = re.compile(r'name="csrf_token" value="[^"]*"|(?<=data-tick=")([^"]*"[^>]*>)[^<]*')


def live_page(template: str, **context: Any) -> Response:
    """A page with an ETag of everything on it that matters."""
    response = make_response(render_template(template, **context))
    lasting = _PASSING.sub(lambda match: match[1] or "", response.get_data(as_text=True))
    response.set_etag(hashlib.sha256(lasting.encode()).hexdigest()[:32], weak=True)
    response.make_conditional(request)
    return response
