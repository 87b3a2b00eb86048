"""The week of a podcast by mail: wanted or not, shown as it would be sent, and sent now."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from models import NoticeNetwork
from routes.access import require_podcast_access
from routes.limits import limited
from routes.signed_in import actor
from services import weekly_mail as letters
from services import weekly_now
from services.access import Access
from services.notice_addresses import missing
from services.registry import get_services

PATH = "/<int:podcast_id>/weekly-mail"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule(PATH, view_func=weekly_mail, methods=["POST"])
    bp.add_url_rule(f"{PATH}/letter", view_func=weekly_letter)
    bp.add_url_rule(f"{PATH}/send", view_func=send_weekly_letter, methods=["POST"])


@limited("30/minute")
@require_podcast_access
def weekly_mail(access: Access) -> ResponseReturnValue:
    """Anything but "on" is off."""
    wanted, name = request.form.get("weekly") == "on", access.podcast.name
    letters.choose(access.podcast.id, actor(), datetime.now(UTC), wanted=wanted)
    flash(f"The week of {name} comes on Mondays at 8." if wanted else f"The week of {name} is not sent any more.")
    return redirect(url_for("profile.notices", _anchor="weekly"))


@require_podcast_access
def weekly_letter(access: Access) -> ResponseReturnValue:
    settings = get_services().settings
    letter = weekly_now.letter(access, current_user, datetime.now(UTC), settings)
    page = {"letter": letter, "missing": missing(NoticeNetwork.EMAIL, settings)}
    return render_template("podcasts/weekly_letter.html", access=access, podcast=access.podcast, **page)


@limited("5/hour")
@require_podcast_access
def send_weekly_letter(access: Access) -> ResponseReturnValue:
    services, podcast_id = get_services(), access.podcast.id
    letter = weekly_now.letter(access, current_user, datetime.now(UTC), services.settings)
    was_taken, sentence = weekly_now.send(letter, services.mail, services.settings)
    flash(sentence, "message" if was_taken else "amber")
    return redirect(url_for(".weekly_letter", podcast_id=podcast_id))
