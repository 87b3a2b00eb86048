"""Every host's text for one episode, what happened to it, and what the reader does with his own."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.access import require_podcast_access
from routes.limits import limited
from routes.live import live_page
from routes.podcasts import typed
from routes.podcasts.tweet_forms import TweetForm, WantedForm
from routes.signed_in import actor
from services import draft_panel, overview, own_tweet, trying
from services.access import Access
from services.by_hand import NoLink
from services.episode_page import EpisodePage, episode_page, retyped
from services.errors import Conflict, Invalid, NotFound
from services.own_tweet import Mine

PAGE = "/<int:podcast_id>/episodes/<int:episode_id>/tweets"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule(PAGE, view_func=tweets)
    bp.add_url_rule(f"{PAGE}/my", view_func=save_tweet, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/post-now", view_func=post_now, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/again", view_func=announce_again, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/<int:post_id>/try", view_func=try_now, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/<int:post_id>/resolve", view_func=resolve_post, methods=["POST"])


@require_podcast_access
def tweets(access: Access, *, episode_id: int) -> ResponseReturnValue:
    context, kept = _context(access, episode_id), typed.kept(episode_id)
    if kept:
        earlier = kept.pop("earlier", None)
        context |= {"page": retyped(context["page"], current_user, kept), "earlier": earlier}
    return live_page("podcasts/tweets.html", **context)


@limited("30/minute")
@require_podcast_access
def save_tweet(access: Access, *, episode_id: int) -> ResponseReturnValue:
    mine, form = mine_of(access, episode_id), TweetForm()
    if not form.validate():
        return page_again(access, episode_id, form, form.first_problem, 422)
    if form.fill.raw_data:
        return _filled(access, episode_id, form)
    try:
        flash(own_tweet.save(mine, form.change, actor(), datetime.now(UTC)))
    except (Invalid, Conflict) as error:
        return page_again(access, episode_id, form, error, 409 if isinstance(error, Conflict) else 422)
    return back(access, episode_id)


@limited("5/minute")
@require_podcast_access
def post_now(access: Access, *, episode_id: int) -> ResponseReturnValue:
    mine, form = mine_of(access, episode_id), TweetForm()
    if not form.validate():
        return page_again(access, episode_id, form, form.first_problem, 422)
    try:
        without_link = form.without_link.data == "y"
        flash(own_tweet.post_now(mine, form.change, actor(), datetime.now(UTC), without_link=without_link))
    except (Invalid, Conflict) as error:
        return page_again(access, episode_id, form, error, 409 if isinstance(error, Conflict) else 422)
    return back(access, episode_id)


@limited("5/minute")
@require_podcast_access
def try_now(access: Access, *, episode_id: int, post_id: int) -> ResponseReturnValue:
    """Also for a host of a podcast that one manages."""
    mine = Mine(access.podcast, overview.episode_of(access.podcast, episode_id), current_user)
    try:
        flash(trying.try_now(mine, post_id, actor(), datetime.now(UTC), is_admin=access.is_admin))
    except Conflict as error:
        flash(str(error), "amber")
    return back(access, episode_id)


@limited("30/minute")
@require_podcast_access
def announce_again(access: Access, *, episode_id: int) -> ResponseReturnValue:
    """The way back after Post now: the start is announced for this host too, or not after all."""
    mine, form = mine_of(access, episode_id), WantedForm()
    try:
        flash(own_tweet.announce_again(mine, form.answer.data == "yes", actor(), datetime.now(UTC)))
    except Conflict as error:
        flash(str(error), "amber")
    return back(access, episode_id)


@limited("10/minute")
@require_podcast_access
def resolve_post(access: Access, *, episode_id: int, post_id: int) -> ResponseReturnValue:
    mine, form = mine_of(access, episode_id), WantedForm()
    try:
        flash(own_tweet.decide(mine, post_id, form.answer.data or "", actor(), datetime.now(UTC)))
    except (Invalid, Conflict) as error:
        flash(str(error), "amber")
    return back(access, episode_id)


def _filled(access: Access, episode_id: int, form: TweetForm) -> ResponseReturnValue:
    """Other words in the field, unsaved, and those that stood there beside them: that can be undone."""
    put = form.typed | {"typed": form.fill.data or "", "earlier": form.change_text() or ""}
    try:
        typed.keep(episode_id, put)
    except Invalid as error:
        return page_again(access, episode_id, form, error, 422)
    return back(access, episode_id, is_typed=True)


def mine_of(access: Access, episode_id: int) -> Mine:
    """Whose own text it is: only somebody on the podcast has one, whatever else he may manage."""
    episode = overview.episode_of(access.podcast, episode_id)
    if not access.is_member:
        raise NotFound("You are not a host of this podcast.")
    return Mine(access.podcast, episode, current_user)


def _context(access: Access, episode_id: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    episode = overview.episode_of(access.podcast, episode_id)
    host = current_user if access.is_member else None
    page: EpisodePage = episode_page(access.podcast, episode, host, now)
    panel = draft_panel.panel_of(access.podcast, episode, host, now, listed_prices=page.listed)
    return {"access": access, "podcast": access.podcast, "episode": episode, "page": page, "panel": panel, "now": now}


def page_again(
    access: Access, episode_id: int, form: TweetForm, error: Exception | str | None, status: int
) -> ResponseReturnValue:
    """The page with everything that was typed, and with what is in the way of it."""
    context = _context(access, episode_id)
    context["page"] = retyped(context["page"], current_user, form.typed, needs_link=isinstance(error, NoLink))
    return render_template("podcasts/tweets.html", **context, problem=str(error) if error else None), status


def back(access: Access, episode_id: int, *, is_typed: bool = False) -> ResponseReturnValue:
    """`is_typed`: what stands in the field goes along."""
    kept: dict[str, Any] = {typed.KEPT: "y"} if is_typed else {}
    return redirect(url_for(".tweets", podcast_id=access.podcast.id, episode_id=episode_id, **kept))
