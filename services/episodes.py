"""Episodes: one planned show each, with a text for every host. Announces nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy import delete, func, select, update

from extensions import db
from models import Broadcast, BroadcastState, ConfigStatus, EpisodeGuide, EpisodeTweetConfig
from services import audit, figures_version
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID, one_line, plausible, several_lines, shown, web_address
from services.errors import Conflict, Invalid, NotFound, Stale
from services.local_time import weekly_after
from services.outbox import insert_or_ignore
from services.podcasts import find_podcast, locked
from services.registry import get_services
from services.youtube_reference import video_id_of

LONGEST_TITLE = 200
LONGEST_GUEST = 100
MOST_GUESTS = 20
LONGEST_NOTES = 5_000
LONGEST_LINK = 500
#: planned by people in one podcast; a start that nobody planned still gets its own
MOST_EPISODES = 2_000
#: some shows number by date, as 20300131
HIGHEST_NUMBER = 999_999_999


def find_episode(slug: str, episode_id: int) -> EpisodeGuide:
    """The episode if it is one of this podcast. Raises NotFound."""
    podcast = find_podcast(slug)
    episode = None
    if 0 < episode_id <= HIGHEST_ID:
        wanted = select(EpisodeGuide).where(EpisodeGuide.id == episode_id, EpisodeGuide.podcast_id == podcast.id)
        episode = db.session.execute(wanted).scalar_one_or_none()
    if episode is None:
        raise NotFound(f"{podcast.name} has no episode {shown(str(episode_id))}.")
    return episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an episode says, checked: make it with `plan_of`."""

    title: str
    number: int | None = None
    guests: list[str] = field(default_factory=list)
    notes: str = ""
    link: str = ""
    scheduled_at: datetime | None = None
    video_id: str | None = None

    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = ("title", "number", "guests", "notes", "link", "scheduled_at", "video_id")


def create_episode(  # noqa: PLR0913 - what an episode has; all but the title are optional
    slug: str,
    title: str,
    *,
    at: datetime | None = None,
    video: str | None = None,
    number: int | None = None,
    guests: Sequence[str] = (),
    now: datetime | None = None,
) -> EpisodeGuide:
    """A new episode and a text for each host. `video` is an id or an address of one; `now` is when it is first asked
    about. Without `at` the episode is matched by its video or by hand."""
    plan = Plan(
        title=episode_title(title),
        scheduled_at=plausible("the time", at) if at is not None else None,
        video_id=video_of(video) if video is not None else None,
        number=checked_number(number) if number is not None else None,
        guests=guest_names(guests),
    )
    return make_episode(find_podcast(slug).id, plan, now or datetime.now(UTC))


def make_episode(podcast_id: int, plan: Plan, now: datetime) -> EpisodeGuide:
    """A new episode and a text for each host. Raises Conflict when the podcast is archived or has too many."""
    podcast = locked(podcast_id)  # held, so that two at once do not pass the limit together
    planned = select(func.count(EpisodeGuide.id)).where(EpisodeGuide.podcast_id == podcast_id)
    if not podcast.is_active:
        _refuse(f"{podcast.name} is archived. Bring it back first.")
    if db.session.execute(planned).scalar_one() >= MOST_EPISODES:
        _refuse(f"A podcast can have {MOST_EPISODES} episodes at most. Delete old ones first.")
    episode = EpisodeGuide(podcast_id=podcast_id, **plan.values())
    db.session.add(episode)
    db.session.flush()
    if episode.video_id:
        _ask_about(episode.video_id, now)
    get_services().tweets.create_tweet_configs_for_episode(episode)  # commits all of it
    return episode


def change_episode(episode_id: int, version: int, plan: Plan, now: datetime) -> None:
    """Saves what was typed. Raises Stale when somebody else saved meanwhile, or the episode is gone."""
    asked = select(EpisodeGuide.video_id).where(EpisodeGuide.id == episode_id)
    video_id = db.session.execute(asked).scalar_one_or_none()
    changed = db.session.execute(
        update(EpisodeGuide)
        .where(EpisodeGuide.id == episode_id, EpisodeGuide.version == version)
        .values(version=version + 1, **plan.values())
        .returning(EpisodeGuide.podcast_id),
        execution_options={"synchronize_session": False},
    ).first()
    if changed is None:
        _refuse("Somebody saved this episode meanwhile.", Stale)
    if plan.video_id and plan.video_id != video_id:
        _ask_about(plan.video_id, now)
    figures_version.raise_for(db.session(), [changed.podcast_id])  # its title is among the numbers
    db.session.commit()


def copy_episode(episode: EpisodeGuide, zone: str, now: datetime) -> tuple[EpisodeGuide, str]:
    """The next one of a series: a week later at the same time of day, with the next number, for another video.

    Returns it with a remark about the clock, or an empty one. Raises what `make_episode` raises.
    """
    slot = weekly_after(episode.scheduled_at, zone, now) if episode.scheduled_at else None
    number = episode.number + 1 if episode.number is not None and episode.number < HIGHEST_NUMBER else None
    plan = Plan(
        title=episode.title,
        number=number,
        guests=list(episode.guests),
        notes=episode.notes,
        link=episode.link,
        scheduled_at=slot.at if slot else None,
    )
    return make_episode(episode.podcast_id, plan, now), slot.remark if slot else ""


def delete_episode(episode: EpisodeGuide, by: Actor, now: datetime) -> None:
    """Takes it away with its texts; what was posted stays in the history.

    Raises Conflict while a post of it is on its way or waits for a decision: then it could no longer be told from here.
    """
    podcast_id = episode.podcast_id
    texts = select(EpisodeTweetConfig.status).where(EpisodeTweetConfig.episode_id == episode.id)
    # Whoever queues a post takes a text first, and waits for this.
    states = set(db.session.execute(texts.with_for_update()).scalars())
    if ConfigStatus.POSTING in states:
        _refuse("A post of this episode is on its way right now. Delete the episode when it has arrived.")
    if ConfigStatus.REVIEW in states:
        _refuse("A post of this episode waits for a decision. Decide first, then delete the episode.")
    db.session.execute(
        delete(EpisodeGuide).where(EpisodeGuide.id == episode.id), execution_options={"synchronize_session": False}
    )
    figures_version.raise_for(db.session(), [podcast_id])
    audit.note(Kind.EPISODE_DELETED, by, now, podcast_id=podcast_id)
    db.session.commit()


def _refuse(sentence: str, kind: type[Conflict] = Conflict) -> NoReturn:
    db.session.rollback()
    raise kind(sentence)


def _ask_about(video_id: str, now: datetime) -> None:
    """Lets the next look ask YouTube about a video that no list may ever show."""
    db.session.execute(
        insert_or_ignore(Broadcast, db.session.get_bind().dialect.name).values(
            video_id=video_id, state=BroadcastState.NEW, first_signal="episode", first_seen_at=now, next_look_at=now
        )
    )


# What people type, checked; each raises Invalid with a sentence


def episode_title(text: str) -> str:
    return one_line("the title", text, LONGEST_TITLE)


def video_of(text: str) -> str:
    """The id in whatever people paste of a video."""
    found = video_id_of(text)
    if found is None:
        raise Invalid(
            f"“{shown(text)}” is no YouTube video. "
            "Give its 11 characters or its address, such as https://www.youtube.com/watch?v=…"
        )
    return found


def number_of(text: str) -> int:
    """The number in a form's field."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(HIGHEST_NUMBER))):
        raise Invalid(f"The episode number must be between 0 and {HIGHEST_NUMBER}.")
    return int(digits)


def checked_number(number: int) -> int:
    if not 0 <= number <= HIGHEST_NUMBER:
        raise Invalid(f"The episode number must be between 0 and {HIGHEST_NUMBER}.")
    return number


def guest_names(names: Sequence[str]) -> list[str]:
    if len(names) > MOST_GUESTS:
        raise Invalid(f"{len(names)} guests are too many. At most {MOST_GUESTS} fit.")
    return [one_line("the name of a guest", name, LONGEST_GUEST) for name in names]


def guest_lines(text: str) -> list[str]:
    """One name a line; empty lines do not count."""
    return guest_names([line for line in text.replace("\r", "\n").split("\n") if line.strip()])


def episode_notes(text: str) -> str:
    return several_lines("the notes", text, LONGEST_NOTES)


def episode_link(text: str) -> str:
    return web_address("the link", text, LONGEST_LINK)
