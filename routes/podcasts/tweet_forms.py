"""What a host sends about his text: every field may be left out, and then stays as it is."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField
from wtforms.validators import Length, Optional, Regexp

from services.own_tweet import Change

#: more than fits by far; beyond it nothing is read
LONGEST = 5_000
SWITCH = [Optional(), Regexp("on|off", message="Choose on or off.")]


class TweetForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    text = TextAreaField("My post", validators=[Optional(), Length(max=LONGEST, message="The text is much too long.")])
    link = StringField("Link", validators=SWITCH)
    enabled = StringField("Post", validators=SWITCH)
    version = StringField("Version", validators=[Optional(), Regexp(r"[0-9]{1,9}\Z", message="Load the page again.")])
    without_link = StringField("Without link")
    #: to be put into the field, unsaved
    fill = TextAreaField("Other words", validators=[Optional(), Length(max=LONGEST, message="They are much too long.")])

    @property
    def change(self) -> Change:
        version = self.version.data
        return Change(
            text=self.text.data if self.text.raw_data else None,
            enabled=_switched(self.enabled),
            include_link=_switched(self.link),
            version=int(version) if version else None,
        )

    @property
    def typed(self) -> dict[str, Any]:
        """What goes back into the editor."""
        found = {"typed": self.change_text(), "include_link": _switched(self.link)}
        return {name: value for name, value in found.items() if value is not None}

    def change_text(self) -> str | None:
        return (self.text.data or "") if self.text.raw_data else None

    @property
    def first_problem(self) -> str:
        return next((str(problem) for problems in self.errors.values() for problem in problems), "")


class WantedForm(FlaskForm):  # type: ignore[misc]
    answer = StringField("Answer")


class MatchForm(FlaskForm):  # type: ignore[misc]
    episode = StringField("Episode")


def _switched(field: Field) -> bool | None:
    return field.data == "on" if field.data in ("on", "off") else None
