"""Whether the shows to come will be announced: GO or NO-GO for admins, own trouble for hosts. Reads only."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    EpisodeGuide,
    Notice,
    Podcast,
    PodcastMember,
    SocialConnection,
    User,
    Verdict,
)
from services import notice_words as say
from services.ahead import OVER
from services.causes import explain
from services.coverage import uncovered
from services.lamps import HostLamp, lamps_of, missing, shut_gates
from services.notice_events import admins_of
from services.notice_words import INFO, NEEDS_YOU, Event
from services.overview import EpisodeCard, card_of, channels_of
from services.tokens import IN_DOUBT
from services.vocabulary import Lamp

#: so long before a planned start everything is gone through; each once, soonest first
CHECKPOINTS = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=24))
#: what is further ahead is gone through once a day, for connections that will not last
FAR = timedelta(days=7)
AT_ONCE = 200


def checkpoint(ahead: timedelta) -> timedelta | None:
    """The one that a start so far ahead has reached; None while it is further off, or over."""
    if ahead <= timedelta(0):
        return None
    return next((point for point in CHECKPOINTS if ahead <= point), None)


def near_events(now: datetime) -> list[Event]:
    """Of the starts of the next 24 hours. GO is told once, at the last checkpoint; NO-GO at each that finds it.

    At one checkpoint each cause is told once.
    """
    events = [event for card, hosts in _cards(now, now + CHECKPOINTS[-1]) for event in _of_near(card, hosts, now)]
    told = _told([event for event in events if say.topic(event.key) in say.OF_SHOW], now)
    return [replace(event, user_ids=tuple(_untold(event, told))) for event in events]


_Told = Mapping[tuple[str, int], Set[str]]


def _told(verdicts: Sequence[Event], now: datetime) -> _Told:
    """(what the key begins with, user id) → marks of all causes that were told there. No statement without a NO-GO."""
    found: dict[tuple[str, int], set[str]] = {}
    if verdicts:
        query = select(Notice.key, Notice.user_id).where(Notice.kind == "go", Notice.at > now - 2 * CHECKPOINTS[-1])
        query = query.where(Notice.podcast_id.in_({event.podcast_id for event in verdicts}))
        for row in db.session.execute(query):
            found.setdefault((row.key.rpartition(":")[0], row.user_id), set()).update(say.marks_of(row.key))
    return found


def _untold(event: Event, told: _Told) -> list[int]:
    """Who was not told of all its causes. A cause that went while another stays is no news."""
    place, causes = event.key.rpartition(":")[0], say.marks_of(event.key)
    return [user_id for user_id in event.user_ids if not causes <= told.get((place, user_id), set())]


def far_events(now: datetime) -> list[Event]:
    """Of the starts after that: each host who will not be posted for is told once an episode and cause."""
    events = []
    for card, (_, own) in _cards(now + CHECKPOINTS[-1], now + FAR):
        events += [_own_trouble(card, host, f"far:{card.episode.id}", now) for host in own if not host.text_trouble]
    return events


_Hosts = tuple[Sequence[int], Sequence[HostLamp]]


def _cards(since: datetime, until: datetime) -> list[tuple[EpisodeCard, _Hosts]]:
    """The planned episodes of active podcasts, each with its admins and the hosts whose own trouble holds them up."""
    query = _to_come().where(EpisodeGuide.scheduled_at > since, EpisodeGuide.scheduled_at <= until)
    cards = _with_lamps(query.order_by(EpisodeGuide.scheduled_at, EpisodeGuide.id).limit(AT_ONCE), since)
    admins = admins_of({card.podcast.id for card in cards})
    # What no host can mend himself is told to the admins alone.
    held = {uncovered(), *(explain(one.cause) for one in shut_gates(since).values())} if cards else set()
    found: list[tuple[EpisodeCard, _Hosts]] = []
    for card in cards:
        own = [host for host in card.hosts if is_stuck(host) and host.light.note not in held]
        found.append((card, (admins[card.podcast.id], own)))
    return found


def cards_to_come(episode_ids: Collection[int], now: datetime) -> dict[int, EpisodeCard]:
    """By id; those that have begun, or that nobody watches for any more, are left out."""
    cards = _with_lamps(_to_come().where(EpisodeGuide.id.in_(episode_ids)), now) if episode_ids else []
    return {card.episode.id: card for card in cards}


def is_stuck(host: HostLamp) -> bool:
    return host.light.word == "Stand by"


def causes_of(card: EpisodeCard) -> set[str]:
    """What keeps the show from being announced as wanted, in sentences."""
    of_hosts = {f"{light.word} {light.note}" for light, _ in card.crowd.others}
    return of_hosts if card.light.word.endswith("ready") else {*of_hosts, f"{card.light.word} {card.light.note}"}


def _to_come() -> Select[EpisodeGuide, Podcast]:
    """Of active podcasts, what has not been announced, seen live or seen over."""
    begun = or_(Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.state.in_((BroadcastState.LIVE, *OVER)))
    was_early = select(Broadcast.id).where(Broadcast.episode_id == EpisodeGuide.id, begun).exists()
    query = select(EpisodeGuide, Podcast).join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
    return query.where(Podcast.is_active, ~was_early)


def _with_lamps(query: Select[EpisodeGuide, Podcast], now: datetime) -> list[EpisodeCard]:
    rows = db.session.execute(query).all()
    shows = {row.Podcast.id: row.Podcast for row in rows}
    lamps, channels = lamps_of([row.EpisodeGuide for row in rows], shows, now), channels_of(shows.values())
    found = []
    for row in rows:
        episode, show = row.EpisodeGuide, row.Podcast
        channel = channels.get(show.youtube_channel_id or "")
        found.append(card_of(show, episode, None, lamps[episode.id], channel=channel))
    return found


def _of_near(card: EpisodeCard, people: _Hosts, now: datetime) -> list[Event]:
    admins, own = people
    assert card.episode.scheduled_at is not None
    point = checkpoint(card.episode.scheduled_at - now)
    if point is None:
        return []
    key = f"{card.episode.id}:{int(point.total_seconds() // 60)}"
    events = [_own_trouble(card, host, f"ready:{key}", now) for host in own]
    if card.light.lamp == Lamp.GREEN and point == CHECKPOINTS[0]:
        events.append(_verdict(card, "GO", f"go:{card.episode.id}", admins, now))
    elif card.light.lamp == Lamp.AMBER:
        events.append(_verdict(card, "NO-GO", say.marked(f"nogo:{key}", causes_of(card)), admins, now))
    return events


def _verdict(card: EpisodeCard, word: str, key: str, admins: Sequence[int], now: datetime) -> Event:
    crowd = card.crowd
    counted = f"{crowd.ready} of {crowd.wanted} hosts are ready."
    watched = "" if word == "GO" or crowd.ready < crowd.wanted else f"{card.light.word}. {card.light.note}".strip()
    return Event(
        key=key,
        kind="go",
        title=f"{word} {_when(card, now)}: {card.podcast.name} · {card.episode.title}",
        body="\n".join(filter(None, (_at(card), counted, watched, *missing(card.hosts), say.others(crowd.others)))),
        link=say.episode_link(card.podcast.id, card.episode.id),
        user_ids=tuple(admins),
        level=INFO if word == "GO" else NEEDS_YOU,
        podcast_id=card.podcast.id,
    )


def _own_trouble(card: EpisodeCard, host: HostLamp, key: str, now: datetime) -> Event:
    return Event(
        key=say.marked(key, [host.light.note]),
        kind="ready",
        title=f"You are not ready, {_when(card, now)}: {card.podcast.name} · {card.episode.title}",
        body=f"{_at(card)}\n{host.light.note}",
        link=say.episode_link(card.podcast.id, card.episode.id) if host.text_trouble else say.CONNECTIONS,
        user_ids=(host.user_id,),
        podcast_id=card.podcast.id,
    )


def _when(card: EpisodeCard, now: datetime) -> str:
    assert card.episode.scheduled_at is not None
    return say.distance(card.episode.scheduled_at - now)


def _at(card: EpisodeCard) -> str:
    assert card.episode.scheduled_at is not None
    return f"Planned for {say.moment(card.episode.scheduled_at, card.podcast.timezone)}."


def connection_events() -> list[Event]:
    """Logins at X that need their host: once for each pair of tokens, whether or not anything is planned."""
    is_host = select(PodcastMember.id).join(Podcast, Podcast.id == PodcastMember.podcast_id)
    is_host = is_host.where(PodcastMember.user_id == SocialConnection.user_id, Podcast.is_active)
    query = (
        select(SocialConnection)
        .join(User, User.id == SocialConnection.user_id)
        .where(SocialConnection.is_active, SocialConnection.trouble.is_not(None), SocialConnection.trouble != IN_DOUBT)
        .where(User.is_active, is_host.exists())
        .order_by(SocialConnection.id)
        .limit(AT_ONCE)
    )
    return [
        Event(
            key=f"connection:{one.id}:{one.connected_at:%Y-%m-%dT%H:%M:%S}:{one.token_version}:{one.trouble}",
            kind="connection",
            title=f"@{one.username}: the connection to X needs you",
            body=explain(one.trouble or ""),
            link=say.CONNECTIONS,
            user_ids=(one.user_id,),
        )
        for one in db.session.execute(query).scalars()
    ]
