"""Drafts of one episode: asked for, chosen and judged by their host; asked for everybody by an admin."""

from datetime import UTC, datetime

from flask import Blueprint, flash, request
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_access, require_podcast_admin
from routes.limits import limited
from routes.podcasts.tweet_forms import TweetForm
from routes.podcasts.tweets import PAGE, back, mine_of, page_again
from routes.signed_in import actor
from services import draft_choices, draft_panel, overview, own_tweet
from services.access import Access
from services.errors import AirhornError, Conflict, Invalid

RATINGS = {"up": 1, "down": -1, "none": None}


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule(f"{PAGE}/generate", view_func=generate_tweet, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/create-all", view_func=create_all_tweets, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/drafts/<int:draft_id>/use", view_func=use_draft, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/drafts/<int:draft_id>/rate", view_func=rate_draft, methods=["POST"])


@limited("5/minute")
@require_podcast_access
def generate_tweet(access: Access, *, episode_id: int) -> ResponseReturnValue:
    mine, wish = mine_of(access, episode_id), request.form.get("wish", "new")
    try:
        flash(own_tweet.draft(mine, wish, actor(), datetime.now(UTC)))
    except (Invalid, Conflict) as error:
        return _kept(access, episode_id, error)
    return _kept(access, episode_id)


@limited("2/minute")
@require_podcast_admin
def create_all_tweets(access: Access, *, episode_id: int) -> ResponseReturnValue:
    own_tweet.draft_all(overview.episode_of(access.podcast, episode_id), actor(), datetime.now(UTC))
    flash("The drafts are being written. This page says how far they are.")
    return back(access, episode_id)


@limited("30/minute")
@require_podcast_access
def use_draft(access: Access, *, episode_id: int, draft_id: int) -> ResponseReturnValue:
    mine = mine_of(access, episode_id)
    draft_panel.check_own(draft_id, mine.episode.id, mine.user.id)
    try:
        flash(draft_choices.use(draft_id, actor(), datetime.now(UTC)))
    except Conflict as error:
        return _kept(access, episode_id, error)
    return _kept(access, episode_id)


@limited("30/minute")
@require_podcast_access
def rate_draft(access: Access, *, episode_id: int, draft_id: int) -> ResponseReturnValue:
    mine = mine_of(access, episode_id)
    draft_panel.check_own(draft_id, mine.episode.id, mine.user.id)
    rating = RATINGS.get(request.form.get("rating", ""), 0)
    try:
        draft_choices.rate(draft_id, rating, request.form.get("reason", ""), actor())
        flash("Thank you, it is kept with the draft.")
    except Invalid as error:
        return _kept(access, episode_id, error)
    return _kept(access, episode_id)


def _kept(access: Access, episode_id: int, error: AirhornError | None = None) -> ResponseReturnValue:
    """What stands in the field meanwhile is not saved by any of this, and not lost."""
    form, status = TweetForm(), 409 if isinstance(error, Conflict) else 422 if error else 200
    if error or (form.validate() and form.text.raw_data and form.version.data is not None):
        return page_again(access, episode_id, form, error, status)
    return back(access, episode_id)
