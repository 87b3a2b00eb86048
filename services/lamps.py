"""The lamp of each host of many episodes, as lists show them, however many there are: two statements of few columns.

One more where an empty wallet stops posts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BindParameter, Select, and_, bindparam, func, literal, select
from sqlalchemy.orm import aliased, load_only

from extensions import db
from models import (
    Broadcast,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    SendGate,
    SocialConnection,
    User,
    UtcDateTime,
)
from services import claims, coverage
from services.ahead import has_ended
from services.causes import explain
from services.coming_texts import Coming, ComingTexts
from services.coverage import Lack, Purse, Waiting
from services.logins import PLATFORM
from services.tweets import post_url, why_not
from services.vocabulary import Lamp, Light, after_the_end, light_of_host

ENDS_BEFORE = "The connection to X ends before the start and cannot be renewed. Connect X again."


@dataclass(frozen=True, slots=True)
class HostLamp:
    """Where one host of one episode stands."""

    user_id: int
    name: str
    light: Light
    post_url: str | None
    #: why the words that wait for the start could not be posted; None when they can, or nobody waits
    text_trouble: str | None
    #: the wallet that pays for the host here, where it does not cover what it pays for the show
    lacks: Lack | None = field(default=None, kw_only=True)


def missing(hosts: Iterable[HostLamp]) -> list[str]:
    """How much is missing in the wallets that keep these from being posted for, a sentence for each wallet."""
    held_up = [host for host in hosts if host.lacks is not None and host.light.note == coverage.uncovered()]
    return list({host.lacks.wallet_id: host.lacks.words(host.name) for host in held_up if host.lacks}.values())


@dataclass(frozen=True, slots=True)
class Crowd:
    """Many hosts in few words. `others`: who is not ready, or once one is out not posted; alike ones together."""

    posted: int
    ready: int
    wanted: int
    off: int
    others: list[tuple[Light, list[str]]]


def crowd_of(hosts: Iterable[HostLamp]) -> Crowd:
    counts, groups = dict.fromkeys(Lamp, 0), dict[tuple[str, str], tuple[Light, list[str]]]()
    off = 0
    for host in hosts:
        light = host.light
        if light.word in ("Off", "Cancelled"):
            off += 1
            continue
        counts[light.lamp] += 1
        groups.setdefault((light.word, light.note), (light, []))[1].append(host.name)
    fine = (Lamp.BLUE,) if counts[Lamp.BLUE] else (Lamp.GREEN,)
    others = [groups[key] for key in sorted(groups) if groups[key][0].lamp not in fine]
    ready = counts[Lamp.GREEN] + counts[Lamp.BLUE]
    return Crowd(posted=counts[Lamp.BLUE], ready=ready, wanted=sum(counts.values()), off=off, others=others)


def lamps_of(
    episodes: Iterable[EpisodeGuide], shows: Mapping[int, Podcast], now: datetime
) -> dict[int, list[HostLamp]]:
    """By episode, each list by name; `shows` has the podcast of each. Texts are checked, not written out."""
    by_id = {episode.id: episode for episode in episodes}
    found: dict[int, list[HostLamp]] = {episode_id: [] for episode_id in by_id}
    if found:
        texts = ComingTexts(shows)
        rows = db.session.execute(_hosts(), {"episode_ids": list(by_id), "now": now}).all()
        # What is said after the start is not asked here.
        said = [texts.of(row, by_id[row.episode_id]) if row.status == ConfigStatus.PENDING else None for row in rows]
        waiting = [
            Waiting(row.episode_id, row.user_id, coming.has_link, _purse(row, by_id[row.episode_id], shows, now))
            for row, coming in _limited(rows, said)
        ]
        purses = _purses(waiting, by_id, shows, now)
        for row, coming in zip(rows, said, strict=True):
            lack, stops = purses.get((row.episode_id, row.user_id), _COVERED)
            lamp = _lamp(row, by_id[row.episode_id], coming.trouble if coming else None, stops or held(row))
            found[row.episode_id].append(lamp if lack is None else replace(lamp, lacks=lack))
    return found


#: nothing is missing, nothing is said
_COVERED = None, None


def _purse(row: Any, episode: EpisodeGuide, shows: Mapping[int, Podcast], now: datetime) -> Purse:
    return coverage.purse_before(row, episode, shows[episode.podcast_id], now)


def _limited(rows: Iterable[Any], said: Iterable[Coming | None]) -> Iterator[tuple[Any, Coming]]:
    """What waits for its show and is paid from a wallet with a limit: only there something can be missing."""
    for row, coming in zip(rows, said, strict=True):
        if row.purse_limited and coming is not None and row.enabled and row.member_id and row.is_active:
            yield row, coming


def _purses(
    waiting: Sequence[Waiting], episodes: Mapping[int, EpisodeGuide], shows: Mapping[int, Podcast], now: datetime
) -> dict[coverage.Host, tuple[Lack | None, str | None]]:
    """Of those whose wallet does not cover the show: what is missing, and the sentence where that stops their posts."""
    if not waiting:
        return {}
    near = [one for one in waiting if coverage.is_near(episodes[one.episode_id], now)]
    taken = claims.taken_before(near, episodes, shows, now)
    short, lacks = coverage.lacking(near, taken), coverage.lacks(waiting, taken)
    return {host: (lacks.get(host), coverage.uncovered() if host in short else None) for host in {*short, *lacks}}


Lamps = TypeVar("Lamps", bound=HostLamp)


def after_the_show(hosts: Sequence[Lamps], broadcast: Broadcast | None) -> Sequence[Lamps]:
    """The same hosts; once their stream is over nobody is ready any more, and nothing is promised."""
    if broadcast is None or not has_ended(broadcast):
        return hosts
    return [replace(host, light=after_the_end(host.light)) for host in hosts]


class Held(NamedTuple):
    """Why nothing may be sent, as a cause code, and until when."""

    cause: str
    until: datetime


Gates = Mapping[str, Held]


def shut_gates(now: datetime) -> Gates:
    """What holds posting back right now: "x" for everybody or "x:<X user id>" → why, and until when."""
    query = select(SendGate.key, SendGate.cause, SendGate.until).where(SendGate.until > now)
    return {row.key: Held(row.cause, row.until) for row in db.session.execute(query)}


def with_gates(query: Select[Any], now: Any) -> Select[Any]:
    """The same rows of hosts, each with what holds back everybody and the account of its Post: for held, held_until."""
    everybodys, own = aliased(SendGate), aliased(SendGate)
    query = query.add_columns(everybodys.cause.label("held_cause"), everybodys.until.label("all_held_until"))
    query = query.add_columns(own.until.label("own_held_until"))
    query = query.outerjoin(everybodys, and_(everybodys.key == "x", everybodys.until > now))
    return query.outerjoin(own, and_(own.key == literal("x:") + Post.platform_user_id, own.until > now))


def held(row: Any) -> str | None:
    """Why nothing may be sent for anybody, as a sentence."""
    return explain(row.held_cause) if row.held_cause else None


def held_until(row: Any) -> datetime | None:
    """Until when nothing may be sent for the account of the row's post."""
    if row.Post is None:
        return None
    return max((at for at in (row.all_held_until, row.own_held_until) if at is not None), default=None)


@cache
def _hosts() -> Select[Any]:
    """A row for each host of each of `:episode_ids`: single columns, because whole rows of five tables take most of a
    page's time. Put together once, which takes longer than asking it.
    """
    config, login = EpisodeTweetConfig, SocialConnection
    wanted: BindParameter[int] = bindparam("episode_ids", expanding=True)
    newest = select(func.max(Post.id)).where(Post.config_id == config.id).correlate(config).scalar_subquery()
    member = and_(PodcastMember.podcast_id == EpisodeGuide.podcast_id, PodcastMember.user_id == User.id)
    query = (
        select(config.episode_id, config.user_id, config.status, config.enabled, config.include_link)
        .add_columns(config.text, config.draft, User.name, User.is_active, User.default_text)
        .add_columns(PodcastMember.id.label("member_id"), login.id.label("login_id"), login.refresh_state)
        .add_columns(login.trouble, login.refresh_token.is_not(None).label("can_renew"), login.expires_at, Post)
        .join(User, User.id == config.user_id)
        .join(EpisodeGuide, EpisodeGuide.id == config.episode_id)
        # Said once more by the episode, or a database may read all posts to find the newest of these.
        .outerjoin(Post, and_(Post.id == newest, Post.episode_id.in_(wanted)))
        .outerjoin(PodcastMember, member)
        .outerjoin(login, and_(login.user_id == User.id, login.platform == PLATFORM, login.is_active))
        .where(config.episode_id.in_(wanted))
        .options(load_only(Post.status, Post.cause, Post.detail, Post.username, Post.remote_id))
        .options(load_only(Post.not_before, Post.not_after, Post.platform_user_id, Post.trigger))
        .order_by(config.episode_id, User.name, User.id)
    )
    now: BindParameter[datetime] = bindparam("now", type_=UtcDateTime)
    return with_gates(coverage.with_purses(query, now), now)


def _lamp(row: Any, episode: EpisodeGuide, text_trouble: str | None, stops: str | None) -> HostLamp:
    """`stops`: what else keeps everything from being sent, as a sentence."""
    is_member, post = row.member_id is not None, row.Post
    trouble = why_not(row.enabled, row if row.login_id else None, is_member=is_member, is_active=row.is_active)
    if trouble is None and row.enabled and not row.can_renew and ends_before(row.expires_at, episode):
        trouble = ENDS_BEFORE
    waits = text_trouble is not None and row.enabled and is_member
    return HostLamp(
        row.user_id,
        row.name,
        light_of_host(
            row.status,
            enabled=row.enabled,
            post=post,
            trouble=trouble or text_trouble or stops,
            held_until=held_until(row),
        ),
        post_url(post) if post else None,
        text_trouble if waits else None,
    )


def ends_before(expires_at: datetime | None, episode: EpisodeGuide) -> bool:
    """Whether a token that cannot be renewed is over before the planned start."""
    start = episode.scheduled_at
    return start is not None and expires_at is not None and expires_at <= start
