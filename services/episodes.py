"""Episodes: one planned show each, with a text for every host. Announces nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from extensions import db
from models import Broadcast, BroadcastState, EpisodeGuide
from services.checks import HIGHEST_ID, one_line, plausible, shown
from services.errors import Invalid, NotFound
from services.outbox import insert_or_ignore
from services.podcasts import find_podcast
from services.registry import get_services
from services.youtube_reference import video_id_of

LONGEST_TITLE = 200
LONGEST_GUEST = 100
MOST_GUESTS = 20
#: some shows number by date, as 20300131
HIGHEST_NUMBER = 999_999_999
#: of a 32-bit primary key: what is above cannot be asked for, only refused
HIGHEST_ID = 2**31 - 1


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
    values = {
        "title": one_line("the title", title, LONGEST_TITLE),
        "scheduled_at": plausible("the time", at) if at is not None else None,
        "video_id": _video_id(video) if video is not None else None,
        "number": _number(number),
        "guests": _guests(guests),
    }
    episode = EpisodeGuide(podcast_id=find_podcast(slug).id, **values)
    db.session.add(episode)
    db.session.flush()
    if episode.video_id:
        _ask_about(episode.video_id, now or datetime.now(UTC))
    get_services().tweets.create_tweet_configs_for_episode(episode)  # commits all of it
    return episode


def _ask_about(video_id: str, now: datetime) -> None:
    """Lets the next look ask YouTube about a video that no list may ever show."""
    db.session.execute(
        insert_or_ignore(Broadcast, db.session.get_bind().dialect.name).values(
            video_id=video_id, state=BroadcastState.NEW, first_signal="episode", first_seen_at=now, next_look_at=now
        )
    )


def _video_id(text: str) -> str:
    found = video_id_of(text)
    if found is None:
        raise Invalid(
            f"“{shown(text)}” is no YouTube video. "
            "Give its 11 characters or its address, such as https://www.youtube.com/watch?v=…"
        )
    return found


def _number(number: int | None) -> int | None:
    if number is not None and not 0 <= number <= HIGHEST_NUMBER:
        raise Invalid(f"The episode number must be between 0 and {HIGHEST_NUMBER}.")
    return number


def _guests(names: Sequence[str]) -> list[str]:
    if len(names) > MOST_GUESTS:
        raise Invalid(f"{len(names)} guests are too many. At most {MOST_GUESTS} fit.")
    return [one_line("the name of a guest", name, LONGEST_GUEST) for name in names]
