"""A form that was refused: the page again with what was typed, the reason, and its status."""

from typing import Any

from flask import make_response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from routes.next_page import next_page
from services.errors import AirhornError
from services.throttle import TooManyTries


def refused(template: str, form: FlaskForm, error: AirhornError, **context: Any) -> ResponseReturnValue:
    """422; or 429 with the time to wait, for tries that were not even looked at."""
    form.form_errors.append(str(error))
    response = make_response(render_template(template, form=form, next=next_page(), **context), 422)
    if isinstance(error, TooManyTries):
        response.status_code = 429
        response.headers["Retry-After"] = str(error.seconds)
    return response
