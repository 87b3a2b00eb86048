"""The forms of one's own account. What is checked, and the sentences, are the services'."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import InputRequired

from models import NoticeNetwork
from routes.auth_forms import MISSING
from routes.checked import Checked, checked
from services.accounts import host_name
from services.checks import LONGEST_EMAIL, email_address, zone_name
from services.notice_addresses import CHECKS, LONGEST_ADDRESS
from services.podcast_settings import default_words
from services.users import LONGEST_NAME


class ProfileForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    name = checked("Name", host_name, maxlength=LONGEST_NAME, autocomplete="name")
    timezone = checked("Time zone", zone_name, list="zones", autocomplete="off")
    default_text = checked("Your text for episodes where you wrote none", default_words, lines=True, rows=4)
    never_repost = BooleanField("Never post again without asking me")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    current = PasswordField("Your password now", validators=[InputRequired(MISSING)])
    new = PasswordField("New password", validators=[InputRequired("The new password is missing.")])


class EmailForm(FlaskForm):  # type: ignore[misc]
    email = EmailField(
        "New e-mail address", validators=[Checked(email_address)], render_kw={"maxlength": LONGEST_EMAIL}
    )


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """The address typed, so that nobody deletes his account by accident."""

    typed = StringField("Your e-mail address", render_kw={"autocomplete": "off", "maxlength": LONGEST_EMAIL})


# Where notices go


class WayForm(FlaskForm):  # type: ignore[misc]
    """E-mail: the address is known."""

    needed_only = BooleanField("Only what needs me")


def _pasted(label: str, network: NoticeNetwork) -> Any:
    return checked(label, CHECKS[network], maxlength=LONGEST_ADDRESS, autocomplete="off", spellcheck="false")


class DiscordForm(WayForm):
    address = _pasted("Address of the webhook", NoticeNetwork.DISCORD)


class SlackForm(WayForm):
    address = _pasted("Address of the webhook", NoticeNetwork.SLACK)


class TelegramForm(WayForm):
    address = _pasted("Number of your chat", NoticeNetwork.TELEGRAM)


WAY_FORMS = {
    NoticeNetwork.EMAIL: WayForm,
    NoticeNetwork.DISCORD: DiscordForm,
    NoticeNetwork.SLACK: SlackForm,
    NoticeNetwork.TELEGRAM: TelegramForm,
}


def notice_forms(sent: NoticeNetwork | None = None) -> dict[NoticeNetwork, FlaskForm]:
    """One for each way; only that of `sent` reads what came with the request."""
    return {
        network: kind(prefix=f"{network.value}-") if network == sent else kind(None, prefix=f"{network.value}-")
        for network, kind in WAY_FORMS.items()
    }
