"""Drafts of one episode: asked for, chosen and judged by their host; asked for everybody by an admin."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, flash, request
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_access, require_podcast_admin
from routes.incoming import whole
from routes.limits import limited
from routes.podcasts import typed
from routes.podcasts.tweet_forms import TweetForm
from routes.podcasts.tweets import PAGE, back, mine_of, page_again
from routes.signed_in import actor
from services import draft_choices, draft_panel, overview, own_tweet
from services.access import Access
from services.errors import Conflict, Invalid

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

    def draft() -> str:
        return own_tweet.draft(mine, wish, actor(), datetime.now(UTC), told=whole(request.form.get("told")))

    return _doing(access, episode_id, draft)


@limited("2/minute")
@require_podcast_admin
def create_all_tweets(access: Access, *, episode_id: int) -> ResponseReturnValue:
    episode = overview.episode_of(access.podcast, episode_id)
    try:
        own_tweet.draft_all(access.podcast, episode, actor(), datetime.now(UTC), told=whole(request.form.get("told")))
        flash("The drafts are being written. This page says how far they are.")
    except Conflict as error:
        flash(str(error), "amber")
    return back(access, episode_id)


@limited("30/minute")
@require_podcast_access
def use_draft(access: Access, *, episode_id: int, draft_id: int) -> ResponseReturnValue:
    mine = mine_of(access, episode_id)
    draft_panel.check_own(draft_id, mine.episode.id, mine.user.id)
    return _doing(access, episode_id, lambda: draft_choices.use(draft_id, actor(), datetime.now(UTC)))


@limited("30/minute")
@require_podcast_access
def rate_draft(access: Access, *, episode_id: int, draft_id: int) -> ResponseReturnValue:
    mine = mine_of(access, episode_id)
    draft_panel.check_own(draft_id, mine.episode.id, mine.user.id)
    rating = RATINGS.get(request.form.get("rating", ""), 0)
    return _doing(
        access, episode_id, lambda: draft_choices.rate(draft_id, rating, request.form.get("reason", ""), actor())
    )


def _doing(access: Access, episode_id: int, what: Callable[[], str]) -> ResponseReturnValue:
    """Does it and leads to a page that a reload does not do it again from.

    What stands in the field meanwhile is not saved by any of this, and not lost.
    """
    form = TweetForm()
    is_typed = bool(form.validate() and form.text.raw_data and form.version.data)
    try:
        if is_typed:
            typed.keep(episode_id, form.typed)
        flash(what())
    except (Invalid, Conflict) as error:
        typed.forget()
        return page_again(access, episode_id, form, error, 409 if isinstance(error, Conflict) else 422)
    return back(access, episode_id, is_typed=is_typed)
