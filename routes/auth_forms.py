"""The forms of signing in."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import InputRequired

MISSING = "Your password is missing."


class SignInForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    email = EmailField("E-mail", validators=[InputRequired("Your e-mail address is missing.")])
    password = PasswordField("Password", validators=[InputRequired(MISSING)])


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    password = PasswordField("Password", validators=[InputRequired(MISSING)])


class CodeForm(FlaskForm):  # type: ignore[misc]
    code = StringField("Code", validators=[InputRequired("The code is missing.")])
