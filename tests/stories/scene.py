"""One show with all that can be seen of it: for pictures of every page, and for axe."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from playwright.sync_api import Page

from extensions import db
from models import (
    EpisodeGuide,
    Notice,
    NoticeAddress,
    NoticeNetwork,
    NoticeSending,
    Podcast,
    PodcastMember,
    Role,
    User,
    UserSession,
    YouTubeChannel,
)
from sandbox.standin import Fault, Request
from services import first_admin, invitations, password_links, rehearsal, second_step, wallet
from services.audit import Actor
from services.causes import explain
from services.money import DOLLAR
from services.notice_addresses import Wanted, set_address, stop_path
from services.notices import NoticeService
from services.passwords import hash_password
from services.registry import get_services
from services.wallet import Order, Whose
from tests.browser import PASSWORD, Browser
from tests.cast import Cast
from tests.stories.conftest import WIDE
from tests.stories.pages import Shown, press

ZONE = "Australia/Sydney"
#: of the show that comes next
AHEAD = timedelta(minutes=9, seconds=40)
OWN = "We're live: {title}, with {guest}.\n\nBring the worst queue you ever met.\n{url}"
WEBHOOKS = {
    NoticeNetwork.DISCORD: "https://discord.com/api/webhooks/1234567890/" + "s" * 68,
    NoticeNetwork.SLACK: "https://hooks.slack.com/services/T0000AAAA/B0000BBBB/" + "s" * 24,
}
NAMES = {
    "ada": "Ada Lindqvist",
    "bo": "Bo Tran",
    "cy": "Cy Okafor",
    "di": "Di Marchetti",
    "fay": "Fay Brandt",
    "gus": "Gus Ahlgren",
}


@dataclass(frozen=True)
class Says(Fault):
    """Spoils the answers to requests whose body has these words."""

    words: bytes = b""

    def fits(self, request: Request) -> bool:
        return self.words in request.get_data() and super().fits(request)


@dataclass
class Scene:
    """`paths` are the values of the names in braces; `live` is the video of the planned show."""

    cast: Cast
    paths: dict[str, str] = field(default_factory=dict)
    live: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        self.actor = Actor(address="192.0.2.7")

    def empty(self) -> "Scene":
        link = first_admin.offer(self.now)
        assert link is not None
        self.paths["setup"] = path_of(link)
        return self

    def full(self) -> "Scene":
        self._people()
        self._addresses()
        self._past()
        self._next()
        self._beside()
        self._money()
        self.cast.youtube.now = self.cast.x.now = lambda: datetime.now(UTC)
        self.cast.check()
        for channel in db.session.execute(db.select(YouTubeChannel)).scalars():
            channel.title = self.cast.youtube.channels[channel.id].title
        db.session.commit()
        self._notices()
        return self

    def go_live(self) -> None:
        """The planned show is on air."""
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=4)
        db.session.get_one(EpisodeGuide, int(self.paths["next"])).scheduled_at = start
        self.live = self.cast.go_live(self.show, "Queues, and how they end", at=start)
        self.cast.check()

    def go_live_unmatched(self) -> None:
        """The planned show is over, and a stream runs that no episode fits."""
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=70)
        self.cast.youtube.end(self.live, at=start)
        self.cast.check()
        self.cast.go_live(self.show, "Listener mail, live", at=start + timedelta(seconds=20))
        self.cast.check()

    def hold_time(self) -> None:
        """However long the pictures take: the show stays ahead until it goes live, passwords were given now."""
        now = datetime.now(UTC).replace(microsecond=0)
        db.session.execute(db.update(UserSession).values(confirmed_at=now))
        if "next" in self.paths and not self.live:
            db.session.get_one(EpisodeGuide, int(self.paths["next"])).scheduled_at = now + AHEAD
        db.session.commit()

    def path(self, page: Shown) -> str:
        return page.path.format(**self.paths)

    # What there is

    @property
    def show(self) -> Podcast:
        return db.session.get_one(Podcast, int(self.paths["show"]))

    def person(self, name: str) -> User:
        return db.session.execute(db.select(User).filter_by(email=f"{name}@example.com")).scalar_one()

    def _people(self) -> None:
        password = hash_password(PASSWORD)
        for name, called in NAMES.items():
            user = self.cast.user(name, timezone="Europe/Berlin" if name == "ada" else ZONE, password_hash=password)
            if name in ("ada", "bo", "cy"):
                self.cast.connect(user, now=self.now)
            user = self.person(name)
            user.name, user.is_admin, user.never_repost = called, name == "ada", name == "ada"
            db.session.commit()
        show = self.cast.show("Deep Dive", hosts=("ada", "bo", "cy"), connected=False, timezone=ZONE)
        show.auto_create_episodes = False
        self.paths["show"] = str(show.id)
        for name in ("bo", "cy"):
            self._member(name).role = Role.CONTRIBUTOR
        db.session.commit()

    def _member(self, name: str) -> PodcastMember:
        query = db.select(PodcastMember).filter_by(podcast_id=int(self.paths["show"]), user_id=self.person(name).id)
        return db.session.execute(query).scalar_one()

    def _addresses(self) -> None:
        services, ada = get_services(), Actor(self.person("ada").id, "192.0.2.7")
        for network, address in WEBHOOKS.items():
            wanted = Wanted(network, address, everything=True)
            set_address(wanted, services.vault, services.settings, ada, self.now - timedelta(days=3))

    # What was

    def _past(self) -> None:
        self._aired("What a cache forgets", 109, days=21)
        self._aired("Clocks", 110, days=14)
        self.paths["past"] = str(self._aired("Names and other hard things", 111, days=7).id)
        self.cast.x.faults.append(Says(method="POST", path="^/2/tweets$", status=503, words=b"Ada here"))
        self.paths["review"] = str(self._aired("Retries, live", None, minutes=95).id)
        self._unmatched("Office hours: ask us anything", days=1)

    def _aired(self, title: str, number: int | None, **before: float) -> EpisodeGuide:
        """An episode that went out so long ago, posted by the real jobs at that time."""
        start = self.now - timedelta(**before)
        episode = self.cast.episode(self.show, title, at=start, number=number)
        episode_id = episode.id
        for name in ("ada", "bo", "cy"):
            config = self.cast.config(episode, name)
            config.text = f"{NAMES[name].split()[0]} here. We're live: {{title}} {{url}}"
        self._run(title, start)
        return db.session.get_one(EpisodeGuide, episode_id)

    def _run(self, title: str, start: datetime) -> None:
        at = start
        self.cast.youtube.now = self.cast.x.now = lambda: at
        video = self.cast.go_live(self.show, title, at=start)
        at = start + timedelta(seconds=4)
        self.cast.check(at)
        for _ in range(20):
            at += timedelta(seconds=5)
            get_services().confirming.look_up(at)
            get_services().posting.drain(at)
        at = start + timedelta(minutes=62)
        self.cast.youtube.end(video, at=at)
        at += timedelta(minutes=1)
        self.cast.check(at)
        db.session.commit()

    def _unmatched(self, title: str, **before: float) -> None:
        self._run(title, self.now - timedelta(**before))

    # What comes

    def _next(self) -> None:
        db.session.add(PodcastMember(podcast_id=int(self.paths["show"]), user_id=self.person("di").id))
        db.session.commit()
        start = self.now + AHEAD
        title = "Queues, and how they end"
        soon = self.cast.episode(self.show, title, at=start, number=112, guests=["Nell Abara"])
        later = self.cast.episode(self.show, "Backups nobody restored", at=start + timedelta(days=7), number=113)
        self.paths |= {"next": str(soon.id), "later": str(later.id)}
        self.cast.config(soon, "ada").text = OWN
        self.cast.config(soon, "bo").draft = "{show} is on: {title}. {guest} joins us. {url}"
        self.cast.config(soon, "cy").enabled = False
        self.cast.config(later, "ada").text = "Everybody has backups until the day they need one. " * 6 + "{url}"
        db.session.commit()

    # What lies beside it

    def _beside(self) -> None:
        now, ada = self.now, Actor(self.person("ada").id, "192.0.2.7")
        made = invitations.invite(int(self.paths["show"]), "eve@example.com", "contributor", ada, now)
        self.paths["invitation"] = path_of(made.link)
        self.paths["password"] = path_of(password_links.make_for(self.person("di"), ada, now))
        fresh = self.cast.show("Morning Standup", hosts=("fay",), connected=False, youtube_channel_id=None)
        self.paths["fresh"] = str(fresh.id)
        channel = self.cast.youtube.add_channel("Morning Standup", handle="morningstandup")
        for title in ("Morning Standup 41: Maps", "Out-takes", "Morning Standup 40: Keys"):
            self.cast.youtube.upload(channel, title)
        self.cast.youtube.now = self.cast.x.now = lambda: now
        rehearsal.rehearse(self.show, ada, now)
        second_step.propose(self.person("bo").id, get_services().vault)
        second_step.propose(self.person("cy").id, get_services().vault)
        self.person("cy").totp_on = True
        db.session.commit()

    def _money(self) -> None:
        """Money paid in, also for one host alone, a limit and a budget, and posts and drafts of two months."""
        show, ada = Whose(int(self.paths["show"])), Actor(self.person("ada").id, "192.0.2.7")
        hosts = [Whose(show.podcast_id, self.person(name).id) for name in ("ada", "bo", "cy")]
        now = self.now - timedelta(days=40)
        wallet.top_up(show, 9 * DOLLAR, key="first", by=ada, now=now, note="A third of the X credits")
        wallet.transfer(show, hosts[1], DOLLAR, key="bo", by=ada, now=now)
        for number in range(24):
            item, cost = (("x_post_link", 200_000), ("x_post", 15_000), ("ai:gpt-5-mini", 2_345))[number % 3]
            order = Order(key=f"seen:{number}", whose=hosts[number // 3 % 3], item=item, cost=cost)
            now = self.now - timedelta(days=3 if number > 11 else 35)
            wallet.charge(wallet.reserve(replace(order, episode_id=int(self.paths["past"])), now), cost, now)
        rules = wallet.Rules(is_limited=True, allowance=5 * DOLLAR, budget=3 * DOLLAR)
        wallet.set_rules(show, rules, ada, self.now)

    def _notices(self) -> None:
        """What people were told, and where Ada wants it: by Discord, and by a Slack channel that is gone."""
        services = get_services()
        discord, slack = db.session.execute(db.select(NoticeAddress).order_by(NoticeAddress.id)).scalars()
        discord.last_sent_at = self.now - timedelta(minutes=50)
        slack.is_broken, slack.error = True, explain("notice_gone")
        self.paths["stop"] = stop_path(discord, services.settings.secret_key)
        db.session.commit()
        NoticeService(services.settings).make(self.now)
        db.session.execute(db.delete(NoticeSending), execution_options={"synchronize_session": False})
        read = db.update(Notice).where(Notice.kind == "live").values(read_at=self.now)
        db.session.execute(read, execution_options={"synchronize_session": False})
        db.session.commit()


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


class Windows:
    """A browser window for each of the people, opened when it is first needed."""

    def __init__(self, visit: Callable[..., Any], scene: Scene) -> None:
        self._visit, self._scene = visit, scene
        self._visitors: dict[str, Any] = {}

    def open(self, shown: Shown) -> Page:
        if shown.who not in self._visitors:
            self._visitors[shown.who] = self._visit(color_scheme="light")
            self._let_in(shown.who)
        self._scene.hold_time()
        visitor = self._visitors[shown.who]
        visitor.page.set_viewport_size(WIDE)
        page: Page = visitor.open(self._scene.path(shown))
        if shown.then is not None:
            shown.then(page)
        return page

    def _let_in(self, who: str) -> None:
        """ "half" has given the right password, and no code yet."""
        visitor = self._visitors[who]
        if who == "half":
            page = visitor.open("/sign-in")
            page.get_by_label("E-mail").fill("cy@example.com")
            page.get_by_label("Password").fill(PASSWORD)
            press("Sign in")(page)
        elif who != "nobody":
            name = current_app.config["SESSION_COOKIE_NAME"]
            browser = Browser(current_app, keep_limits=True)
            browser.let_in(self._scene.person(who))
            cookie = browser.client.get_cookie(name)
            visitor.context.add_cookies([{"name": name, "value": cookie.value, "url": visitor.site}])
