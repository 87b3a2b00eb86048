"""Two hundred episodes of three hosts, drafted and posted in earnest: what it costs is told before, and is that."""

import random
from collections import Counter

import pytest
from sqlalchemy import func, select

from extensions import db
from models import Draft, EpisodeTweetConfig, Podcast, Post, User, WalletEntry
from models.podcast import EpisodeGuide
from sandbox.ai_words import LIES
from sandbox.x_limits import Limit
from services import prices
from services.draft_guard import judge
from services.draft_question import key_of
from services.draft_rows import load
from services.draft_text import alike
from services.episode_page import episode_page
from services.registry import get_services
from services.wallet_check import differences
from services.youtube_reference import watch_url
from tests.corpus import EPISODES, HOSTS, ORDER, episode
from tests.study import MODEL, a_study

#: spoken by every third draft at the first try
SHARE = 0.3


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def study(make_app, ai, youtube, x):
    x.rate_limits["POST /2/tweets"] = Limit()
    for made in a_study(make_app, ai, youtube, x, hosts=[host.lower() for host in HOSTS]):
        for host in HOSTS:
            made.cast.connect(db.session.get_one(User, made.ids[host.lower()]), now=made.now)
        yield made


def plan(study, chance, index):
    facts, planned = episode(chance, index)
    video = f"{index:011d}"
    about = {"at": planned, "number": facts.number, "guests": list(facts.guests), "notes": ORDER, "video_id": video}
    return study.plan(facts.title, **about)


def draft(study, chance, host, episode_id):
    """One click on the button, whose highest cost was told before. Answers whether its first answer was honest."""
    is_honest = chance.random() >= SHARE
    if not is_honest:
        study.ai.tricks.append(chance.choice(sorted(LIES)))
    config_id = study.config(host, episode_id).id
    told = study.told(host, episode_id)
    study.draft(host, episode=episode_id)
    tried = select(func.sum(Draft.cost), func.max(Draft.cap)).where(Draft.config_id == config_id)
    spent, _ = db.session.execute(tried).one()
    db.session.rollback()
    assert 0 < spent <= told
    return is_honest


def shown(study, host, episode_id):
    """The price beside the editor."""
    podcast, of = db.session.get_one(Podcast, study.show), db.session.get_one(EpisodeGuide, episode_id)
    mine = episode_page(podcast, of, db.session.get_one(User, study.ids[host]), study.now).mine
    assert mine is not None
    found = mine.prices.post(has_link=mine.has_link)
    db.session.rollback()
    return found


@pytest.mark.slow
@pytest.mark.calls_in_transaction
def test_what_600_drafts_and_posts_cost_is_told_before_and_charged_and_billed_the_same(study, x):
    chance, told, used = random.Random(7), dict[int, int](), Counter[str]()
    for index in range(EPISODES):
        episode_id = plan(study, chance, index)
        finals = []
        for host in (name.lower() for name in HOSTS):
            is_honest = draft(study, chance, host, episode_id)
            config = study.config(host, episode_id)
            subject = load(config.id, "new", study.drafts._writer)
            db.session.rollback()
            assert judge(config.draft, subject.brief) is None, (config.draft, subject.brief)
            first = study.rows(host, episode_id)[0]
            used["honest"] += is_honest
            used["honest, used"] += is_honest and first.status == "accepted"
            finals.append((config.draft.replace("{url}", watch_url(f"{index:011d}")), subject.brief))
            if index % 4 == 0:
                study.change(EpisodeTweetConfig, config.id, include_link=False)
            told[config.id] = shown(study, host, episode_id)
            get_services().by_hand.post_now(config.id, study.now)
        pairs = [(one, other) for at, one in enumerate(finals) for other in finals[:at]]
        assert all(alike(one[0], other[0], one[1]) < one[1].limit for one, other in pairs)
    assert used["honest, used"] >= 0.95 * used["honest"]
    get_services().posting.drain(study.now)
    assert x.attempts() == 3 * EPISODES
    charged = select(Post.config_id, func.sum(WalletEntry.cost)).join(WalletEntry, WalletEntry.post_id == Post.id)
    assert dict(db.session.execute(charged.group_by(Post.config_id)).all()) == told
    assert set(told.values()) == {200_000, 15_000}
    assert sum(told.values()) == x.spent_on("post", "post_url")
    asked = prices.current(study.now)
    counted = sum(asked.tokens(MODEL, read=one.read, written=one.written) for one in study.ai.billed)
    of_drafts = select(func.sum(WalletEntry.cost)).where(WalletEntry.key.startswith(key_of(0)[:-1]))
    assert db.session.execute(of_drafts).scalar_one() == counted
    assert differences() == []
