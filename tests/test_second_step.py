"""The second step: a code of the app works once, recovery codes stand in for a lost phone, guessing is slowed down."""

import re
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, RecoveryCode, SignInThrottle, User, UserSession
from services import second_step, sessions
from services.audit import Actor
from services.errors import Conflict, Invalid
from services.registry import get_services
from services.vault import VaultError
from tests.browser import PASSWORD, words
from tests.conftest import ENGINES, NOON

HOME = Actor(None, "192.0.2.7")
LONG_AGO = NOON - timedelta(days=300)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def vault(app):
    return get_services().vault


@pytest.fixture
def ada(cast):
    return cast.user("ada")


def key_of(user, vault):
    """As the app on the phone has it."""
    user = db.session.get_one(User, user.id, populate_existing=True)
    return vault.unseal(user.totp_secret, f"user:{user.id}:totp")


def code_at(key, now):
    return pyotp.TOTP(key).at(now)


def signed_in(user, now):
    token = sessions.begin(user.id, now)
    db.session.commit()
    return sessions.find(token, now)


@pytest.fixture
def key(ada, vault):
    """Of a second step that was switched on long ago."""
    before, me = LONG_AGO, signed_in(ada, LONG_AGO)
    second_step.propose(ada.id, vault)
    key = key_of(ada, vault)
    second_step.switch_on(me, code_at(key, before), vault, HOME, before)
    return key


def use(user_id, code, vault, now):
    try:
        second_step.use(user_id, code, vault, HOME, now)
    except Invalid:
        db.session.rollback()
        return False
    db.session.commit()
    return True


def test_a_code_works_once(ada, vault, key):
    code = code_at(key, NOON)
    assert use(ada.id, code, vault, NOON)
    assert not use(ada.id, code, vault, NOON)
    assert not use(ada.id, code, vault, NOON + timedelta(seconds=20))


@pytest.mark.parametrize(("off_by", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(ada, vault, key, off_by, counts):
    assert use(ada.id, code_at(key, NOON + timedelta(seconds=30 * off_by)), vault, NOON) is counts


def test_an_older_code_is_of_no_use_after_a_newer_one(ada, vault, key):
    assert use(ada.id, code_at(key, NOON), vault, NOON)
    assert not use(ada.id, code_at(key, NOON - timedelta(seconds=30)), vault, NOON)


def test_the_code_that_switched_it_on_does_not_also_sign_in(ada, vault, key):
    assert not use(ada.id, code_at(key, LONG_AGO), vault, LONG_AGO)


@pytest.mark.parametrize("written", ["{0}{1}", " {0} {1} ", "{0}-{1}", "{0}\N{NO-BREAK SPACE}{1}"])
def test_spaces_that_apps_show_do_not_matter(ada, vault, key, written):
    code = code_at(key, NOON)
    assert use(ada.id, written.format(code[:3], code[3:]), vault, NOON)


@pytest.mark.parametrize("written", ["0{0}", "{0}0", "{0}{0}", "+{0}", "{0}.0", "", "٣٤٥٦٧٨", "x" * 5000, "\0" * 6])
def test_anything_around_a_code_makes_it_wrong(ada, vault, key, written):
    assert not use(ada.id, written.format(code_at(key, NOON)), vault, NOON)


@pytest.mark.parametrize("engine_name", ENGINES)
def test_of_two_with_the_same_code_at_the_same_moment_one_comes_in(app, ada, vault, key):
    user_id, code, answers = ada.id, code_at(key, NOON), []
    db.session.commit()
    at_once = threading.Barrier(8)

    def come_in():
        with app.app_context():
            at_once.wait()
            answers.append(use(user_id, code, vault, NOON))
            db.session.remove()

    threads = [threading.Thread(target=come_in) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 7 + [True]


def test_a_recovery_code_works_once_and_is_kept_as_a_hash(ada, vault, key):
    codes = second_step.renew_codes(ada.id, HOME, NOON)
    assert len(set(codes)) == 8
    stored = {row.code_hash for row in db.session.execute(select(RecoveryCode)).scalars()}
    assert not stored & {code.replace("-", "") for code in codes}
    assert use(ada.id, codes[0], vault, NOON)
    assert not use(ada.id, codes[0], vault, NOON)
    assert use(ada.id, codes[1].upper().replace("-", " "), vault, NOON)
    assert second_step.codes_left(ada.id) == 6


def test_new_recovery_codes_end_the_old_ones(ada, vault, key):
    old = second_step.renew_codes(ada.id, HOME, NOON)
    second_step.renew_codes(ada.id, HOME, NOON)
    assert not use(ada.id, old[0], vault, NOON)
    assert second_step.codes_left(ada.id) == 8


def test_a_recovery_code_of_somebody_else_is_wrong(ada, cast, vault, key):
    codes = second_step.renew_codes(ada.id, HOME, NOON)
    assert not use(cast.user("bo").id, codes[0], vault, NOON)


def test_the_secret_is_sealed_for_its_owner(ada, cast, vault, key):
    bo = cast.user("bo")
    sealed = db.session.get_one(User, ada.id).totp_secret
    assert key.encode() not in sealed
    bo.totp_secret, bo.totp_on = sealed, True
    db.session.commit()
    with pytest.raises(VaultError):
        second_step.use(bo.id, code_at(key, NOON), vault, HOME, NOON)


def test_what_is_in_force_is_not_shown_and_not_replaced(ada, vault, key):
    assert second_step.proposal(db.session.get_one(User, ada.id), vault) is None
    with pytest.raises(Conflict, match="already"):
        second_step.propose(ada.id, vault)


def test_nothing_is_switched_on_by_a_wrong_code(ada, vault):
    second_step.propose(ada.id, vault)
    me = signed_in(ada, NOON)
    with pytest.raises(Invalid):
        second_step.switch_on(me, "000000", vault, HOME, NOON)
    assert not db.session.get_one(User, ada.id, populate_existing=True).totp_on


def test_switching_on_ends_the_sessions_that_began_with_less(ada, vault):
    other, me = signed_in(ada, NOON), signed_in(ada, NOON)
    second_step.propose(ada.id, vault)
    second_step.switch_on(me, code_at(key_of(ada, vault), NOON), vault, HOME, NOON)
    left = db.session.execute(select(UserSession.id)).scalars().all()
    assert left == [me.session_id]
    assert other.session_id != me.session_id


# In the browser


def now_code(key):
    return code_at(key, datetime.now(UTC))


def half_way(browser, ada, **form):
    answer = browser.sign_in(ada, **form)
    assert answer.location.startswith("/sign-in/code")
    return answer


def test_the_password_alone_opens_nothing(browser, ada, key):
    half_way(browser, ada, next="/profile")
    assert browser.get("/profile").location.startswith("/sign-in?")
    answer = browser.post("/sign-in/code?next=/profile", {"code": now_code(key)}, form="/sign-in/code")
    assert (answer.status_code, answer.location) == (302, "/profile")
    assert browser.get("/profile").status_code == 200


def test_a_recovery_code_lets_in_and_is_written_down(browser, ada, vault, key):
    codes = second_step.renew_codes(ada.id, HOME, NOON)
    half_way(browser, ada)
    assert browser.post("/sign-in/code", {"code": codes[3]}, form="/sign-in/code").location == "/"
    used = db.session.execute(select(AuditEvent).where(AuditEvent.kind == "recovery_code_used")).scalar_one()
    assert (used.actor_id, used.detail) == (ada.id, {"left": 7})


def test_the_code_page_alone_leads_to_the_beginning(browser):
    assert browser.get("/sign-in/code").location.startswith("/sign-in")
    assert browser.post("/sign-in/code", {"code": "123456"}).location.startswith("/sign-in")


def test_a_code_is_waited_for_five_minutes(browser, ada, key):
    half_way(browser, ada)
    with browser.client.session_transaction() as session:
        session["half"] = session["half"] | {"at": session["half"]["at"] - 301}
    assert browser.get("/sign-in/code").location.startswith("/sign-in")


def test_a_password_changed_meanwhile_ends_the_waiting(browser, ada, key):
    half_way(browser, ada)
    page = browser.get("/sign-in/code")
    assert page.status_code == 200
    db.session.execute(update(User).values(password_hash="another"))
    db.session.commit()
    answer = browser.post("/sign-in/code", {"code": now_code(key)}, form="/sign-in/code")
    assert answer.status_code == 422
    assert "Sign in again" in words(answer)


def test_a_password_that_is_hashed_anew_meanwhile_still_counts(browser, ada, vault, key):
    ada.password_hash = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    db.session.commit()
    assert browser.sign_in(ada).location == "/sign-in/code?next=/"
    code = code_at(key, datetime.now(UTC))
    assert browser.post("/sign-in/code", {"code": code}, form="/sign-in/code").location == "/"


def test_the_session_that_the_browser_had_ends_with_the_code(browser, ada, cast, vault, key):
    browser.let_in(cast.user("bo"))
    browser.sign_in(ada)
    browser.post("/sign-in/code", {"code": code_at(key, datetime.now(UTC))}, form="/sign-in/code")
    names = select(User.name).join(UserSession, UserSession.user_id == User.id)
    assert "Bo" not in db.session.execute(names).scalars().all()


def test_six_wrong_codes_are_compared_and_then_also_the_right_one_waits(browser, ada, key):
    half_way(browser, ada)
    codes = [f"{(int(now_code(key)) + n) % 1_000_000:06}" for n in range(100, 106)]
    answers = [browser.post("/sign-in/code", {"code": code}, form="/sign-in/code") for code in codes]
    assert [answer.status_code for answer in answers] == [422] * 6
    answer = browser.post("/sign-in/code", {"code": now_code(key)}, form="/sign-in/code")
    assert answer.status_code == 429
    assert "Wait a minute" in words(answer)
    db.session.execute(update(SignInThrottle).values(blocked_until=None))
    db.session.commit()
    assert browser.post("/sign-in/code", {"code": now_code(key)}, form="/sign-in/code").location == "/"


@pytest.mark.parametrize("code", ["", "x" * 5000, "\x07", "😀"])
def test_what_is_no_code_is_refused(browser, ada, key, code):
    half_way(browser, ada)
    assert browser.post("/sign-in/code", {"code": code}, form="/sign-in/code").status_code == 422


def test_it_is_switched_on_and_off_on_the_page(browser, ada, vault):
    browser.sign_in(ada)
    page = "/profile/second-step"
    assert "It is off" in words(browser.get(page))
    browser.post(f"{page}/begin", form=page)
    shown = browser.get(page).text
    key = key_of(ada, vault)
    assert re.search(r'id="key">([A-Z2-7 ]+)<', shown)[1].replace(" ", "") == key
    assert 'src="data:image/svg+xml' in shown
    assert browser.post(f"{page}/on", {"code": "12"}, form=page).status_code == 422
    codes = re.findall(
        r"<code>([a-z0-9-]{19})</code>", browser.post(f"{page}/on", {"code": now_code(key)}, form=page).text
    )
    assert len(codes) == 8
    again = browser.get(page)
    assert "8 recovery codes are left" in words(again)
    assert key not in again.text.replace(" ", "")
    assert codes[0] not in again.text
    renewed = browser.post(f"{page}/codes", form=page)
    assert "shown only once" in words(renewed)
    browser.post(f"{page}/off", form=page)
    assert "It is off" in words(browser.get(page))
    browser.post("/sign-out", form="/profile")
    assert browser.sign_in(ada).location == "/"


@pytest.mark.parametrize("act", ["begin", "on", "off", "codes"])
def test_the_password_is_asked_for_again_first(browser, ada, act):
    browser.sign_in(ada)
    db.session.execute(update(UserSession).values(confirmed_at=LONG_AGO))
    db.session.commit()
    answer = browser.post(f"/profile/second-step/{act}", {"code": "1"}, form="/profile")
    assert answer.status_code == 403
    assert "password again" in words(answer)
    assert not db.session.get_one(User, ada.id, populate_existing=True).totp_secret


def test_codes_without_a_second_step_are_refused(browser, ada):
    browser.sign_in(ada)
    assert browser.post("/profile/second-step/codes", form="/profile").status_code == 409
    assert browser.post("/profile/second-step/on", {"code": "123456"}, form="/profile").status_code == 409


def test_the_right_password_twice_does_not_reset_the_count_of_codes(browser, ada, key):
    for n in range(6):
        half_way(browser, ada)
        browser.post("/sign-in/code", {"code": f"00000{n}"}, form="/sign-in/code")
    half_way(browser, ada)
    assert browser.post("/sign-in/code", {"code": "000009"}, form="/sign-in/code").status_code == 429


def test_the_recovery_codes_can_be_saved_as_a_file_without_script(browser, ada, vault):
    browser.sign_in(ada)
    page = "/profile/second-step"
    browser.post(f"{page}/begin", form=page)
    shown = browser.post(f"{page}/on", {"code": now_code(key_of(ada, vault))}, form=page)
    codes = re.findall(r"<code>([a-z0-9-]{19})</code>", shown.text)
    name, file = re.search(r'download="([^"]+)" href="data:text/plain;charset=utf-8,([^"]+)"', shown.text).groups()
    assert name == "airhorn-recovery-codes.txt"
    first, *rest = unquote(file).splitlines()
    assert first == "Recovery codes of ada@example.com for Airhorn. Each lets you in once."
    assert rest == ["", *codes]
    assert shown.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("left, sentence", [(3, "3 recovery codes are left."), (2, "2 recovery codes are left. Make")])
def test_the_profile_says_how_many_codes_are_left_and_asks_for_new_ones_in_time(browser, ada, key, left, sentence):
    ids = db.session.execute(select(RecoveryCode.id).offset(left).limit(99)).scalars().all()
    db.session.execute(update(RecoveryCode).where(RecoveryCode.id.in_(ids)).values(used_at=NOON))
    db.session.commit()
    browser.let_in(ada)
    seen = words(browser.get("/profile"))
    assert sentence in seen
    assert ("Needs you" in seen) == (left <= 2)


def test_without_a_second_step_the_profile_says_nothing_of_codes(browser, ada):
    browser.let_in(ada)
    assert "recovery code" not in words(browser.get("/profile"))
