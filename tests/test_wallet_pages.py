"""The forms that move a podcast's money and limit it: each deed once, nothing of what was typed lost."""

import re

import pytest
from sqlalchemy import select

from extensions import db
from models import AuditEvent, PodcastMember, Role, User
from services import wallet
from services.audit import NOBODY
from services.money import DOLLAR
from services.wallet import Rules
from tests.browser import Browser, words
from tests.till import Till


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def till(cast):
    return Till(cast)


@pytest.fixture
def browser(app, till):
    """Ada, who is an admin."""
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, till.ids["ada"]))
    return browser


@pytest.fixture
def send(browser, till):
    """Sends one of the forms as the page has it, with these fields changed; answers the answer."""

    def send(form, path, *, key="", **fields):
        here = f"/podcasts/{till.show_id}/spend/"
        page = browser.get(f"{here}wallets").text
        found = re.search(rf'name="{form}-key"[^>]*value="([0-9a-f]{{16}})"', page)
        assert found, page
        data = {f"{form}-{name}": str(value) for name, value in ({"key": key or found[1]} | fields).items()}
        return browser.post(f"{here}{path}", data)

    return send


@pytest.fixture
def top_up(send):
    return lambda amount="2.50", whose="podcast", **more: send("topup", "top-up", amount=amount, wallet=whose, **more)


@pytest.fixture
def transfer(send):
    def transfer(source, target, amount="1", **more):
        return send("transfer", "transfer", amount=amount, source=source, target=target, **more)

    return transfer


@pytest.fixture
def set_rules(browser, till):
    def set_rules(host="", **fields):
        here = f"/podcasts/{till.show_id}/spend/rules{host}"
        return browser.post(here, fields)

    return set_rules


def total(till):
    return sum(till.stands(whose)[0] for whose in (till.podcast, till.of("ada"), till.of("bo")))


# Deeds


def test_a_top_up_says_what_is_there_and_who_did_it(till, top_up, browser):
    answer = top_up("$2.50", note="November")
    assert (answer.status_code, answer.location) == (302, f"/podcasts/{till.show_id}/spend/wallets")
    assert "$2.50 are in. The balance is $2.50." in words(browser.get(answer.location))
    (entry,) = till.entries()
    assert (entry.amount, entry.note, entry.actor_id) == (2_500_000, "November", till.ids["ada"])


def test_a_host_who_was_given_money_pays_from_it(till, top_up):
    top_up("1", till.ids["bo"])
    assert till.balance(till.of("bo")).pays
    assert not till.balance(till.podcast).pays


def test_money_goes_from_the_podcast_to_a_host_and_back(till, top_up, transfer):
    top_up("3")
    assert transfer("podcast", till.ids["bo"], "2").status_code == 302
    assert transfer(till.ids["bo"], "podcast", "0.5").status_code == 302
    assert (till.stands(till.podcast)[0], till.stands(till.of("bo"))[0]) == (1_500_000, 1_500_000)
    assert till.adds_up()


def test_every_host_is_given_the_same(till, top_up, send, browser):
    top_up("10")
    answer = send("grant", "grant", amount="2")
    assert "Given $2.00 to each of 2 hosts." in words(browser.get(answer.location))
    assert [till.stands(whose)[0] for whose in (till.podcast, till.of("ada"), till.of("bo"))] == [
        6 * DOLLAR,
        2 * DOLLAR,
        2 * DOLLAR,
    ]


def test_where_it_is_not_enough_for_all_nobody_is_given_anything_and_each_reads_why(till, top_up, send):
    top_up("3")
    answer = send("grant", "grant", amount="2", note="for travel")
    said = words(answer)
    assert answer.status_code == 422
    assert "Nobody was given anything: it is done for everybody or for nobody." in said
    assert "Ada Could have been given it." in said
    assert "Bo Deep Dive has $1.00 to give away, not $2.00." in said
    assert 'value="for travel"' in answer.text
    assert total(till) == till.stands(till.podcast)[0] == 3 * DOLLAR


@pytest.mark.parametrize("balance, after", [("0", 0), ("-1.25", -1_250_000), ("$7", 7 * DOLLAR)])
def test_a_balance_can_be_set_also_to_nothing_and_below(till, top_up, send, balance, after):
    top_up("5")
    assert send("balance", "balance", amount=balance, wallet="podcast").status_code == 302
    assert till.stands(till.podcast)[0] == after
    assert till.adds_up()


# Once


def test_a_form_that_is_sent_twice_counts_once(till, top_up, transfer, send):
    for _ in range(2):
        assert top_up("2", key="a" * 16).status_code == 302
        assert transfer("podcast", till.ids["bo"], "1", key="b" * 16).status_code == 302
        assert send("balance", "balance", amount="9", wallet=till.ids["ada"], key="c" * 16).status_code == 302
    assert len(till.entries()) == 4
    assert (till.stands(till.podcast)[0], till.stands(till.of("bo"))[0]) == (DOLLAR, DOLLAR)


def test_the_same_form_with_another_amount_is_refused_and_can_then_be_meant(till, top_up):
    top_up("2", key="a" * 16)
    answer = top_up("3", key="a" * 16, note="more")
    assert answer.status_code == 422
    assert "This was sent before, and that counts. Nothing was done now" in words(answer)
    assert 'value="3"' in answer.text
    assert 'value="more"' in answer.text
    (key,) = re.findall(r'name="topup-key"[^>]*value="([^"]+)"', answer.text)
    assert key != "a" * 16
    assert till.stands(till.podcast)[0] == 2 * DOLLAR
    assert top_up("3", key=key).status_code == 302
    assert till.stands(till.podcast)[0] == 5 * DOLLAR


def test_a_key_of_another_deed_does_not_count_as_done(till, top_up, send):
    top_up("2", key="a" * 16)
    assert top_up("2", till.ids["bo"], key="a" * 16).status_code == 422
    assert total(till) == 2 * DOLLAR
    send("grant", "grant", amount="1", key="b" * 16)
    assert send("grant", "grant", amount="0.5", key="b" * 16).status_code == 422
    assert total(till) == 2 * DOLLAR


@pytest.mark.parametrize("key", [" ", "k" * 61, "a\u0000b"])
def test_without_a_key_that_can_be_one_nothing_is_done(till, top_up, key):
    answer = top_up("2", key=key)
    assert answer.status_code in (400, 422)
    assert till.entries() == []


# What cannot be


@pytest.mark.parametrize(
    "amount, said",
    [
        ("", "is no amount of money"),
        ("0", "The amount must be more than zero."),
        ("-2", "The amount must be more than zero."),
        ("0.005", "The amount is finer than a cent. At most 2 decimals count."),
        ("0.0000001", "finer than a cent"),
        ("1" + "0" * 30, "Nobody means that."),
        ("two", "“two” is no amount of money. Write it like 2.50 or $2."),
        ("2,50", "is no amount of money"),
        ("1e3", "is no amount of money"),
        ("٣", "is no amount of money"),
        ("<script>", "is no amount of money"),
    ],
)
def test_what_is_no_amount_is_kept_as_it_was_typed_with_why(till, send, amount, said):
    forms = (("topup", "top-up", {"wallet": "podcast"}), ("grant", "grant", {}))
    ends = {"source": "podcast", "target": till.ids["bo"]}
    for form, path, fields in (*forms, ("transfer", "transfer", ends)):
        answer = send(form, path, amount=amount, note="kept", **fields)
        assert answer.status_code == 422, form
        assert said in words(answer), form
        shown = amount.replace("<", "&lt;").replace(">", "&gt;")
        assert re.search(rf'name="{form}-amount"[^>]*value="{re.escape(shown)}"', answer.text), form
        assert 'value="kept"' in answer.text
    assert till.entries() == []


@pytest.mark.parametrize("balance", ["x", "", "1000001", "-1000001", "1" + "0" * 30, "0.0000001", "2.505"])
def test_what_is_no_balance_is_refused(till, send, balance):
    assert send("balance", "balance", amount=balance, wallet="podcast").status_code == 422
    assert till.entries() == []


def test_transfers_that_make_no_sense_say_so(till, cast, top_up, transfer):
    other = Till(cast, ("cy",), name="Night Shift")
    top_up("1")
    bo = till.ids["bo"]
    for source, target, amount, said in (
        ("podcast", "podcast", "1", "This is the same wallet."),
        (bo, bo, "1", "This is the same wallet."),
        (till.ids["ada"], bo, "1", "Transfers go from the podcast to a host, or back."),
        (bo, "podcast", "1", "Bo has $0.00 to give away, not $1.00."),
        ("podcast", bo, "1.01", "Deep Dive has $1.00 to give away, not $1.01."),
        ("podcast", other.ids["cy"], "1", "Choose one of these wallets."),
        (f"podcast:{other.show_id}", bo, "1", "Choose one of these wallets."),
        ("podcast", 10**30, "1", "Choose one of these wallets."),
        ("", "", "1", "Choose one of these wallets."),
    ):
        answer = transfer(source, target, amount)
        assert (answer.status_code, said in words(answer)) == (422, True), (source, target, words(answer))
    assert (total(till), len(till.entries())) == (DOLLAR, 1)


def test_somebody_who_has_left_can_still_be_asked_for_the_money_back(till, top_up, transfer, browser):
    top_up("3", till.ids["bo"])
    db.session.execute(db.delete(PodcastMember).where(PodcastMember.user_id == till.ids["bo"]))
    db.session.commit()
    assert "Bo, no longer a host, $3.00 left" in words(browser.get(f"/podcasts/{till.show_id}/spend/wallets"))
    assert transfer(till.ids["bo"], "podcast", "3").status_code == 302
    assert till.stands(till.podcast)[0] == 3 * DOLLAR
    assert "no longer a host" not in words(browser.get(f"/podcasts/{till.show_id}/spend/wallets"))


def test_an_amount_with_zeros_behind_its_cents_is_taken(till, top_up):
    assert top_up("2.5000").status_code == 302
    assert till.stands(till.podcast)[0] == 2_500_000


def test_a_list_of_wallets_has_the_balance_as_it_stands_above_and_fits_a_small_screen(till, browser):
    till.spend("ada", 1_235_000)
    page = browser.get(f"/podcasts/{till.show_id}/spend/wallets")
    assert "The podcast’s wallet -$1.235 " in words(page)
    options = set(re.findall(r'<option[^>]* value="podcast">([^<]*)<', page.text))
    assert options == {"The podcast, -$1.235 left"}
    assert max(map(len, options)) <= 30


def test_a_note_has_one_line_and_an_end(till, top_up):
    for note in ("n" * 201, "two\nlines"):
        answer = top_up("1", note=note)
        assert (answer.status_code, "The note" in words(answer)) == (422, True)
    assert till.entries() == []


# Rules


def test_limit_budget_and_allowance_are_set_and_shown_again(till, set_rules, browser):
    answer = set_rules(is_limited="y", stops_posts="y", allowance="$5", budget="20")
    assert answer.status_code == 302
    found = till.balance(till.podcast)
    assert (found.is_limited, found.stops_posts, found.allowance, found.budget) == (True, True, 5 * DOLLAR, 20 * DOLLAR)
    page = browser.get(f"/podcasts/{till.show_id}/spend/rules").text
    assert 'value="5.00"' in page
    assert 'value="20.00"' in page
    assert set_rules(allowance=" ", budget="").status_code == 302
    assert till.balance(till.podcast).budget is None
    kinds = [row.kind for row in db.session.execute(select(AuditEvent)).scalars()]
    assert kinds.count("wallet_set") == 2


def test_a_host_has_rules_of_the_own_and_stopping_posts_is_not_among_them(till, set_rules, browser):
    path = f"?host={till.ids['bo']}"
    assert set_rules(path, is_limited="y", stops_posts="y", budget="1").status_code == 302
    found = till.balance(till.of("bo"))
    assert (found.is_limited, found.stops_posts, found.budget, found.pays) == (True, False, DOLLAR, True)
    assert not till.balance(till.podcast).is_limited
    assert "stops posts" not in words(browser.get(f"/podcasts/{till.show_id}/spend/rules{path}"))


@pytest.mark.parametrize("field", ["allowance", "budget"])
@pytest.mark.parametrize("amount", ["0", "-1", "x", "1" + "0" * 30, "0.0000001", "2.505"])
def test_what_can_be_no_rule_is_kept_with_why(till, set_rules, field, amount):
    answer = set_rules(is_limited="y", **{field: amount})
    assert answer.status_code == 422
    assert f'value="{amount}"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert not till.balance(till.podcast).is_limited


def test_a_wallet_below_zero_gets_no_limit_before_it_is_filled(till, set_rules):
    till.spend("ada")
    answer = set_rules(is_limited="y", budget="7")
    assert answer.status_code == 422
    assert "The wallet is $0.20 below zero. Top it up, or set its balance, first." in words(answer)
    assert 'value="7"' in answer.text


def test_rules_of_a_wallet_that_is_not_here_lead_nowhere(till, cast, set_rules, browser):
    other = Till(cast, ("cy",), name="Night Shift")
    for host in (other.ids["cy"], "", "x", "-1", "0", 10**30, "1 "):
        path = f"?host={host}"
        assert set_rules(path, is_limited="y").status_code == 404, host
        assert browser.get(f"/podcasts/{till.show_id}/spend/rules{path}").status_code == 404, host
    assert not till.balance(till.podcast).is_limited
    assert not till.balance(other.of("cy")).is_limited


# Who


def test_a_host_moves_nothing(app, till):
    query = select(PodcastMember).filter_by(user_id=till.ids["bo"])
    db.session.execute(query).scalar_one().role = Role.CONTRIBUTOR
    db.session.commit()
    wallet.set_rules(till.podcast, Rules(budget=DOLLAR), NOBODY, till.now)
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, till.ids["bo"]))
    here = f"/podcasts/{till.show_id}/spend"
    fields = {"topup-amount": "5", "topup-wallet": "podcast", "topup-key": "k", "amount": "5"}
    for path in ("top-up", "transfer", "grant", "balance", "rules"):
        assert browser.post(f"{here}/{path}", fields).status_code == 403
    assert till.entries() == []
    assert till.balance(till.podcast).budget == DOLLAR
