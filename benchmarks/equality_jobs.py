"""Kept numbers beside computed ones after drafts that are paid, and after what the release before has left behind."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import select, update

from benchmarks.ai_stand_in import BEGINNINGS, ENDINGS
from benchmarks.equality_once import Stage
from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Post, PostSnapshot, WishKind
from services import left_behind
from services.audit import Actor
from services.clients.ai import DEADLINE, Prompt
from services.clients.ai_answers import Answer
from services.draft_job import LOST, settle_lost
from services.drafting import DraftService
from services.errors import Unknown
from services.registry import get_services

#: what the release before counted into, as services/left_behind.py has it
OLD_STEP, LINK = 0, "https://example.com/left"


class Provider:
    """Answers with another text each time; or, if it is `silent`, nobody knows whether it did."""

    name, model = "openai", "gpt-5-mini"

    def __init__(self, *, silent: bool = False) -> None:
        self._silent, self._numbers = silent, count(1)

    def write(self, prompt: Prompt, *, max_tokens: int, now: datetime, deadline: float = DEADLINE) -> Answer:  # noqa: ARG002 - as all
        if self._silent:
            raise Unknown("no answer", cause="ai_no_answer")
        return Answer(f"{BEGINNINGS[next(self._numbers) % len(BEGINNINGS)]}. {ENDINGS[0]}", 40_000, 4_000)


class Desk(Stage):
    """The scene, with a planned episode that hosts ask drafts for."""

    def __init__(self) -> None:
        super().__init__()
        at = self.now + timedelta(days=2)
        episode = EpisodeGuide(podcast_id=self.podcast_id, title="Queues to come", scheduled_at=at)
        db.session.add(episode)
        db.session.flush()
        config = EpisodeTweetConfig(episode_id=episode.id, user_id=self.hosts["ada"])
        db.session.add(config)
        db.session.commit()
        self.config_id = config.id

    def draft(self, _: int) -> None:
        self._ask(Provider())

    def draft_unanswered(self, _: int) -> None:
        self._ask(Provider(silent=True))

    def settle_unanswered(self, _: int) -> None:
        self.now += 2 * LOST
        settle_lost(self.now)

    def _ask(self, provider: Provider) -> None:
        drafts = DraftService(provider, get_services().writer)
        drafts.draft(self.config_id, WishKind.NEW, Actor(self.hosts["ada"], ""), self.now)

    def count_as_before(self, n: int) -> None:
        """The release before writes counts, without a word to anybody; and they are taken over."""
        db.session.add(PostSnapshot(post_id=self.posts[0], step=OLD_STEP, at=self.now, impressions=1_000 + n, likes=7))
        db.session.commit()
        left_behind.take_over(self.now)

    def link_as_before(self, _: int) -> None:
        """The release before has sent a link, and not said so."""
        (post_id,) = db.session.execute(
            select(Post.id).where(~Post.has_link, Post.counted_at.is_not(None)).limit(1)
        ).one()
        db.session.execute(update(Post).where(Post.id == post_id).values(text=f"On air {LINK}"))
        db.session.commit()
        left_behind.take_over(self.now)


#: in this order
DEEDS: list[tuple[Callable[[Desk, int], None], int]] = [
    *[(Desk.draft, 0), (Desk.draft_unanswered, 0), (Desk.settle_unanswered, 0)],
    *[(Desk.count_as_before, 0), (Desk.link_as_before, 0)],
]
#: that nobody knows the answer costs nothing before the night
RAISING = frozenset({Desk.draft, Desk.settle_unanswered, Desk.count_as_before, Desk.link_as_before})
