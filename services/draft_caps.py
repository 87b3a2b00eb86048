"""What a draft costs at most, said before anybody asks for it: two tries, whatever the texts of others become.

The prompt cuts whatever could make it longer than that, see services/draft_prompt.py. Asks nobody.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, select, union

from extensions import db
from models import ConfigStatus, EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember, User, Voice
from services import prices
from services.coming_texts import SOME_VIDEO
from services.draft_brief import Brief, brief_of, host_voice
from services.draft_prompt import LONGEST_REASON, LONGEST_SPELLED, LONGEST_WISH, MAX_TOKENS, prompt_of
from services.errors import Conflict
from services.money import DOLLAR, dollars
from services.prices import Prices
from services.registry import get_services
from services.writer import facts_of

#: prices before a click are rounded up to a tenth of a cent
STEP = DOLLAR // 1_000
#: of characters of three bytes: so that it is not cut for its length first
LONGEST_TEXT, LONGEST_REJECTION = "–" * (LONGEST_SPELLED // 3), "x" * LONGEST_REASON


class Dearer(Conflict):
    """Somebody was told less. Nothing was asked, and the page that comes says the new price."""


def people_of(*columns: Any) -> Select[Any]:
    """Everybody of whom there is a text of `:episode` of `:podcast`, or will be: user_id, name, voice and the like."""
    config, member = EpisodeTweetConfig, PodcastMember
    podcast_id: BindParameter[int] = bindparam("podcast")
    episode_id: BindParameter[int] = bindparam("episode")
    ids = union(
        select(member.user_id).where(member.podcast_id == podcast_id),
        select(config.user_id).where(config.episode_id == episode_id),
    )
    return (
        select(
            User.id.label("user_id"),
            User.name,
            User.is_active,
            Voice,
            member.id.label("member_id"),
            config.id.label("config_id"),
            config.status,
            config.enabled,
            *columns,
        )
        .select_from(User)
        .outerjoin(member, and_(member.user_id == User.id, member.podcast_id == podcast_id))
        .outerjoin(config, and_(config.user_id == User.id, config.episode_id == episode_id))
        .outerjoin(Voice, Voice.user_id == User.id)
        .where(User.id.in_(ids))
    )


def is_written_for(row: Any) -> bool:
    """Whether "drafts for everybody" means this one too: also who has no text yet, because he joined later."""
    if row.member_id is None or not row.is_active:
        return False
    return row.config_id is None or (row.status == ConfigStatus.PENDING and bool(row.enabled))


def caps(
    podcast: Podcast, episode: EpisodeGuide, people: Sequence[Any], now: datetime, *, asked: Prices | None = None
) -> dict[int, int]:
    """By user id micro-dollars for two tries; nothing costs anything where no provider is set up.

    `asked`: the prices in force, where they are known already.
    """
    if not get_services().drafts.has_ai:
        return dict.fromkeys((row.user_id for row in people), 0)
    asked = asked or prices.current(now)
    model = get_services().settings.ai_model or ""
    facts = facts_of(podcast, episode, episode.video_id or SOME_VIDEO)
    others = (LONGEST_TEXT,) * (len(people) - 1)
    brief = brief_of(podcast, episode, facts, host="", others=others, wish=LONGEST_WISH, current=LONGEST_TEXT)
    return {
        row.user_id: _two_tries(replace(brief, host=row.name, voice=host_voice(row.Voice)), asked, model)
        for row in people
    }


def _two_tries(brief: Brief, asked: Prices, model: str) -> int:
    briefs = brief, replace(brief, rejected=LONGEST_REJECTION)
    cost = sum(asked.tokens(model, read=prompt_of(one).most_tokens, written=MAX_TOKENS) for one in briefs)
    return -(-cost // STEP) * STEP


def told_now(podcast: Podcast, episode: EpisodeGuide, now: datetime) -> dict[int, int]:
    """By user id what a draft would be said to cost at most now. Leaves no transaction open."""
    people = db.session.execute(people_of(), {"podcast": podcast.id, "episode": episode.id}).all()
    found = caps(podcast, episode, people, now)
    db.session.rollback()
    return found


def told_for_all(podcast: Podcast, episode: EpisodeGuide, now: datetime) -> dict[int, int]:
    """The same for those for whom "drafts for everybody" writes."""
    people = db.session.execute(people_of(), {"podcast": podcast.id, "episode": episode.id}).all()
    found = caps(podcast, episode, people, now)
    everybody = [row.user_id for row in people if is_written_for(row)]
    db.session.rollback()
    return {user_id: found[user_id] for user_id in everybody}


def agreed(cap: int, told: int | None) -> int:
    """What it may cost: what somebody was told, or the cap of now if he was told nothing. Raises Dearer."""
    if told is not None and cap > told:
        was = f"not {dollars(told)} as this page said" if told else "and this page said that it is free"
        raise Dearer(f"This costs up to {dollars(cap)} now, {was}. Nothing was asked. Press the button again to agree.")
    return cap if told is None else told
