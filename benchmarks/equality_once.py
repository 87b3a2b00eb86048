"""Deeds that change a podcast's numbers only where something else was there before, each in a place where it does."""

from collections.abc import Callable, Container, Sequence
from datetime import timedelta

from sqlalchemy import select, update

from benchmarks.equality import Scene, after, numbers
from extensions import db
from models import Broadcast, BroadcastState, EpisodeGuide, Podcast, PodcastMember, Post, Role, SocialConnection, User
from services import episodes, figures_version, leaving, prices, tokens, users, wallet
from services.audit import NOBODY
from services.clients.values import Video
from services.clients.x_answers import Tokens
from services.errors import Outcome, Refused, Unknown
from services.looking import Looked
from services.periods import Kind
from services.registry import get_services
from services.sending import Sending
from services.tokens import Access, Refresh
from services.wallet import Order, Whose

#: the last of so many episodes is seen more than the others, which is told with its title
EPISODES, USUAL = 6, 100
#: micro-dollars
COST = 15_000


class Stage(Scene):
    """The scene, with episodes that were posted about, one of them for a broadcast."""

    def __init__(self) -> None:
        super().__init__()
        self.refresh: Refresh | None = None
        self.episodes, self.video_id = list[int](), "v0000000001"
        for number in range(EPISODES):
            self._posted(number)
        start = self.now - timedelta(minutes=3)
        times = {"actual_start_at": start, "live_seen_at": start, "first_seen_at": start}
        broadcast = Broadcast(video_id=self.video_id, state=BroadcastState.LIVE, **times)
        db.session.add(broadcast)
        db.session.flush()
        db.session.execute(update(Post).values(broadcast_id=broadcast.id))
        self._others()
        order = Order(key="charged", whose=Whose(self.podcast_id, self.hosts["ada"]), item=prices.POST, cost=COST)
        self.charged = wallet.charge(wallet.reserve(order, self.now), COST, self.now)
        self._all_changed()

    def _posted(self, number: int) -> None:
        episode = EpisodeGuide(podcast_id=self.podcast_id, title=f"Queues, part {number}")
        db.session.add(episode)
        db.session.commit()
        self.episodes.append(episode.id)
        self.make(number)
        at = len(self.posts) - 1
        db.session.execute(update(Post).where(Post.id == self.posts[at]).values(episode_id=episode.id))
        db.session.commit()
        self.go_out(at)
        last = number == EPISODES - 1
        db.session.rollback()
        self.show(at, 10 * USUAL if last else USUAL)

    def _others(self) -> None:
        """Di, who has posted and is not on the podcast; Eve, who is and has not; another podcast."""
        people = [User(email=f"{name}@example.com", name=name) for name in ("di", "eve")]
        elsewhere = Podcast(slug="small-talk", name="Small Talk")
        db.session.add_all([elsewhere, *people])
        db.session.flush()
        di, eve = (user.id for user in people)
        self.elsewhere = elsewhere.id
        db.session.add(PodcastMember(podcast_id=self.podcast_id, user_id=eve, role=Role.CONTRIBUTOR))
        db.session.commit()
        self._make_of(0, user_id=di)
        self.go_out(len(self.posts) - 1)
        self.hosts |= {"di": di, "eve": eve}

    def _make_of(self, n: int, **whose: int) -> None:
        self.make(n)
        db.session.execute(update(Post).where(Post.id == self.posts[-1]).values(**whose))
        db.session.commit()

    def _all_changed(self) -> None:
        figures_version.raise_for(db.session(), [self.podcast_id])
        db.session.commit()

    # Deeds

    def set_user(self, n: int) -> None:
        users.set_user("ada@example.com", active=bool(n), now=self.now)

    def connect_again(self, _: int) -> None:
        self.connect("ada")

    def begin_refresh(self, _: int) -> None:
        self.refresh = get_services().tokens.begin_refresh(self._login().id, self.now)

    def finish_refresh(self, n: int) -> None:
        results: tuple[Tokens | Outcome, ...] = (
            Unknown("no answer", cause="x_down"),
            Tokens(f"a{next(numbers)}", f"r{next(numbers)}", 7200, frozenset()),
            Refused("no", cause="x_auth", permanent=True),
        )
        assert self.refresh is not None
        get_services().tokens.finish_refresh(self.refresh, results[n], self.now)

    def note_refused(self, _: int) -> None:
        login = self._login()
        refused = Access(login.id, "", login.token_version)
        tokens.note_refused(db.session(), [refused], self.now, renewed={login.id})
        db.session.commit()

    def send_elsewhere(self, _: int) -> None:
        self._make_of(0, podcast_id=self.elsewhere)
        self._move(len(self.posts) - 1, "queued", "sending", attempt_token="t", attempts=1)

    def refuse_elsewhere(self, _: int) -> None:
        """A post of another podcast is refused because of the login, which is that of this one as well."""
        post, login = db.session.get_one(Post, self.posts.pop()), self._login()
        sending = Sending(
            post_id=post.id,
            key=post.key,
            token="t",
            number=1,
            text=post.text,
            access_token="",
            connection_id=login.id,
            platform_user_id=login.platform_user_id,
            not_after=self.now,
            version=login.token_version,
            can_refresh=True,
            previous_cause=None,
        )
        db.session.rollback()
        refused = Refused("no", cause="x_scope", permanent=True)
        get_services().posting._settle([(sending, refused)], self.now)  # noqa: SLF001

    def refund(self, _: int) -> None:
        wallet.refund(self.charged, COST, by=NOBODY, now=self.now)

    def retitle(self, _: int) -> None:
        episode = db.session.get_one(EpisodeGuide, self.episodes[-1])
        plan = episodes.Plan(title=f"Other queues {next(numbers)}")
        episodes.change_episode(episode.id, episode.version, plan, self.now)

    def delete_episode(self, _: int) -> None:
        episodes.delete_episode(db.session.get_one(EpisodeGuide, self.episodes[-1]), NOBODY, self.now)

    def correct_start(self, _: int) -> None:
        looks = get_services().live._broadcasts  # noqa: SLF001
        (known,) = looks.known(self.now, video_ids=[self.video_id])
        assert known.actual_start_at is not None
        start = known.actual_start_at + timedelta(minutes=2, seconds=30)
        facts = {"live_content": "live", "privacy": "public", "duration_seconds": 0}
        times = {"published_at": None, "scheduled_start_at": None, "actual_start_at": start, "actual_end_at": None}
        video = Video(id=self.video_id, channel_id="UC" + "a" * 22, title="Queues", **facts, **times)  # type: ignore[arg-type]
        looks.decide([known], {self.video_id: video}, self.now, Looked([]))
        db.session.commit()

    def leave(self, n: int) -> None:
        name = ("ada", "di", "eve")[n]
        leaving.delete_account(self.hosts[name], f"{name}@example.com", NOBODY, self.now)

    def _login(self) -> SocialConnection:
        query = select(SocialConnection).where(SocialConnection.user_id == self.hosts["ada"])
        return db.session.execute(query).scalar_one()


#: in this order
DEEDS: list[tuple[Callable[[Stage, int], None], int]] = [
    *[(Stage.join_or_leave, 1), (Stage.join_or_leave, 0), (Stage.switch, 0), (Stage.switch, 1)],
    *[(Stage.set_user, 0), (Stage.set_user, 1), (Stage.disconnect, 0), (Stage.connect_again, 0)],
    *[(Stage.wait, 1), (Stage.begin_refresh, 0), (Stage.finish_refresh, 0), (Stage.wait, 1)],
    *[(Stage.begin_refresh, 0), (Stage.finish_refresh, 1), (Stage.wait, 1)],
    *[(Stage.begin_refresh, 0), (Stage.finish_refresh, 2), (Stage.connect_again, 0)],
    *[(Stage.note_refused, 0), (Stage.connect_again, 0)],
    *[(Stage.send_elsewhere, 0), (Stage.refuse_elsewhere, 0)],
    # Who died while renewing leaves a login in doubt instead of one that may not post.
    *[(Stage.wait, 1), (Stage.begin_refresh, 0), (Stage.wait, 1), (Stage.begin_refresh, 0)],
    *[(Stage.pay, 0), (Stage.refund, 0)],
    *[(Stage.correct_start, 0), (Stage.retitle, 0), (Stage.delete_episode, 0), (Stage.move_away, 1)],
    *[(Stage.leave, 1), (Stage.leave, 2), (Stage.leave, 0)],
]
#: raise the version though a number need not differ: another zone has its own, and a former host's posts keep theirs
UNSEEN = frozenset({Stage.move_away, Stage.leave})


def after_each(
    stage: Stage, deeds: Sequence[tuple[Callable[..., None], int]], raising: Container[Callable[..., None]] = UNSEEN
) -> list[str]:
    """Does each once; returns what was not equal after it. `raising`: after these the version must be another one."""
    found = list[str]()
    for deed, n in deeds:
        before = _version(stage)
        found += after(stage, deed, n, Kind.WEEK)
        if deed in raising and _version(stage) == before:
            found.append(f"after {deed.__name__}: the version is still {before}")
    return found


def _version(stage: Stage) -> int:
    return figures_version.of(db.session(), stage.podcast_id)
