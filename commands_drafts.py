"""`flask drafts …`: drafts written by hand."""

from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask
from sqlalchemy import select

from console import Group, say
from extensions import db
from models import EpisodeTweetConfig, User, WishKind
from services.audit import NOBODY
from services.episodes import find_episode
from services.errors import NotFound
from services.registry import get_services
from services.users import find_user

drafts = Group("drafts", help="What is written for hosts.")


def init_app(app: Flask) -> None:
    app.cli.add_command(drafts)


@drafts.command("make")
@click.argument("slug")
@click.argument("episode_id", type=int)
@click.option("--host", metavar="EMAIL", help="Only for this host; for all of the episode if not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def make(slug: str, episode_id: int, host: str | None, as_json: bool) -> None:
    """Have a draft written for each host of an episode. What a host wrote or approved stays."""
    episode = find_episode(slug, episode_id)
    get_services().tweets.create_tweet_configs_for_episode(episode)
    query = select(User.email, EpisodeTweetConfig.id).join(User, User.id == EpisodeTweetConfig.user_id)
    query = query.where(EpisodeTweetConfig.episode_id == episode_id).order_by(EpisodeTweetConfig.id)
    if host is not None:
        query = query.where(User.id == find_user(host).id)
    rows = db.session.execute(query).all()
    db.session.rollback()
    if host is not None and not rows:
        raise NotFound(f"{host} is not a host of this episode.")
    made = [_made(email, config_id) for email, config_id in rows]
    say(as_json, lambda: {"podcast": slug, "episode": episode_id, "drafts": made})


def _made(email: str, config_id: int) -> dict[str, Any]:
    drafted = get_services().drafts.draft(config_id, WishKind.OTHER, NOBODY, datetime.now(UTC))
    writer, used = drafted.writer, drafted.counts
    return {"host": email, "writer": writer, "used": used, "text": drafted.text, "said": drafted.sentence}
