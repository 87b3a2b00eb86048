"""The forms behind links that let somebody in once."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import InputRequired

from routes.checked import checked
from services.checks import zone_name

PASSWORD = "Choose a password."  # noqa: S105 - a sentence
NAME = "Your name is missing."


class SetupForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    name = StringField("Your name", validators=[InputRequired(NAME)])
    email = EmailField("E-mail", validators=[InputRequired("Your e-mail address is missing.")])
    password = PasswordField("Password", validators=[InputRequired(PASSWORD)])
    timezone = checked("Your time zone", zone_name, list="zones", autocomplete="off")


class NewAccountForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Your name", validators=[InputRequired(NAME)])
    timezone = checked("Your time zone", zone_name, list="zones", autocomplete="off")
    password = PasswordField("Password", validators=[InputRequired(PASSWORD)])


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField("New password", validators=[InputRequired(PASSWORD)])


class ForgotForm(FlaskForm):  # type: ignore[misc]
    email = EmailField("E-mail", validators=[InputRequired("Your e-mail address is missing.")])
