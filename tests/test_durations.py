"""How long something took: one way to write it, wherever it stands."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from extensions import db
from models import Broadcast, Post
from services.durations import duration
from tests.browser import words

ROOT = Path(__file__).parent.parent
#: what is followed by a unit, in a template and in an f-string
WRITTEN = re.compile(r"\}(?:&nbsp;| )(?:s|min|h|d|seconds|minutes|hours|days)\b(?! ?=)")
#: these write what goes on while it is read, prose, and logs
OTHERS = {
    "services/durations.py": 2,
    "services/notice_words.py": 3,
    "services/throttle.py": 1,
    "services/scheduler.py": 1,
}


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.mark.parametrize(
    "seconds, said",
    [
        *((-3, "0 s"), (0, "0 s"), (0.04, "0 s"), (0.4, "0.4 s"), (8, "8 s"), (6.24, "6.2 s"), (9.96, "10 s")),
        *((48.4, "48 s"), (59.6, "1 min"), (60, "1 min"), (200.8, "3 min 21 s"), (3_599.7, "1 h")),
        *((3_900, "1 h 5 min"), (7_259, "2 h"), (172_799, "47 h 59 min"), (172_800, "2 d"), (183_600, "2 d 3 h")),
    ],
)
def test_a_duration_is_written_in_two_units_at_most(seconds, said):
    assert duration(seconds) == said
    assert duration(timedelta(seconds=seconds)) == said


def test_one_post_took_equally_long_on_every_page(browser, cast):
    show = cast.show(hosts=("ada",))
    began = datetime.now(UTC) - timedelta(hours=1)
    episode = cast.episode(show, at=began)
    out = began + timedelta(seconds=200.8)
    stream = Broadcast(video_id="dQw4w9WgXcQ", channel_id="UC" + "d" * 22, title="Queues", state="live")
    stream.podcast_id, stream.episode_id, stream.verdict = show.id, episode.id, "announced"
    stream.actual_start_at, stream.live_seen_at = began, out
    db.session.add(stream)
    db.session.flush()
    config = cast.config(episode, "ada")
    mine = {"config_id": config.id, "episode_id": episode.id, "podcast_id": show.id, "user_id": config.user_id}
    post = Post(key="live:1", status="posted", remote_id="1", text="On air", host_name="Ada", posted_at=out, **mine)
    post.broadcast_id, post.trigger, post.not_after, post.created_at = stream.id, "live", out, began
    config.status = "posted"
    db.session.add(post)
    browser.let_in(cast.user("root", is_admin=True))
    for address, said in (
        ("/", "seen +3 min 21 s"),
        (f"/podcasts/{show.id}/episodes/{episode.id}/tweets", "Seen live +3 min 21 s"),
        (f"/podcasts/{show.id}/episodes/{episode.id}/tweets", "Seen live 3 min 21 s after it began"),
        ("/posts", "3 min 21 s after the start"),
        ("/admin/tonight", "Start to last post 3 min 21 s 3 min 21 s 3 min 21 s"),
        (f"/podcasts/{show.id}/numbers", "From start to post 3 min 21 s"),
    ):
        assert said in words(browser.get(address, follow_redirects=True)), address


def test_no_page_and_no_message_writes_a_duration_in_its_own_way():
    files = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("services/**/*.py"), *ROOT.glob("routes/**/*.py")]
    found = {path: len(WRITTEN.findall(path.read_text())) for path in files}
    assert {str(path.relative_to(ROOT)): many for path, many in found.items() if many} == OTHERS
