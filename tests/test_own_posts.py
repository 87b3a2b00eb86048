"""A host's own last posts, read at X for his voice: told what it costs, paid, filled in and not saved."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from extensions import db
from models import PodcastMember, SocialConnection, Voice, WalletEntry
from sandbox.standin import Fault
from services import own_posts, wallet
from services.audit import NOBODY
from services.wallet import Rules, Whose
from services.wallet_check import differences
from tests.browser import words
from tests.conftest import is_held_open
from tests.test_draft_pages import Desk

VOICE, READ = "/profile/voice", "/profile/voice/read"
COST = 5_000


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast, x):
    """Of Ada and Bo; Ada has posted twelve times at X by hand."""
    found = cast.show(hosts=("ada", "bo"))
    account = next(one for one in x.accounts if one.username == "ada")
    for number in range(12):
        x.post_by_hand(account, f"Post {number} of mine")
    return found.id


@pytest.fixture
def desk(app, show):
    return Desk(app)


def told_on(page):
    return page.text.split('name="told" value="')[1].split('"')[0]


def read(desk, show, **typed):
    return desk.send(READ, VOICE, **{"payer": str(show), "told": str(10 * COST)} | typed)


def spent():
    found = db.session.execute(select(func.coalesce(func.sum(WalletEntry.cost), 0))).scalar_one()
    db.session.rollback()
    return found


def asked(x):
    return [entry for entry in x.asked("GET") if entry.path.endswith("/tweets")]


def test_the_last_posts_are_filled_in_at_the_price_that_was_told_and_not_saved(desk, show, x):
    kept_waiting = []
    x.watchers.append(lambda request: kept_waiting.append(request.path) if is_held_open() else None)
    page = desk.get(VOICE)
    assert "Read my last posts at X up to $0.05" in words(page)
    assert told_on(page) == str(10 * COST)
    answer = read(desk, show, tone="Half a tho")
    assert answer.status_code == 200
    assert "Post 11 of mine\n---\nPost 10 of mine" in answer.text
    assert "Post 1 of mine" not in answer.text
    assert "Half a tho</textarea>" in answer.text
    assert "They are not saved yet." in words(answer)
    assert db.session.execute(select(Voice)).all() == []
    (request,) = asked(x)
    assert (request.query["max_results"], request.query["exclude"]) == ("10", "replies,retweets")
    assert spent() == 10 * COST == x.spent_on("read")
    assert kept_waiting == []
    assert differences() == []


def test_the_same_posts_cost_once_in_a_day(desk, show):
    read(desk, show)
    read(desk, show)
    assert spent() == 10 * COST


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 402}, "credits"),
        ({"status": 429}, "limit"),
        ({"status": 401}, "Connect X"),
        ({"status": 503}, "X"),
        ({"hang_up": "before"}, "X"),
    ],
)
def test_what_x_says_instead_is_told_and_nothing_is_overwritten(desk, show, x, fault, said):
    x.faults.append(Fault(method="GET", path="/tweets$", **fault))
    answer = read(desk, show, examples="What I pasted")
    assert answer.status_code == 422
    assert said in words(answer)
    assert "What I pasted</textarea>" in answer.text
    assert spent() == 0


@pytest.mark.parametrize("typed", [{"payer": ""}, {"payer": "x"}, {"payer": "999"}, {"payer": "9" * 30}, {"told": "1"}])
def test_who_does_not_say_who_pays_or_was_told_less_reads_nothing(desk, show, x, typed):
    answer = read(desk, show, **typed)
    assert answer.status_code == 422
    assert asked(x) == []
    assert spent() == 0


def test_a_wallet_whose_limit_does_not_cover_it_pays_nothing(desk, show, x):
    wallet.set_rules(Whose(show), Rules(is_limited=True), NOBODY, datetime.now(UTC))
    answer = read(desk, show)
    assert "Reading costs up to $0.05, and the wallet that pays for you has $0.00 left." in words(answer)
    assert asked(x) == []


def test_with_several_podcasts_one_is_chosen_and_another_ones_wallet_is_none_of_them(desk, show, cast):
    second = cast.show("Small Talk", hosts=("ada",)).id
    foreign = cast.show("Foreign", hosts=("cy",)).id
    assert "Which podcast pays" in words(desk.get(VOICE))
    assert read(desk, foreign).status_code == 422
    assert read(desk, second).status_code == 200
    paid = db.session.execute(select(WalletEntry.podcast_id).where(WalletEntry.cost > 0)).scalars().all()
    assert set(paid) == {second}


def test_who_is_on_no_podcast_or_not_connected_is_told_so_and_has_what_airhorn_posted(desk, show, x):
    db.session.execute(PodcastMember.__table__.delete())
    db.session.commit()
    assert "you are on no podcast whose wallet could pay" in words(desk.get(VOICE))
    assert "you are on no podcast whose wallet could pay" in words(read(desk, show))
    db.session.execute(SocialConnection.__table__.delete())
    db.session.commit()
    page = words(desk.get(VOICE))
    assert "Read my last posts at X" not in page
    assert "Fill in what Airhorn posted" in page
    assert asked(x) == []


def test_what_is_no_connection_any_more_reads_nothing(desk, show, x):
    db.session.execute(SocialConnection.__table__.delete())
    db.session.commit()
    assert "X is not connected" in words(read(desk, show))
    assert asked(x) == []


def test_somebody_who_has_posted_nothing_but_replies_is_told_so(desk, show, x):
    x.posts.clear()
    answer = read(desk, show, examples="What I pasted")
    assert "X shows no posts of yours but replies and reposts." in words(answer)
    assert "What I pasted</textarea>" in answer.text
    assert spent() == 0


def test_the_offer_takes_three_statements(app, show, cast):
    user = db.session.execute(select(SocialConnection.user_id)).scalars().first()
    found = own_posts.offer(user, cast.youtube.now())
    db.session.rollback()
    assert (found.username, found.cost, [name for _, name in found.payers]) == ("ada", 10 * COST, ["Deep Dive"])
