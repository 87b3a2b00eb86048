"""Where drafts are written: hosts of an episode, an application that asks the AI stand-in, and what came of it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from extensions import db
from models import Draft, EpisodeGuide, Podcast, PodcastMember, User, Voice
from sandbox.ai import AiProvider
from services import draft_caps, draft_rows, wallet
from services.audit import Actor
from services.registry import get_services
from services.wallet import Whose
from services.wallet_check import differences
from tests.cast import Cast
from tests.conftest import is_held_open

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
KEY, MODEL = "sk-study", "gpt-5-mini"


def asking(ai: AiProvider) -> dict[str, str]:
    """The settings of an application that asks this provider."""
    return {"ai_provider": "openai", "ai_api_key": KEY, "ai_base_url": f"{ai.url}/v1", "ai_model": MODEL}


class Study:
    """Deep Dive with its hosts, and one episode of it this evening. Make it in the context of its application."""

    def __init__(self, ai, youtube, x, hosts=("ada", "bo"), **columns):
        self.ai, self.now = ai, NOW
        self.cast = Cast(get_services(), youtube, x)
        self.show = self.cast.show(hosts=hosts, connected=False, **columns).id
        query = select(User.name, User.id).join(PodcastMember, PodcastMember.user_id == User.id)
        self.ids = {name.lower(): id for name, id in db.session.execute(query)}
        self.kept_waiting: list[str] = []
        ai.watchers.append(self._watch)
        self.episode = self.plan()

    def _watch(self, request):
        if is_held_open():
            self.kept_waiting.append(request.path)

    @property
    def drafts(self):
        return get_services().drafts

    # Who there is

    def plan(self, title="Why queues grow", **columns):
        plan = {"at": NOW + timedelta(hours=8), "number": 112, "guests": ["Grace Hopper"]} | columns
        episode = self.cast.episode(db.session.get_one(Podcast, self.show), title, **plan).id
        db.session.commit()
        return episode

    def config(self, host="ada", episode=None):
        found = self.cast.config(db.session.get_one(EpisodeGuide, episode or self.episode), host)
        db.session.expunge(found)
        db.session.rollback()
        return found

    def as_host(self, host="ada"):
        return Actor(self.ids[host], "::1")

    def told(self, host="ada", episode=None):
        """What is said before the click that a draft costs at most, in micro-dollars."""
        about = db.session.get_one(Podcast, self.show), db.session.get_one(EpisodeGuide, episode or self.episode)
        return draft_caps.told_now(*about, self.now)[self.ids[host]]

    def voice(self, host="ada", **columns):
        db.session.add(Voice(user_id=self.ids[host], **columns))
        db.session.commit()

    def change(self, model, id, **columns):
        for name, value in columns.items():
            setattr(db.session.get_one(model, id), name, value)
        db.session.commit()

    # Doing

    def draft(self, host="ada", wish="new", *, by=None, episode=None, **more):
        config_id = self.config(host, episode).id
        return self.drafts.draft(config_id, wish, by or self.as_host(host), self.now, **more)

    # What came of it

    def rows(self, host="ada", episode=None):
        """Oldest first."""
        found = draft_rows.newest(self.config(host, episode).id)
        db.session.expunge_all()
        db.session.rollback()
        return found[::-1]

    def reasons(self, host="ada"):
        return [row.reason for row in self.rows(host)]

    def stands(self):
        """(balance, held) of the podcast's wallet."""
        found = wallet.bulk_get_balances([Whose(self.show)])[Whose(self.show)]
        db.session.rollback()
        assert differences() == []
        db.session.rollback()
        return found.balance, found.held

    def is_settled(self):
        """Nobody was asked inside a transaction, and what the rows say was spent is what the wallet says."""
        assert self.kept_waiting == []
        spent = sum(row.cost or 0 for row in db.session.execute(select(Draft)).scalars())
        db.session.rollback()
        assert self.stands() == (-spent, 0)
        return True


def a_study(make_app, ai, youtube, x, **more):
    """For a fixture: a study whose application asks the stand-in."""
    ai.keys = {KEY}
    with make_app(**asking(ai)).app_context():
        yield Study(ai, youtube, x, **more)
        db.session.rollback()
