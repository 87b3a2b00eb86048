"""Fields that a service's own check judges: its sentence stands beside the field, what it made of the text is kept."""

from collections.abc import Callable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField, ValidationError

from services.errors import Invalid

Check = Callable[[str], Any]


class Checked:
    """A validator that asks a service's check; what it makes of the text is `field.value`."""

    def __init__(self, check: Check, *, optional: bool = False) -> None:
        self._check, self._optional = check, optional

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        text = field.data or ""
        if self._optional and not text.strip():
            field.value = None
            return
        try:
            field.value = self._check(text)
        except Invalid as error:
            raise ValidationError(str(error)) from None


def checked(label: str, check: Check, *, optional: bool = False, lines: bool = False, **attributes: Any) -> Any:
    """A field for one line of text, or for several; empty is None where it is optional."""
    kind = TextAreaField if lines else StringField
    return kind(label, validators=[Checked(check, optional=optional)], render_kw=attributes)
