"""What is written into the audit log: each kind of deed, done once in the browser, or by the command that does it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyotp
import requests
from sqlalchemy import delete, select, update

from extensions import db
from models import (
    Broadcast,
    Dismissal,
    EpisodeGuide,
    Installation,
    NoticeAddress,
    OneTimeLink,
    Podcast,
    Post,
    PostStatus,
    User,
)
from services import attention, draft_choices, draft_wishes, first_admin, prices, wallet
from services.audit import Actor, Kind
from services.registry import get_services
from services.wallet import Rules, Whose
from tests.browser import PASSWORD, Browser

#: where a path of ours begins
HERE = "http://127.0.0.1:5000"
CODE = re.compile(r"<code>([a-z0-9-]{19})</code>")
WEBHOOK = "https://discord.com/api/webhooks/1234567890/" + "s" * 68
LINK = re.compile(rf'value="{HERE}(/invitations/[\w-]{{43}})"')


class House:
    """Ada runs the server and the podcast, Bo is a host on it; Ada is signed in."""

    def __init__(self, app, cast):
        self.app, self.cast, self.x = app, cast, cast.x
        self.show = cast.show(hosts=("ada", "bo")).id
        self.ada, self.bo = (self.user(name) for name in ("ada", "bo"))
        db.session.execute(update(User).where(User.id == self.ada).values(is_admin=True))
        episode = cast.episode(db.session.get_one(Podcast, self.show), "Queues")
        self.episode = episode.id
        db.session.commit()
        self.browser = Browser(app)
        self.browser.let_in(db.session.get_one(User, self.ada))

    def user(self, name):
        return db.session.execute(select(User.id).where(User.email == f"{name}@example.com")).scalar_one()

    def post(self, path, data=None, form=""):
        answer = self.browser.post(path.format(**vars(self)), data, form=form)
        assert answer.status_code in (200, 302, 303), (answer.status_code, answer.text[-1500:])
        return answer

    def to_x(self, **chosen):
        page = self.post("/connections/x/connect").text.replace("&amp;", "&")
        url = page.split('content="0; url=')[1].split('"')[0]
        return requests.get(url, params=chosen, allow_redirects=False, timeout=60).headers["Location"]

    def from_x(self, **chosen):
        self.browser.get(self.to_x(**chosen).removeprefix(HERE))

    def give_password(self):
        """Ada's sign-in page instead of a ready session."""
        user = db.session.get_one(User, self.ada)
        self.browser.sign_in(user)
        self.browser.post("/sign-out")
        db.session.rollback()

    def invitation(self):
        page = self.post("/podcasts/{show}/invitations", {"email": "new@example.com", "role": "contributor"})
        self.invited = LINK.search(page.text)[1]
        self.link = db.session.execute(select(OneTimeLink.id)).scalar_one()
        db.session.rollback()

    def somebody_new(self):
        """Has an account, is signed in, and is on nothing."""
        self.new = self.cast.user("new").id
        self.browser = Browser(self.app)
        self.browser.let_in(db.session.get_one(User, self.new))

    def accept(self):
        guest, typed = Browser(self.app), {"name": "New", "timezone": "UTC", "password": PASSWORD}
        assert guest.post(self.invited, typed, form=self.invited).status_code == 302
        self.new = self.user("new")

    def quarantine(self):
        db.session.add(Installation(id=1, instance_id="0" * 32, quarantined_at=datetime.now(UTC), cause="db_replaced"))
        db.session.commit()

    def second_step(self):
        page = "/profile/second-step"
        self.post(f"{page}/begin", form=page)
        key = self.key = re.search(r'id="key">([A-Z2-7 ]+)<', self.browser.get(page).text)[1].replace(" ", "")
        self.codes = CODE.findall(self.post(f"{page}/on", {"code": pyotp.TOTP(key).now()}, form=page).text)

    def half_way(self):
        """The password was given, the code was not."""
        self.second_step()
        self.give_password()
        sign_in(PASSWORD)(self)

    def give_code(self, code):
        return self.browser.post("/sign-in/code", {"code": code}, form="/sign-in/code")

    def nobody_left(self):
        db.session.execute(update(Post).values(user_id=None))
        db.session.execute(delete(User))
        db.session.commit()
        self.setup = first_admin.offer(datetime.now(UTC)).removeprefix(HERE)

    def first_account(self):
        typed = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD, "timezone": "UTC"}
        assert Browser(self.app).post(self.setup, typed, form=self.setup).status_code == 302
        self.ada = self.user("ada")

    def new_podcast(self):
        answer = self.post("/podcasts/new", {"name": "Small Talk", "timezone": "UTC"})
        self.show = int(answer.location.rpartition("/")[2])

    def settings(self, path, **changed):
        """Sends a form of the podcast as it is shown, changed."""
        path = f"/podcasts/{self.show}/{path}"
        version = re.search(r'name="version"[^>]*value="([^"]*)"', self.browser.get(path).text)[1]
        self.post(path, {"version": version, **changed})

    def unsure(self):
        """A post of Ada that nobody knows the fate of."""
        now, config = datetime.now(UTC), self.cast.config(self.planned(), "ada")
        post = Post(
            key="live:1",
            config_id=config.id,
            podcast_id=self.show,
            episode_id=self.episode,
            user_id=self.ada,
            text="We are live",
            status=PostStatus.REVIEW,
            cause="not_found",
            not_after=now,
            unknown_since=now,
        )
        db.session.add(post)
        db.session.flush()
        self.post_id = post.id
        db.session.commit()

    def planned(self):
        return db.session.get_one(EpisodeGuide, self.episode)

    def put_stream_aside(self):
        podcast, item = db.session.get_one(Podcast, self.show), f"stream:{self.stream}:unmatched"
        by, now, good = Actor(self.ada, "::1"), datetime.now(UTC), attention.HowLong.GOOD
        attention.put_aside(podcast, [item], good, by, now, is_admin=True)

    def bring_stream_back(self):
        podcast, (row,) = db.session.get_one(Podcast, self.show), db.session.execute(select(Dismissal.id)).all()
        attention.bring_back(podcast, row.id, Actor(self.ada, "::1"), datetime.now(UTC), is_admin=True)

    def unmatched(self):
        channel = db.session.get_one(Podcast, self.show).youtube_channel_id
        stream = Broadcast(video_id="0" * 11, channel_id=channel, verdict="unmatched", podcast_id=self.show)
        db.session.add(stream)
        db.session.flush()
        self.stream = stream.id
        db.session.commit()

    def change_prices(self):
        now = datetime.now(UTC)
        prices.change({"x_post": 20_000}, now, Actor(self.ada, "::1"), now)

    def limit_wallet(self):
        whose, rules = Whose(self.show, self.bo), Rules(is_limited=True)
        wallet.set_rules(whose, rules, Actor(self.ada, "::1"), datetime.now(UTC))

    def choose_draft(self):
        now, by = datetime.now(UTC), Actor(self.ada, "::1")
        config_id = self.cast.config(self.planned(), "ada").id
        drafted = get_services().drafts.draft(config_id, "new", by, now)
        draft_choices.use(drafted.draft_id, by, now)

    def command(self, *arguments):
        db.session.rollback()
        result = self.app.test_cli_runner().invoke(args=arguments)
        assert result.exit_code == 0, result.output


@dataclass
class Deed:
    """`act` is done through the browser after `before`. `actor`: whose id it is in the house; None when
    nobody is signed in."""

    act: Callable[[House], object]
    before: Callable[[House], object] = lambda _house: None
    actor: str | None = "ada"
    subject: str | None = None
    about_podcast: bool = False
    detail: dict = field(default_factory=dict)
    #: kinds of lines that the same click writes as well
    besides: tuple[Kind, ...] = ()
    #: empty for a command
    address: str = "127.0.0.1"


def sign_in(password):
    return lambda house: house.browser.post("/sign-in", {"email": "ada@example.com", "password": password})


def on(path, data=None):
    return lambda house: house.post(path, data)


#: a new kind of event gets its line here
DEEDS: dict[Kind, Deed] = {
    Kind.SIGNED_IN: Deed(sign_in(PASSWORD), House.give_password),
    Kind.SIGN_IN_FAILED: Deed(sign_in("something else"), House.give_password, actor=None, subject="ada"),
    Kind.SIGNED_OUT: Deed(on("/sign-out")),
    Kind.SIGNED_OUT_EVERYWHERE: Deed(on("/profile/sessions/end-all")),
    Kind.CONFIRMED: Deed(
        on("/confirm", {"password": PASSWORD, "next": "/"}), lambda h: (h.give_password(), sign_in(PASSWORD)(h))
    ),
    Kind.X_CONNECTED: Deed(lambda h: h.from_x(**{"as": "ada"})),
    Kind.X_REFUSED: Deed(lambda h: h.from_x(deny="1"), detail={"cause": "denied"}),
    Kind.X_DISCONNECTED: Deed(on("/connections/x/disconnect")),
    Kind.USER_OFF: Deed(on("/admin/people/{bo}/off"), subject="bo"),
    Kind.USER_ON: Deed(on("/admin/people/{bo}/on"), on("/admin/people/{bo}/off"), subject="bo"),
    Kind.ADMIN_GIVEN: Deed(on("/admin/people/{bo}/give-admin"), subject="bo"),
    Kind.ADMIN_TAKEN: Deed(on("/admin/people/{bo}/take-admin"), on("/admin/people/{bo}/give-admin"), subject="bo"),
    Kind.PASSWORD_LINK_MADE: Deed(on("/admin/people/{bo}/link"), subject="bo"),
    Kind.ROLE_CHANGED: Deed(
        on("/podcasts/{show}/hosts/{bo}/role", {"role": "contributor"}), subject="bo", about_podcast=True
    ),
    Kind.HOST_REMOVED: Deed(on("/podcasts/{show}/hosts/{bo}/remove"), subject="bo", about_podcast=True),
    Kind.INVITED: Deed(House.invitation, about_podcast=True),
    Kind.INVITATION_TAKEN_BACK: Deed(
        lambda h: h.post(f"/podcasts/{h.show}/invitations/{h.link}/take-back"),
        House.invitation,
        about_podcast=True,
    ),
    Kind.PODCAST_ARCHIVED: Deed(on("/podcasts/{show}/archive"), about_podcast=True),
    Kind.PODCAST_RESTORED: Deed(on("/podcasts/{show}/restore"), on("/podcasts/{show}/archive"), about_podcast=True),
    Kind.PODCAST_DELETED: Deed(on("/podcasts/{show}/delete", {"typed": "Deep Dive"}), about_podcast=True),
    Kind.CALENDAR_RENEWED: Deed(on("/podcasts/{show}/calendar"), about_podcast=True),
    Kind.EPISODE_DELETED: Deed(on("/podcasts/{show}/episodes/{episode}/delete"), about_podcast=True),
    Kind.TEXT_CHANGED: Deed(on("/podcasts/{show}/episodes/{episode}/tweets/my", {"text": "Mine"}), about_podcast=True),
    Kind.SWITCHED_OFF: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/my", {"enabled": "off"}), about_podcast=True
    ),
    Kind.SWITCHED_ON: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/my", {"enabled": "on"}),
        on("/podcasts/{show}/episodes/{episode}/tweets/my", {"enabled": "off"}),
        about_podcast=True,
    ),
    Kind.POSTED_NOW: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/post-now", {"without_link": "y"}), about_podcast=True
    ),
    Kind.CODE_FAILED: Deed(lambda h: h.give_code("000000"), House.half_way, actor=None, subject="ada"),
    Kind.RECOVERY_CODE_USED: Deed(
        lambda h: h.give_code(h.codes[2]), House.half_way, detail={"left": 7}, besides=(Kind.SIGNED_IN,)
    ),
    Kind.SECOND_STEP_ON: Deed(House.second_step),
    Kind.SECOND_STEP_OFF: Deed(on("/profile/second-step/off"), House.second_step),
    Kind.RECOVERY_CODES_MADE: Deed(on("/profile/second-step/codes"), House.second_step),
    Kind.FIRST_ADMIN: Deed(House.first_account, House.nobody_left, besides=(Kind.SIGNED_IN,)),
    Kind.USER_CREATED: Deed(
        House.accept, House.invitation, actor="new", besides=(Kind.INVITATION_ACCEPTED, Kind.SIGNED_IN)
    ),
    Kind.INVITATION_ACCEPTED: Deed(
        lambda h: h.browser.post(f"{h.invited}/join", form=h.invited),
        lambda h: (h.invitation(), h.somebody_new()),
        actor="new",
        about_podcast=True,
        detail={"role": "contributor"},
    ),
    Kind.USER_DELETED: Deed(
        on("/profile/delete", {"typed": "bo@example.com"}),
        lambda h: h.browser.let_in(db.session.get_one(User, h.bo)),
        actor="bo",
    ),
    Kind.PASSWORD_CHANGED: Deed(
        on("/profile/password", {"current": PASSWORD, "new": "an altogether different one"}),
        lambda h: (h.give_password(), sign_in(PASSWORD)(h)),
    ),
    Kind.EMAIL_CHANGED: Deed(on("/profile/email", {"email": "ada@example.net"})),
    Kind.HOST_ADDED: Deed(
        lambda h: h.command("podcasts", "add-host", "deep-dive", "new@example.com"),
        House.somebody_new,
        actor=None,
        subject="new",
        about_podcast=True,
        detail={"role": "contributor"},
        address="",
    ),
    Kind.PODCAST_CREATED: Deed(House.new_podcast, about_podcast=True),
    Kind.PODCAST_CHANGED: Deed(
        lambda h: h.settings("settings", name="Deeper", timezone="UTC", language="en", default_text=""),
        about_podcast=True,
    ),
    Kind.CHANNEL_CHANGED: Deed(
        lambda h: h.settings("settings/youtube", action="stop"), about_podcast=True, detail={"after": None}
    ),
    Kind.TRIED_NOW: Deed(on("/admin/system/try-now")),
    Kind.DECIDED: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/{post_id}/resolve", {"answer": "leave"}),
        House.unsure,
        about_podcast=True,
        detail={"answer": "leave"},
    ),
    Kind.MATCHED: Deed(
        lambda h: h.post(f"/podcasts/{h.show}/streams/{h.stream}/match", {"episode": str(h.episode)}),
        House.unmatched,
        about_podcast=True,
        detail={"stream": "0" * 11},
    ),
    Kind.DB_RESTORED: Deed(
        lambda h: h.app.test_cli_runner().invoke(args=["db-restored"]), actor=None, address="", detail={"sessions": 1}
    ),
    Kind.QUARANTINE_ENDED: Deed(on("/admin/system/quarantine/end"), House.quarantine),
    Kind.NOTICES_SET: Deed(
        on("/profile/notices/discord", {"discord-address": WEBHOOK}),
        detail={"network": "discord"},
    ),
    Kind.NOTICES_REMOVED: Deed(
        lambda h: h.post(f"/profile/notices/{db.session.execute(select(NoticeAddress.id)).scalar_one()}/remove"),
        on("/profile/notices/discord", {"discord-address": WEBHOOK}),
        detail={"network": "discord"},
    ),
    Kind.PRICES_CHANGED: Deed(House.change_prices, detail={"items": ["x_post"]}, address="::1"),
    Kind.WALLET_SET: Deed(
        House.limit_wallet, subject="bo", about_podcast=True, detail={"is_limited": True, "budget": None}, address="::1"
    ),
    Kind.DRAFTS_ASKED: Deed(
        lambda h: draft_wishes.wish_for_all(h.episode, Actor(h.ada, "::1"), datetime.now(UTC)),
        about_podcast=True,
        detail={"hosts": 2},
        address="::1",
    ),
    Kind.DRAFT_CHOSEN: Deed(House.choose_draft, about_podcast=True, address="::1"),
    Kind.VOICE_CHANGED: Deed(
        lambda h: draft_choices.set_voice(draft_choices.Settings(), Actor(h.ada, "::1"), datetime.now(UTC)),
        address="::1",
    ),
    Kind.WEEKLY_MAIL: Deed(
        on("/podcasts/{show}/weekly-mail", {"weekly": "on"}), about_podcast=True, detail={"wanted": True}
    ),
    Kind.PUT_ASIDE: Deed(
        House.put_stream_aside, House.unmatched, about_podcast=True, detail={"until": "for good"}, address="::1"
    ),
    Kind.BROUGHT_BACK: Deed(
        House.bring_stream_back,
        lambda h: (h.unmatched(), h.put_stream_aside()),
        about_podcast=True,
        detail={"for_all": True},
        address="::1",
    ),
    Kind.FOREIGN_PODCAST: Deed(
        lambda h: h.browser.get(f"/podcasts/{h.show}"), House.somebody_new, actor="new", about_podcast=True
    ),
}
