"""Fields that a service's own check judges: its sentence stands beside the field, what it made of the text is kept."""

from collections.abc import Callable
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField, ValidationError

from services.errors import Invalid

Check = Callable[[str], Any]


class Checked:
    """A validator; what the check makes of the text is `field.value`."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        try:
            field.value = self._check(field.data or "")
        except Invalid as error:
            raise ValidationError(str(error)) from None


def checked(label: str, check: Check, *, lines: bool = False, **attributes: Any) -> Any:
    """A field for one line of text, or for several."""
    kind = TextAreaField if lines else StringField
    return kind(label, validators=[Checked(check)], render_kw=attributes)
