"""How one's own drafts are to sound."""

from datetime import UTC, datetime
from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from models import Unapproved
from routes.checked import checked
from routes.incoming import whole
from routes.limits import limited
from routes.signed_in import actor
from services import draft_choices, own_posts, voice_page
from services.checks import several_lines
from services.draft_choices import LONGEST_TONE, LONGEST_WORDS, Settings
from services.errors import Conflict, Invalid
from services.registry import get_services

#: a line between two examples
BETWEEN = "---"
_words = partial(several_lines, "these words", longest=LONGEST_WORDS)


class VoiceForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    """What spans several fields is the service's to check."""

    tone = checked("Tone", partial(several_lines, "these words", longest=LONGEST_TONE), lines=True, rows=3)
    words_to_use = checked("Words to use", _words, lines=True, rows=3)
    words_to_avoid = checked("Words to avoid", _words, lines=True, rows=3)
    hashtags = StringField("Hashtags", render_kw={"autocomplete": "off", "maxlength": 600})
    emoji = BooleanField("Emoji are fine")
    examples = TextAreaField("Earlier posts of mine", render_kw={"rows": 8})
    needs_approval = BooleanField("Send no draft that I have not approved")
    unapproved = RadioField(
        "When the show starts and I have approved nothing",
        choices=[
            SelectChoice(Unapproved.TEMPLATE, "Send my usual text"),
            SelectChoice(Unapproved.NOTHING, "Send nothing"),
        ],
        validate_choice=False,
    )

    def wanted(self) -> Settings:
        return Settings(
            tone=self.tone.value,
            words_to_use=self.words_to_use.value,
            words_to_avoid=self.words_to_avoid.value,
            hashtags=self.hashtags.data or "",
            emoji=bool(self.emoji.data),
            examples=_apart(self.examples.data or ""),
            needs_approval=bool(self.needs_approval.data),
            unapproved=self.unapproved.data or Unapproved.TEMPLATE.value,
        )


def _apart(text: str) -> list[str]:
    posts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == BETWEEN:
            posts.append([])
        else:
            posts[-1].append(line)
    return [post for post in ("\n".join(lines).strip() for lines in posts) if post]


def _together(posts: list[str]) -> str:
    return f"\n{BETWEEN}\n".join(posts)


def _stored() -> dict[str, object]:
    voice = draft_choices.voice_of(current_user.id)
    values = {name: getattr(voice, name) for name in Settings.__slots__}
    return values | {"examples": _together(list(voice.examples))}


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/voice", view_func=voice, methods=["GET", "POST"])
    bp.add_url_rule("/voice/read", view_func=read_own_posts, methods=["POST"])


@limited("30/minute")
def voice() -> ResponseReturnValue:
    form = VoiceForm(data=_stored())
    if request.form.get("fill") and form.is_submitted():
        _fill(form, draft_choices.earlier_posts(current_user.id), "Airhorn has posted nothing yet.")
    elif form.validate_on_submit():
        try:
            is_heard = get_services().settings.ai_provider is not None
            flash(draft_choices.set_voice(form.wanted(), actor(), datetime.now(UTC), is_heard=is_heard))
        except Invalid as error:
            form.form_errors.append(str(error))
        else:
            return redirect(url_for(".voice"))
    return _page(form)


@limited("5/minute")
def read_own_posts() -> ResponseReturnValue:
    """Fills in the last posts at X: what else was typed stays, and nothing is saved."""
    form = VoiceForm(data=_stored())
    try:
        payer, told = whole(request.form.get("payer")) or 0, whole(request.form.get("told"))
        posts = own_posts.read(current_user.id, payer, datetime.now(UTC), told=told)
        _fill(form, posts, "X shows no posts of yours but replies and reposts.")
    except (Invalid, Conflict) as error:
        form.form_errors.append(str(error))
    return _page(form)


def _fill(form: VoiceForm, posts: list[str], otherwise: str) -> None:
    form.examples.data = _together(posts) or form.examples.data
    flash("These are your last posts. They are not saved yet." if posts else otherwise)


def _page(form: VoiceForm) -> ResponseReturnValue:
    now = datetime.now(UTC)
    preview, offer = voice_page.preview_of(current_user.id, now), own_posts.offer(current_user.id, now)
    page = render_template("profile/voice.html", form=form, preview=preview, offer=offer)
    return page, 422 if form.errors else 200
