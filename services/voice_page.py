"""What a host sees beside his voice: the prompt that his next draft would be asked for with. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from extensions import db
from models import ConfigStatus, EpisodeGuide, EpisodeTweetConfig, Podcast, WishKind
from services import draft_rows
from services.draft_prompt import prompt_of
from services.registry import get_services


@dataclass(frozen=True, slots=True)
class Preview:
    """The prompt for one episode as it would be sent now."""

    podcast: str
    title: str
    prompt: str


def preview_of(user_id: int, now: datetime) -> Preview | None:
    """For the next episode that this host has a text of; None when nothing is planned."""
    query = (
        select(EpisodeTweetConfig.id, EpisodeGuide.title, Podcast.name)
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
        .where(
            EpisodeTweetConfig.user_id == user_id,
            EpisodeTweetConfig.status == ConfigStatus.PENDING,
            EpisodeGuide.scheduled_at > now,
            Podcast.is_active,
        )
        .order_by(EpisodeGuide.scheduled_at, EpisodeTweetConfig.id)
        .limit(1)
    )
    found = db.session.execute(query).one_or_none()
    if found is None:
        return None
    prompt = prompt_of(draft_rows.load(found.id, WishKind.NEW, get_services().writer).brief)
    return Preview(found.name, found.title, f"{prompt.system}\n\n{prompt.user}")
