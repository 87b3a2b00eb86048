"""All that needs a person, in one list: posts, shows, people, channels, streams; the most urgent first. Reads only."""

from collections.abc import Sized
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from services.coverage import is_near
from services.last_check import LastCheck
from services.need import Need, Shows, by_urgency
from services.need import fix_for as fix_for
from services.need import fix_of as fix_of
from services.needs_people import needs_of_hosts
from services.needs_posts import needs_of_posts
from services.needs_shows import Planned, is_silent, needs_of_shows
from services.needs_youtube import Channels, needs_of_channels, needs_of_checks, needs_of_streams

#: of one sort; what is more is not looked at before some of these are done
MOST_OF_A_SORT = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What whoever asks has read already: `planned` are episodes that were not seen live, with the lamps of hosts."""

    planned: Planned
    channels: Channels
    check: LastCheck


def most_for(put_aside: Sized) -> int:
    """Of one sort, for who has put so much aside: that much is read and not shown, and hides nothing else."""
    return MOST_OF_A_SORT + len(put_aside)


def needs_of(shows: Shows, seen: Seen, now: datetime, *, most: int = MOST_OF_A_SORT, reader_id: int = 0) -> list[Need]:
    """Three statements, whatever there is. `most`: of one sort; what the reader himself has to do is among them."""
    awaited = {
        (episode.podcast_id, host.user_id)
        for episode, hosts in seen.planned
        if is_near(episode, now) and not is_silent(episode, now)
        for host in hosts
        if host.light.word == "Stand by"
    }
    found = chain(
        needs_of_posts(shows, now, most=most, reader_id=reader_id),
        needs_of_shows(shows, seen.planned, now),
        needs_of_hosts(shows, awaited, most=most, reader_id=reader_id),
        needs_of_channels(shows, seen.channels),
        needs_of_checks(shows, seen.check),
        needs_of_streams(shows, now, most=most),
    )
    return sorted(found, key=by_urgency)
