"""The first account: by a link that is printed once where the server starts, and never again."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from extensions import db
from models import AuditEvent, LinkPurpose, OneTimeLink, User
from services import first_admin
from services.errors import Conflict
from services.passwords import verify_password
from tests.browser import PASSWORD, words
from tests.conftest import ENGINES
from tests.processes import end, eventually, start

TYPED = {"name": "Ada", "email": "Ada@Example.com", "password": PASSWORD, "timezone": "Europe/Berlin"}


@pytest.fixture
def engine_name():
    return "sqlite"


def now():
    return datetime.now(UTC)


def path_of(link):
    return link.removeprefix("http://127.0.0.1:5000")


def users():
    found = db.session.execute(select(User)).scalars().all()
    db.session.rollback()
    return found


def test_the_link_makes_the_first_account_once_and_signs_it_in(browser):
    path = path_of(first_admin.offer(now()))
    answer = browser.post(path, TYPED, form=path)
    assert (answer.status_code, answer.location) == (302, "/")
    assert browser.get("/").status_code == 200
    [user] = users()
    assert (user.email, user.is_admin, user.timezone) == ("ada@example.com", True, "Europe/Berlin")
    assert verify_password(user.password_hash, PASSWORD)
    for method in ("GET", "POST"):
        again = browser.post(path, TYPED) if method == "POST" else browser.get(path)
        assert again.status_code == 404
        assert "Ask for a new link" in words(again)
    kinds = db.session.execute(select(AuditEvent.kind).order_by(AuditEvent.id)).scalars().all()
    assert kinds == ["first_admin", "signed_in"]


def test_no_link_is_made_where_somebody_has_an_account(cast):
    cast.user("ada")
    assert first_admin.offer(now()) is None
    with pytest.raises(Conflict, match="There are accounts already"):
        first_admin.offer_again(now())


def test_a_link_printed_before_the_first_account_is_of_no_use_after_it(browser, cast):
    path = path_of(first_admin.offer(now()))
    cast.user("ada")
    assert browser.get(path).status_code == 404
    assert browser.post(path, TYPED).status_code == 404
    assert [user.is_admin for user in users()] == [False]


def test_one_that_can_be_used_is_not_replaced_and_one_that_has_ended_is(browser):
    first = first_admin.offer(now())
    assert first_admin.offer(now()) is None
    later = first_admin.offer(now() + timedelta(hours=2))
    assert later not in (None, first)
    assert browser.get(path_of(first)).status_code == 404
    assert browser.get(path_of(later)).status_code == 200


@pytest.mark.parametrize("engine_name", ENGINES)
def test_of_several_processes_that_start_at_once_one_prints_a_link(app):
    assert len([link for link in at_once(app, lambda: first_admin.offer(now()), 8) if link]) == 1


@pytest.mark.parametrize("engine_name", ENGINES)
def test_of_several_who_open_the_link_at_once_one_has_the_account(app):
    token = first_admin.offer(now()).rpartition("/")[2]
    typed = {**TYPED, "by": first_admin.Actor(), "now": now()}

    def create(number):
        return first_admin.create(token, **{**typed, "email": f"ada{number}@example.com"})

    made = at_once(app, create, 4)
    assert len([one for one in made if isinstance(one, int)]) == 1
    assert db.session.execute(select(func.count()).select_from(User)).scalar_one() == 1


def at_once(app, work, times):
    """What each of several threads got: a value, or the error it ended with."""
    db.session.rollback()
    barrier, got = threading.Barrier(times), []

    def run(number):
        with app.app_context():
            barrier.wait()
            try:
                got.append(work(number) if work.__code__.co_argcount else work())
            except first_admin.links.Gone as error:
                got.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == times
    return got


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "Your name is missing"),
        ({"name": "x" * 101}, "At most 100 fit"),
        ({"name": "a\u2028b"}, "cannot be shown"),
        ({"email": ""}, "address is missing"),
        ({"email": "ada"}, "is no e-mail address"),
        ({"email": "a@b.c\r\nBcc: x@y.z"}, "e-mail address"),
        ({"password": ""}, "Choose a password"),
        ({"password": "short"}, "at least 12"),
        ({"password": "x" * 1001}, "At most 1000"),
        ({"password": "ada@example.com"}, "easy to guess"),
        ({"password": "password1234"}, "easy to guess"),
    ],
)
def test_what_cannot_be_used_is_said_and_the_rest_is_kept(browser, wrong, sentence):
    path = path_of(first_admin.offer(now()))
    answer = browser.post(path, {**TYPED, **wrong}, form=path)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert "ada" in answer.text.lower()
    assert PASSWORD not in answer.text
    assert users() == []
    assert browser.get(path).status_code == 200


def test_fields_of_others_make_nobody_anything(browser):
    path = path_of(first_admin.offer(now()))
    browser.post(path, {**TYPED, "id": "77", "is_active": "", "totp_on": "1"}, form=path)
    [user] = users()
    assert (user.id, user.is_active, user.totp_on) == (1, True, False)


@pytest.mark.parametrize("token", ["x", "x" * 3000, "%00", "..%2f", "%F0%9F%98%80", "'--", "{{7*7}}"])
def test_a_token_that_is_none_leads_to_the_page_that_says_what_to_do(browser, token):
    answer = browser.get(f"/setup/{token}")
    assert answer.status_code == 404


def test_the_token_is_nowhere_in_the_database_and_no_link_leads_out_with_it(browser):
    link = first_admin.offer(now())
    token = link.rpartition("/")[2]
    assert len(token) >= 43  # 256 bits
    [row] = db.session.execute(select(OneTimeLink)).scalars().all()
    assert token not in str(vars(row))
    assert row.purpose == LinkPurpose.FIRST_ADMIN
    answer = browser.get(path_of(link))
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_command_prints_a_new_link_and_the_old_one_ends(runner, browser, cast):
    first = first_admin.offer(now())
    done = runner.invoke(args=["users", "first-link"])
    assert re.fullmatch(r"http://127\.0\.0\.1:5000/setup/[\w-]{43}\n", done.stdout)
    assert browser.get(path_of(first)).status_code == 404
    assert browser.get(path_of(done.stdout.strip())).status_code == 200
    cast.user("ada")
    refused = runner.invoke(args=["users", "first-link"])
    assert refused.exit_code == 1
    assert "There are accounts already" in refused.stderr


@pytest.mark.slow
def test_a_server_prints_it_when_it_starts_and_commands_do_not(settings, tmp_path):
    said = tmp_path / "said.txt"
    offered = re.compile(r"No account yet. Open this once to make the first one: (\S+)/setup/[\w-]{43}\n")
    assert end(start(settings, "flask", "users", "--help", log=said)) in (0, -15)
    assert "No account yet" not in said.read_text()
    serving = ("gunicorn", "app:create_app()", "--workers", "2", "--no-control-socket")
    process = start(settings, *serving, "--bind", "127.0.0.1:0", log=said)
    try:
        eventually(lambda: offered.search(said.read_text()))
        eventually(lambda: said.read_text().count("Booting worker") == 2)
    finally:
        end(process)
    assert len(offered.findall(said.read_text())) == 1
