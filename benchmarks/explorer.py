"""Posts at 1,000 and 100,000: pages by number, looked up row by row, beside pages by the last post; and exports."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, insert, select, update

from benchmarks.overview import HOSTS, SIZES, analyze, at_each_size, fill
from benchmarks.report import Report
from benchmarks.wallet import Way, compare, timed
from extensions import cache, db
from models import Broadcast, EpisodeGuide, Podcast, PodcastMember, Post, User
from services import explorer, explorer_table, memory
from services.explorer import PAGE
from services.explorer_filters import SORTS, Viewer, Wanted

TIMES = {1_000: 30, 100_000: 15}
MOST_MILLISECONDS, LEAST_ROWS = 60, 10_000
#: a podcast that has few posts beside the large one
FEW = 40


def measure() -> Report:
    report = Report("explorer", f"Posts of {HOSTS} hosts: pages by number beside pages by the last post")
    return at_each_size(report, _measure)


def _measure(report: Report, engine: str, size: int) -> None:
    podcast = fill(size)
    viewers, name = _viewers(podcast.id), f"{engine}, {size:,} posts"
    last = db.session.execute(select(func.max(Post.id)).where(Post.podcast_id == podcast.id)).scalar_one()
    db.session.rollback()
    memory.settle()  # as a server does when it starts: looking through all objects takes longer than any page
    for who, viewer in viewers.items():
        for what, wanted, after in _pages(last):
            way = _way(size, f"{who}, {what}", lambda v=viewer, w=wanted, a=after: uncounted(v, w, a))
            report.rows.append(way.row(name, "posts"))
            report.at_most(f"{name}, {who}, {what}: p95 ms", way.took[int(len(way.took) * 0.95)], MOST_MILLISECONDS)
    member = viewers["a member"]
    report.rows.append(_way(size, "a member, sums kept", lambda: explorer.find(member, Wanted())).row(name, "posts"))
    deep = _way(size, "by the last post", lambda: explorer.find(member, Wanted(), str(last // 10)))
    old = _way(size, "by number, row by row", lambda: by_number(member, size // PAGE * 9 // 10))
    compare(report, name, "a late page", old, deep, times=2)
    rows = _rows_a_second(member)
    report.rows.append({"database": name, "export": "csv", "rows/s": rows})
    if size == SIZES[-1]:
        report.at_least(f"{name}, export: rows/s", rows, LEAST_ROWS)


def _viewers(podcast_id: int) -> dict[str, Viewer]:
    """A member of the large podcast, one of a small one, and who runs the server."""
    session = db.session()
    small, person = Podcast(slug="small-talk", name="Small Talk"), User(email="small@example.com", name="Small")
    session.add_all([small, person])
    session.flush()
    session.add(PodcastMember(podcast_id=small.id, user_id=person.id))
    at = session.execute(select(func.min(Post.created_at))).scalar_one()
    same = {"podcast_id": small.id, "user_id": person.id, "text": "On air", "status": "posted", "host_name": "Small"}
    same |= {"created_at": at, "not_after": at}
    session.execute(insert(Post), [same | {"key": f"small:{n}"} for n in range(FEW)])
    named = func.replace("Host N", "N", Post.user_id.cast(User.name.type))
    session.execute(update(Post).where(Post.podcast_id == podcast_id).values(host_name=named))
    member = (
        session.execute(select(PodcastMember.user_id).where(PodcastMember.podcast_id == podcast_id)).scalars().first()
    )
    people = {
        "a member": Viewer(member or 0, False, "UTC"),
        "of few": Viewer(person.id, False, "UTC"),
        "who runs it": Viewer(member or 0, True, "UTC"),
    }
    session.commit()
    analyze()
    return people


def uncounted(viewer: Viewer, wanted: Wanted, after: str) -> explorer.Found:
    """As for the first who asks for it: nothing was summed up before."""
    cache.clear()
    return explorer.find(viewer, wanted, after)


def _pages(last: int) -> list[tuple[str, Wanted, str]]:
    firsts = [(f"{sort}, first page", Wanted(sort=sort), "") for sort in SORTS]
    return [
        *firsts,
        ("newest, middle", Wanted(), str(last // 2)),
        ("newest, last page", Wanted(), str(FEW)),
        ("failed", Wanted(status="failed"), ""),
        ("without a link", Wanted(link="no"), ""),
        ("by clicks, of which there are none", Wanted(trigger="now"), ""),
        ("drafts by host", Wanted(kind="draft", sort="host"), ""),
        ("by host, middle", Wanted(sort="host"), f"{last // 2}:Host 33"),
        ("a cause that none has", Wanted(cause="x_locked"), ""),
        ("one month", Wanted(since="2026-10-01", until="2026-10-31"), ""),
        ("nearly all days", Wanted(since="2001-01-01", until="2026-10-31"), ""),
    ]


def _way(size: int, what: str, act: Callable[[], Any]) -> Way:
    return timed(what, act, TIMES[size], reads=True)


# The old way


def by_number(viewer: Viewer, page: int) -> list[tuple[Any, ...]]:
    """All rows before the page are passed over; each row's people and shows are looked up by themselves."""
    mine = select(PodcastMember.podcast_id).where(PodcastMember.user_id == viewer.user_id)
    query = select(Post).where(Post.podcast_id.in_(mine)).order_by(Post.id.desc())
    rows = db.session.execute(query.offset(page * PAGE).limit(PAGE)).scalars().all()
    db.session.execute(select(Post.status, func.count()).where(Post.podcast_id.in_(mine)).group_by(Post.status)).all()
    found = []
    for row in rows:
        podcast = db.session.execute(select(Podcast.name).where(Podcast.id == row.podcast_id)).scalar()
        host = db.session.execute(select(User.name).where(User.id == row.user_id)).scalar()
        start = db.session.execute(select(Broadcast.actual_start_at).where(Broadcast.id == row.broadcast_id)).scalar()
        episode = db.session.execute(select(EpisodeGuide.title).where(EpisodeGuide.id == row.episode_id)).scalar()
        found.append((row, podcast, host, start, episode))
    return found


def _rows_a_second(viewer: Viewer) -> float:
    begun, parts = time.perf_counter(), 0
    for part in explorer_table.as_csv(explorer.every_line(viewer, Wanted())):
        parts += part.count("\r\n")
    return parts / (time.perf_counter() - begun)


if __name__ == "__main__":
    measure()
