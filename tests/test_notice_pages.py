"""The page of notices, their number on every page, and where they go besides."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import Notice, NoticeAddress, NoticeSending, User
from sandbox.notify import BOT_TOKEN
from sandbox.standin import Fault
from services.notice_store import store
from services.notice_words import INFO, NEEDS_YOU, Event
from services.registry import get_services
from tests.browser import Browser, words
from tests.post_office import Postman, post_office

DISCORD = "https://discord.com/api/webhooks/1234567890/" + "s" * 68
SLACK = "https://hooks.slack.com/services/T0000AAAA/B0000BBBB/" + "s" * 24
PAGE = "/profile/notices"


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def settings(settings, messengers):
    here = {"discord_api_url": messengers.url, "slack_api_url": messengers.url, "telegram_api_url": messengers.url}
    return settings.model_copy(update=here | {"telegram_bot_token": BOT_TOKEN})


@pytest.fixture
def ada(app, cast):
    cast.user("bo")
    return signed_in(app, cast.user("ada"))


def signed_in(app, user):
    browser = Browser(app)
    browser.let_in(user)
    return browser


def tell(number=1, *, who="ada", level=NEEDS_YOU, title="Deep Dive is live", link="/connections", key="live"):
    user = db.session.execute(select(User.id).where(User.email == f"{who}@example.com")).scalar_one()
    events = [
        Event(f"{key}:{n}", "live", f"{title} {n}", "2 of 2 posted.", link, (user,), level) for n in range(number)
    ]
    db.session.rollback()
    store(events, datetime.now(UTC) - timedelta(minutes=5))


def count_on(browser, path="/"):
    found = re.search(r'class="count figures">(\d+\+?)<', browser.get(path).text)
    return found[1] if found else None


# The list


def test_the_number_of_new_notices_is_on_every_page(ada):
    assert count_on(ada) is None
    tell(3)
    assert [count_on(ada, path) for path in ("/", "/connections", "/profile", "/notices")] == ["3"] * 4
    assert "Notices 3 new" in re.sub(r"<[^>]*>", " ", ada.get("/").text).replace("  ", " ")


def test_opening_one_marks_it_read_and_leads_there(ada):
    tell(2)
    notice = db.session.execute(select(Notice.id).order_by(Notice.id)).scalars().first()
    answer = ada.post(f"/notices/{notice}/open")
    assert (answer.status_code, answer.location) == (302, "/connections")
    assert count_on(ada) == "1"


def test_reading_the_list_changes_nothing(ada):
    tell(2)
    ada.get("/notices")
    assert count_on(ada) == "2"


def test_all_can_be_marked_as_read_but_what_came_since(ada):
    tell(2)
    shown = re.search(r'name="up_to" value="(\d+)"', ada.get("/notices").text)[1]
    tell(3)
    ada.post("/notices/read-all", {"up_to": shown})
    assert count_on(ada) == "1"


@pytest.mark.parametrize("odd", ["", "x", "-1", "9" * 30, "٣"])
def test_odd_numbers_mark_nothing_and_break_nothing(ada, odd):
    tell(2)
    assert ada.post("/notices/read-all", {"up_to": odd}).status_code == 302
    assert count_on(ada) == "2"
    assert ada.get("/notices", query_string={"before": odd, "after": odd}).status_code == 200


def test_pages_go_back_and_forth(ada):
    tell(70)
    first = ada.get("/notices")
    older = re.search(r'href="(/notices\?before=\d+)"', first.text)[1]
    second = ada.get(older)
    newer = re.search(r'href="(/notices\?after=\d+)"', second.text)[1]
    numbers = [re.findall(r"Deep Dive is live (\d+)<", page.text) for page in (first, second, ada.get(newer))]
    assert numbers[0] == numbers[2] == [str(n) for n in range(69, 39, -1)]
    assert numbers[1] == [str(n) for n in range(39, 9, -1)]
    last = ada.get(re.search(r'href="(/notices\?before=\d+)"', second.text)[1])
    assert 'href="/notices?before' not in last.text


def test_notices_of_others_are_nobodys_to_open_or_see(ada):
    tell(1, who="bo", title="Of Bo")
    notice = db.session.execute(select(Notice.id)).scalar_one()
    assert ada.post(f"/notices/{notice}/open").status_code == 404
    assert "Of Bo" not in ada.get("/notices").text
    db.session.rollback()
    assert db.session.execute(select(Notice.read_at)).scalar_one() is None


def test_an_empty_page_says_what_it_will_show(ada):
    assert "How each start went" in words(ada.get("/notices"))


def test_hostile_titles_are_text(ada):
    tell(1, title="<script>alert(1)</script>")
    assert "&lt;script&gt;alert(1)" in ada.get("/notices").text


def test_a_settled_notice_says_that_it_needs_nobody_any_more(ada):
    tell(key="nogo:7:120", level=INFO)
    tell(key="live:x", level=INFO)
    page = ada.get("/notices")
    assert words(page).count("No longer needs you") == 1
    assert "Needs you" not in words(page)


# Where they go


@pytest.mark.parametrize("network, typed", [("discord", DISCORD), ("slack", SLACK), ("telegram", "-100123")])
def test_an_address_is_set_tried_and_removed_and_never_shown(ada, messengers, network, typed):
    assert ada.post(f"{PAGE}/{network}", {f"{network}-address": typed}).status_code == 302
    way = db.session.execute(select(NoticeAddress.id)).scalar_one()
    page = ada.get(PAGE)
    assert typed not in page.text
    assert "sss" not in page.text
    assert "Everything is sent there." in words(page)
    tried = ada.post(f"{PAGE}/{way}/test", follow_redirects=True)
    assert "Sent. Look at" in words(tried)
    assert messengers.texts(network)[0].startswith("Airhorn: this is a test")
    ada.post(f"{PAGE}/{way}/scope", {"scope": "needs_you"})
    assert "Only what needs you is sent there." in words(ada.get(PAGE))
    ada.post(f"{PAGE}/{way}/remove")
    assert db.session.execute(select(NoticeAddress)).first() is None


@pytest.mark.parametrize(
    "network, typed",
    [
        ("discord", "http://127.0.0.1:6379/"),
        ("discord", "http://169.254.169.254/latest/meta-data/"),
        ("discord", "https://[::1]/api/webhooks/1234567890/" + "s" * 68),
        ("discord", "https://discord.com@evil.example/api/webhooks/1234567890/" + "s" * 68),
        ("discord", SLACK),
        ("slack", DISCORD),
        ("slack", "https://hooks.slack.com.evil.example/services/T0000AAAA/B0000BBBB/" + "s" * 24),
        ("telegram", "https://api.telegram.org/"),
        ("telegram", "@channel"),
        ("discord", ""),
    ],
)
def test_another_address_is_refused_with_what_to_paste_and_nobody_is_asked(ada, messengers, network, typed):
    answer = ada.post(f"{PAGE}/{network}", {f"{network}-address": typed})
    assert answer.status_code == 422
    assert "Paste the " in words(answer)
    assert db.session.execute(select(NoticeAddress)).first() is None
    assert messengers.asked() == []


def test_a_redirect_is_not_followed(ada, messengers):
    ada.post(f"{PAGE}/discord", {"discord-address": DISCORD})
    way = db.session.execute(select(NoticeAddress.id)).scalar_one()
    messengers.faults = [Fault(status=307, headers={"Location": f"{messengers.url}/elsewhere"})]
    said = words(ada.post(f"{PAGE}/{way}/test", follow_redirects=True))
    assert "nobody confirmed it" in said
    assert [entry.path.split("/")[1] for entry in messengers.asked()] == ["api"]


def test_a_dead_webhook_is_said_on_the_page(ada, messengers):
    ada.post(f"{PAGE}/discord", {"discord-address": DISCORD})
    messengers.gone.add("1234567890/" + "s" * 68)
    tell()
    get_services().notify.send_due(datetime.now(UTC))
    said = words(ada.get(PAGE))
    assert "Not working" in said
    assert "The address for notices is not there any more. Set a new one under Profile, Notices." in said


def test_addresses_of_others_can_be_neither_tried_nor_changed(app, ada, messengers):
    ada.post(f"{PAGE}/discord", {"discord-address": DISCORD})
    way = db.session.execute(select(NoticeAddress.id)).scalar_one()
    bo = signed_in(app, db.session.execute(select(User).filter_by(email="bo@example.com")).scalar_one())
    for act in ("test", "scope", "remove"):
        assert bo.post(f"{PAGE}/{way}/{act}").status_code == 404
        assert bo.post(f"{PAGE}/{2**63}/{act}").status_code == 404
    assert messengers.asked() == []
    assert db.session.execute(select(NoticeAddress.everything)).scalar_one()


def test_a_new_address_takes_the_place_of_the_old_one_with_all_that_waits_for_it(ada):
    ada.post(f"{PAGE}/discord", {"discord-address": DISCORD})
    tell()
    ada.post(f"{PAGE}/discord", {"discord-address": DISCORD[:-1] + "t", "discord-needed_only": "y"})
    assert db.session.execute(select(NoticeAddress.everything)).scalars().all() == [False]
    assert db.session.execute(select(NoticeSending)).first() is None


def test_what_this_server_has_not_is_said_and_refused(make_app, ada):
    app = make_app(telegram_bot_token=None)
    user_id = db.session.execute(select(User.id).filter_by(email="ada@example.com")).scalar_one()
    db.session.rollback()
    with app.app_context():
        browser = signed_in(app, db.session.get_one(User, user_id))
        said = words(browser.get(PAGE))
        assert "This server sends no mail: its operator has set no SMTP_HOST." in said
        assert "This server has no bot at Telegram" in said
        for network in ("email", "telegram"):
            typed = {"telegram-address": "1234"}
            assert browser.post(f"{PAGE}/{network}", typed).status_code == 422


# Letters


@pytest.fixture
def postman():
    with post_office(Postman()) as postman:
        yield postman


@pytest.fixture
def mailing(make_app, postman, app, cast):
    """An application that mails, and Ada's browser in it."""
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": postman.port, "smtp_from": "a@example.com", "smtp_security": "none"}
    mailing, user_id = make_app(**smtp), cast.user("ada").id
    db.session.rollback()
    with mailing.app_context():
        yield mailing, signed_in(mailing, db.session.get_one(User, user_id))
        get_services().mail.close()


def test_a_letter_goes_to_the_address_people_sign_in_with_and_ends_by_its_own_link(mailing, postman):
    app, browser = mailing
    assert browser.post(f"{PAGE}/email", {"email-needed_only": "y"}).status_code == 302
    tell(1, title="Bcc: evil@example.com\r\nX-Evil: 1")
    assert get_services().notify.send_due(datetime.now(UTC)) == 1
    letter = postman.envelopes[0].content.decode()
    assert "To: ada@example.com" in letter
    assert "\nX-Evil" not in letter
    assert "http://127.0.0.1:5000/connections" in letter
    stop = re.search(r"List-Unsubscribe: <http://127.0.0.1:5000(/notices/stop/\d+/[\w-]+)>", unfolded(letter))[1]
    stranger = Browser(app)
    assert "End these letters?" in words(stranger.get(stop))
    assert db.session.execute(select(NoticeAddress)).first() is not None
    forged = stop[:-4] + "AAAA"
    assert stranger.get(forged).status_code == stranger.post(forged).status_code == 404
    assert "No more letters" in words(stranger.post(stop))
    assert db.session.execute(select(NoticeAddress)).first() is None
    assert stranger.get(stop).status_code == 404


def unfolded(letter):
    return re.sub(r"\r?\n[ \t]", "", letter.replace("List-Unsubscribe:\r\n ", "List-Unsubscribe: ")).replace(
        "List-Unsubscribe:<", "List-Unsubscribe: <"
    )


def test_one_letter_for_each_event(mailing, postman):
    _, browser = mailing
    browser.post(f"{PAGE}/email")
    for _ in range(3):
        tell(2, level=INFO)
        get_services().notify.send_due(datetime.now(UTC))
    assert len(postman.letters) == 2
