"""What was put aside hides nothing else: of many, of what is one's own, of what happens once more."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from extensions import db
from models import Broadcast, EpisodeTweetConfig, PodcastMember, Post, User
from services import dismissals
from services.audit import NOBODY
from services.dismissals import Putting
from services.needs import MOST_OF_A_SORT
from services.registry import get_services
from tests.test_attention import Desk
from tests.test_needs import past

CONFIG_ID = EpisodeTweetConfig.id


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def desk(cast):
    return Desk(cast)


@pytest.fixture
def crowd(desk):
    """So many hosts before Zoe, none of whom has connected an account."""
    names = [{"email": f"h{n:03}@example.com", "name": f"H{n:03}"} for n in range(MOST_OF_A_SORT)]
    join(desk, db.session.execute(insert(User).returning(User.id), names).scalars().all())


def join(desk, user_ids):
    db.session.execute(insert(PodcastMember), [{"podcast_id": desk.show.id, "user_id": id} for id in user_ids])
    db.session.commit()


def put_aside(desk, items):
    """By an admin, for everybody."""
    dismissals.put(desk.show.id, items, None, Putting(desk.ids["ada"], None, desk.now))
    db.session.commit()


def zoe_joins(desk, cast):
    """Returns the name of what she needs."""
    desk.ids["zoe"] = cast.user("zoe").id
    join(desk, [desk.ids["zoe"]])
    return f"connection:{desk.ids['zoe']}:no_connection:"


def test_streams_that_were_put_aside_leave_room_for_those_behind_them(desk):
    row = {"channel_id": desk.show.youtube_channel_id, "title": "S", "verdict": "unmatched", "state": "ended"}
    times = [desk.now - timedelta(minutes=n) for n in range(MOST_OF_A_SORT + 50)]
    rows = [row | {"video_id": f"v{n:010}", "first_seen_at": at} for n, at in enumerate(times)]
    db.session.execute(insert(Broadcast), rows)
    db.session.commit()
    put_aside(desk, desk.items())
    assert (len(desk.items()), len(desk.put_aside())) == (50, MOST_OF_A_SORT)
    assert len(desk.at_home("ada")) == 50


def test_hosts_that_were_put_aside_hide_nobody_who_joins(desk, cast, crowd):
    put_aside(desk, desk.items())
    hers = zoe_joins(desk, cast)
    for host in ("ada", "zoe"):
        for (item,) in (desk.items(host), desk.at_home(host)):
            assert item.startswith(hers)


def test_among_any_number_of_hosts_everybody_sees_what_he_has_to_do_himself(desk, cast, crowd):
    hers = zoe_joins(desk, cast)
    assert any(item.startswith(hers) for item in desk.items("zoe"))
    assert any(item.startswith(hers) for item in desk.at_home("zoe"))


def test_among_any_number_of_posts_everybody_sees_his_own(desk, crowd):
    """Bo's failed first; as many of others after it."""
    episode = past(desk, 1)
    own = desk.post(episode, "bo", "failed", "failed", cause="x_forbidden")
    others = EpisodeTweetConfig.user_id != desk.ids["bo"]
    made = db.session.execute(update(EpisodeTweetConfig).where(others).values(status="failed").returning(CONFIG_ID))
    plain = {"podcast_id": desk.show.id, "episode_id": episode.id, "status": "failed", "cause": "x_forbidden"}
    plain |= {"text": "On air", "not_after": desk.now, "created_at": desk.now}
    rows = [plain | {"key": f"live:{id}", "config_id": id} for id in made.scalars()]
    db.session.execute(insert(Post), rows)
    db.session.commit()
    assert len(rows) > MOST_OF_A_SORT
    assert f"failed:{own}" in desk.items("bo")
    assert f"failed:{own}" in desk.at_home("bo")


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_a_login_that_came_and_went_between_two_cleanings_is_missed_anew(desk, cast):
    zoe_joins(desk, cast)
    (before,) = desk.items()
    desk.aside(before)
    assert desk.items() == []
    cast.connect(db.session.get_one(User, desk.ids["zoe"]), now=desk.now)
    assert desk.items() == []
    get_services().connections.disconnect(desk.ids["zoe"], NOBODY, desk.now + timedelta(minutes=30))
    (after,) = desk.items(minutes=40)
    assert (after != before, len(after) < 100) == (True, True)
