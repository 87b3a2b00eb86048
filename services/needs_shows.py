"""What keeps shows to come from being announced as wanted, and shows that never came. Asks nobody."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zlib import crc32

from models import EpisodeGuide
from services.coverage import Lack, is_near, uncovered
from services.lamps import ENDS_BEFORE, HostLamp, missing
from services.need import Need, Rank, Shows

#: streams begin late; what is not there by then is worth a look, while somebody may still say what happened
SILENT_AFTER = timedelta(minutes=30)
#: a week later nobody wonders any more
SILENT_SHOWN = timedelta(days=7)
#: what is further ahead may still be paid for by then
PAID_AHEAD = timedelta(days=7)

Planned = Sequence[tuple[EpisodeGuide, Sequence[HostLamp]]]


def needs_of_shows(shows: Shows, planned: Planned, now: datetime) -> Iterator[Need]:
    """`planned`: episodes that were not seen live, with the lamps of their hosts."""
    for episode, hosts in planned:
        if is_silent(episode, now):
            yield from _silent(shows, episode, hosts)
        else:
            yield from _texts(shows, episode, hosts, now)
            yield from _ending(shows, episode, hosts, now)
            yield from _uncovered(shows, episode, hosts)
    yield from _low(shows, planned, now)


def is_silent(episode: EpisodeGuide, now: datetime) -> bool:
    return episode.scheduled_at is not None and episode.scheduled_at <= now - SILENT_AFTER


def _rank(episode: EpisodeGuide, now: datetime) -> tuple[Rank, str]:
    """What was put aside while the show was far off is back on its day."""
    return (Rank.SOON, ":soon") if is_near(episode, now) else (Rank.AHEAD, "")


def _texts(shows: Shows, episode: EpisodeGuide, hosts: Iterable[HostLamp], now: datetime) -> Iterator[Need]:
    """Words that could not be posted at the start. Named by what is wrong, whatever number is in the sentence."""
    rank, soon = _rank(episode, now)
    for host in hosts:
        if host.text_trouble:
            sort = crc32(re.sub(r"\d+", "", host.text_trouble).encode())
            yield Need(
                shows[episode.podcast_id],
                host.name,
                host.text_trouble,
                episode.id,
                episode.title,
                host.user_id,
                "edit",
                item=f"text:{episode.id}:{host.user_id}:{sort:08x}{soon}",
                rank=rank,
                at=episode.scheduled_at,
            )


def _ending(shows: Shows, episode: EpisodeGuide, hosts: Iterable[HostLamp], now: datetime) -> Iterator[Need]:
    """Connections that are good today and will not be at the start."""
    rank, soon = _rank(episode, now)
    for host in hosts:
        if host.light.note == ENDS_BEFORE:
            yield Need(
                shows[episode.podcast_id],
                host.name,
                ENDS_BEFORE,
                episode.id,
                episode.title,
                host.user_id,
                "connect",
                item=f"ends:{episode.id}:{host.user_id}{soon}",
                rank=rank,
                at=episode.scheduled_at,
            )


def _uncovered(shows: Shows, episode: EpisodeGuide, hosts: Iterable[HostLamp]) -> Iterator[Need]:
    """Shows that an empty wallet would keep from being posted about: once each, whoever's wallet it is."""
    sentence = uncovered()
    held_up = [host for host in hosts if host.light.note == sentence]
    if held_up:
        yield Need(
            shows[episode.podcast_id],
            "Wallet",
            sentence,
            episode.id,
            episode.title,
            fix="spend",
            item=f"wallet:{episode.id}",
            rank=Rank.SOON,
            at=episode.scheduled_at,
            sums=" ".join(missing(held_up)),
        )


def _low(shows: Shows, planned: Planned, now: datetime) -> Iterator[Need]:
    """Wallets with a limit that do not cover the next show of their podcast; where they stop posts it is said above."""
    seen: set[int] = set()
    for episode, hosts in sorted(planned, key=lambda one: (one[0].scheduled_at or now, one[0].id)):
        if episode.scheduled_at is None or not now < episode.scheduled_at <= now + PAID_AHEAD:
            continue
        is_first = episode.podcast_id not in seen
        seen.add(episode.podcast_id)
        if not is_first or any(host.light.note == uncovered() for host in hosts):
            continue
        lacking = {host.lacks.wallet_id: (host, host.lacks) for host in hosts if host.lacks is not None}
        for wallet_id in lacking:
            yield _low_one(shows, episode, *lacking[wallet_id])


def _low_one(shows: Shows, episode: EpisodeGuide, host: HostLamp, lack: Lack) -> Need:
    return Need(
        shows[episode.podcast_id],
        "Wallet",
        f"{lack.words(host.name)} An admin tops it up.",
        episode.id,
        episode.title,
        user_id=host.user_id if lack.is_own else None,
        fix="spend",
        item=f"low:{lack.wallet_id or 0}:{episode.id}",
        rank=Rank.AHEAD,
        at=episode.scheduled_at,
        is_of_money=True,
    )


def _silent(shows: Shows, episode: EpisodeGuide, hosts: Iterable[HostLamp]) -> Iterator[Need]:
    """An episode whose start nobody has seen, while its hosts still wait for it."""
    show = shows[episode.podcast_id]
    if show.is_active and episode.scheduled_at and any(host.light.word in ("Ready", "Stand by") for host in hosts):
        yield Need(
            show,
            "Never live",
            "Its planned start is over, and no stream of it was seen. If it comes later, change its time; if it does "
            "not come, delete it.",
            episode.id,
            episode.title,
            fix="episode",
            item=f"silent:{episode.id}:{episode.scheduled_at:%Y-%m-%dT%H:%M}",
            rank=Rank.SILENT,
            at=episode.scheduled_at,
        )
