"""The Spend page: what each of a podcast's people sees of its money, and the entries by page, host and kind."""

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from benchmarks.bed import counting
from extensions import db
from models import EntryKind, EpisodeGuide, Podcast, PodcastMember, Post, Role, User, Wallet
from services import prices, spend_csv, wallet
from services.audit import NOBODY, Actor
from services.money import DOLLAR
from services.show_costs import ComingShow
from services.spend_forecast import ShowCost, covered_by_budget
from services.wallet import Rules
from services.wallet_entries import ENTRIES
from services.wallet_history import ALL
from tests.browser import Browser, words
from tests.till import WITH_LINK, WITHOUT, Till


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def till(cast):
    """Ada is admin, Bo a host. Its time is now: pages have no other."""
    till = Till(cast)
    till.now = datetime.now(UTC)
    members = select(PodcastMember).filter_by(user_id=till.ids["bo"])
    db.session.execute(members).scalar_one().role = Role.CONTRIBUTOR
    db.session.commit()
    return till


@pytest.fixture
def browsers(app, till):
    """Opens a page of the podcast as one of its people."""
    known = {}

    def open_as(name):
        if name not in known:
            known[name] = Browser(app, keep_limits=bool(known))
            known[name].let_in(db.session.get_one(User, till.ids[name]))
        return known[name]

    return open_as


@pytest.fixture
def read(browsers, till):
    def read(name="ada", path="spend"):
        answer = browsers(name).get(f"/podcasts/{till.show_id}/{path}")
        assert answer.status_code == 200, answer.status_code
        return words(answer)

    return read


def plan(till, cast, title="Queues", *, days=1, **configs):
    """A show so many days ahead; `configs` sets columns of hosts' texts."""
    podcast = db.session.get_one(Podcast, till.show_id)
    episode = cast.episode(podcast, title, at=till.now + timedelta(days=days))
    for host, columns in configs.items():
        for name, value in columns.items():
            setattr(cast.config(episode, host), name, value)
    db.session.commit()
    return episode


# What is seen


def test_a_podcast_that_spent_nothing_is_told_what_this_is(read):
    said = read()
    assert "Nothing is ever refused until an admin sets a limit" in said
    assert "$0.00 No limit: everything is written down, nothing is refused." in said
    assert "Each post, draft, top-up and transfer appears here" in said


def test_an_admin_sees_all_and_a_host_the_own_part_beside_the_podcasts_balance(till, read):
    till.top_up(till.podcast, 10)
    till.top_up(till.of("bo"), 3, note="for Bo alone")
    till.top_up(till.of("ada"), 4, note="for Ada alone")
    till.spend("ada", item=prices.POST_WITH_LINK)
    till.spend("bo", WITHOUT, item=prices.POST)
    admin, host = read("ada"), read("bo")
    for said in (admin, host):
        assert "Left in the podcast’s wallet $10.00" in said
        assert "for Bo alone" in said
    assert "for Ada alone" in admin
    assert "Ada" not in host.partition("How to spend less")[2]
    assert "for Ada alone" not in host
    assert "Left in your own wallet $2.985" in host
    assert "so far $0.215 spent" in admin
    assert "so far $0.015 spent for you" in host
    assert "Top up, transfer" not in host


def test_what_was_spent_and_what_is_owed_for_it_are_the_same_amount_to_the_last_digit(till, read):
    for name, cost in (("ada", WITH_LINK), ("bo", WITHOUT), ("ada", 1_020_000)):
        till.spend(name, cost)
    assert "Left in the podcast’s wallet -$1.235 " in read()
    assert "so far $1.235 spent" in read()
    assert "The podcast’s wallet -$1.235 " in read("ada", "spend/wallets")
    assert "Spend $1.235 posts, drafts and reads" in read("ada", "numbers")


def test_a_host_is_not_told_what_others_left_in_the_podcasts_wallet(till, read, browsers):
    till.spend("bo", WITHOUT)
    till.spend("ada", 1_020_000)
    till.spend("bo", WITHOUT)
    till.top_up(till.of("bo"), 3)
    till.spend("bo", WITHOUT)

    def table(name):
        here = f"/podcasts/{till.show_id}/spend/entries.csv"
        rows = csv.DictReader(io.StringIO(browsers(name).get(f"{here}?kind=charge&host={till.ids['bo']}").text))
        return [(row["wallet"], row["balance_usd"], row["held_after_usd"]) for row in rows]

    entries = read("bo").partition("Entries")[2]
    assert "-$1.05 in" not in entries
    assert "in the podcast’s wallet" not in entries
    assert "$2.985 in the wallet of Bo" in entries
    assert "-$1.05 in the podcast’s wallet" in read("ada").partition("Entries")[2]
    assert table("bo") == [("Bo", "2.985", "0.00"), ("podcast", "", ""), ("podcast", "", "")]
    assert table("ada")[1:] == [("podcast", "-1.05", "0.00"), ("podcast", "-0.015", "0.00")]


def test_a_host_does_not_get_others_entries_by_asking_for_them(till, read, browsers):
    till.spend("ada", 123_456)
    for path in (f"spend?host={till.ids['ada']}&kind=all", "spend?host=", "spend?kind=charge"):
        assert "-$0.123456" in read("ada", path)
        assert "$0.123456" not in read("bo", path).partition("Entries")[2]
    table = browsers("bo").get(f"/podcasts/{till.show_id}/spend/entries.csv?host={till.ids['ada']}").text
    assert table.count("\n") == 1


def test_the_budget_warns_at_80_percent_and_says_what_happens_next(till, read):
    wallet.set_rules(till.podcast, Rules(budget=DOLLAR), NOBODY, till.now)
    till.spend("ada", 799_999)
    assert "79 % of the budget of" in read()
    till.spend("ada", 1)
    assert "80 % are spent. At 100 % drafts stop; posts go on." in read()
    till.spend("bo", WITH_LINK)
    assert "$1.00 of $1.00" in read()
    assert "All of it is spent. No more drafts are asked for until the month ends" in read()


def test_a_budget_of_a_host_is_his_to_see_and_the_podcasts_is_the_admins(till, read):
    wallet.set_rules(till.of("bo"), Rules(budget=DOLLAR), NOBODY, till.now)
    wallet.set_rules(till.podcast, Rules(budget=5 * DOLLAR), NOBODY, till.now)
    till.spend("bo", 100_000)
    assert "$0.10 of $1.00" in read("bo")
    assert "$0.10 of $5.00" not in read("bo")
    assert "$0.10 of $5.00" in read("ada")


# Entries


def test_entries_are_paged_by_key_and_say_what_was_left(till, read):
    for number in range(1, 104):
        till.top_up(till.podcast, 1, note=f"no. {number},")
    first, older = read(), read(path=f"spend?before={4}")
    assert "no. 103," in first
    assert "no. 4," in first
    assert "no. 3," not in first
    assert "Older ›" in first
    assert "no. 3," in older
    assert "‹ Newer" in older
    assert "Older ›" not in older
    assert "+$1.00" in older
    assert "$3.00 in the podcast’s wallet" in older


def test_entries_can_be_chosen_by_host_and_kind(till, read):
    till.top_up(till.podcast, 5, note="first money")
    wallet.transfer(till.podcast, till.of("bo"), DOLLAR, key="t", by=Actor(till.ids["ada"]), now=till.now)
    till.spend("ada")
    wallet.reserve(till.order("bo"), till.now)
    everything = read(path="spend?kind=all")
    assert "Held: Post with link for Bo" in everything
    assert "Held: Post with link" not in read()
    assert "first money" not in read(path=f"spend?host={till.ids['bo']}")
    only = read(path="spend?kind=transfer")
    assert "To Bo for Bo -$1.00" in only
    assert "From the podcast for Bo +$1.00" in only
    assert "by Ada" in only
    assert "first money" not in only
    assert "Nothing fits" in read(path="spend?kind=refund")


@pytest.mark.parametrize(
    "query", ["before=0", "before=-1", "before=99999999999999", "before=x", "host=-1", "kind=%27", "kind=a&kind=b"]
)
def test_odd_addresses_show_the_first_page(till, read, query):
    till.top_up(till.podcast, 5, note="first money")
    assert "first money" in read(path=f"spend?{query}")


def test_what_has_gone_keeps_its_lines(till, read, cast):
    episode = plan(till, cast)
    till.spend("ada", episode_id=episode.id)
    till.spend("bo", episode_id=episode.id + 1)
    db.session.execute(db.delete(PodcastMember).where(PodcastMember.user_id == till.ids["bo"]))
    db.session.commit()
    said = read()
    assert "an episode that is gone" in said
    assert "for Bo" in said


# What is ahead


def test_the_forecast_says_what_each_show_costs_and_which_is_not_covered(till, cast, read):
    till.top_up(till.podcast, 1)
    plan(till, cast, "First", days=1)
    plan(till, cast, "Second", days=2, bo={"include_link": False})
    plan(till, cast, "Third", days=3, bo={"enabled": False})
    plan(till, cast, "Fourth", days=4)
    plan(till, cast, "Fifth", days=5)
    said = read()
    assert "Fourth is the first that the podcast’s wallet does not cover. Posts go out all the same" in said
    assert "2 with link, 0 without $0.60 left" in said
    assert "1 with link, 1 without $0.385 left" in said
    assert "1 with link, 0 without $0.185 left" in said
    assert "2 with link, 0 without -$0.215 left Not covered by the podcast’s wallet." in said
    assert "Fifth" not in said


def test_the_forecast_names_the_first_show_that_would_be_stopped(till, cast, read):
    till.top_up(till.podcast, 1)
    wallet.set_rules(till.podcast, Rules(is_limited=True, stops_posts=True), NOBODY, till.now)
    till.top_up(till.of("bo"), 1)
    wallet.adjust(till.of("bo"), 0, key="less", by=NOBODY, now=till.now)
    wallet.set_rules(till.of("bo"), Rules(is_limited=False), NOBODY, till.now)
    for days in range(1, 5):
        plan(till, cast, f"Show {days}", days=days)
    till.spend("ada", 2 * WITH_LINK)
    said = read()
    assert "Show 4 is the first that would be stopped: the podcast’s wallet does not cover it. Its posts wait" in said
    assert "Show 1 is the first" not in said


def test_a_wallet_without_a_limit_that_nobody_fills_is_no_trouble(till, cast, read):
    till.spend("ada")
    plan(till, cast, "First")
    for path in ("spend", "spend/wallets"):
        said = read("ada", path)
        assert "-$0.20" in said
        assert "Below zero" not in said
        assert "So much more was spent than put in." in said
    assert "Not covered" not in read()
    assert "No limit is set, so posts go out whatever they cost." in read()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            {"is_limited": True},
            "from then on, within a limit, since the podcast’s wallet has one.",
        ),
        ({}, "from then on, without a limit, since the podcast’s wallet has none."),
    ],
)
def test_whoever_gives_money_reads_which_limit_goes_along(till, read, rules, said):
    wallet.set_rules(till.podcast, Rules(**rules), NOBODY, till.now)
    assert read("ada", "spend/wallets").count(said) == 3


def test_posts_that_wait_are_paid_before_the_next_shows(till, cast, read):
    till.top_up(till.podcast, 1)
    begun = plan(till, cast, "Begun", days=-1)
    plan(till, cast, "Next", days=1)
    for host in ("ada", "bo"):
        config = cast.config(begun, host)
        config.status = "posting"
        post = Post(key=host, podcast_id=till.show_id, user_id=till.ids[host], config_id=config.id, text="Live now")
        post.not_after, post.cause = till.now + timedelta(hours=1), "x_credits"
        db.session.add(post)
    db.session.commit()
    said = read()
    assert "2 posts that wait take $0.03 first." in said
    assert "2 with link, 0 without $0.57 left" in said


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (3, "The budget covers the next 3 shows."),
        (1, "covers 2 of the next 3 shows; after that drafts stop, and posts go on."),
    ],
)
def test_the_forecast_says_what_the_budget_means_for_it(till, cast, read, budget, said):
    for days in (1, 2, 3):
        plan(till, cast, f"Show {days}", days=days / 1_000)
    wallet.set_rules(till.podcast, Rules(budget=budget * DOLLAR), NOBODY, till.now)
    assert said in read()
    assert "The budget covers" not in read("bo")


def test_a_budget_begins_anew_with_the_month():
    zone = Podcast(name="Deep Dive", timezone="UTC")
    since = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    at = [since + timedelta(hours=hours) for hours in (1, 2, 24, 25)]
    episodes = [EpisodeGuide(scheduled_at=one) for one in at]
    shows = [ShowCost(ComingShow(one, zone, ()), 1, 0, 60, 0, 0, ()) for one in episodes]
    assert covered_by_budget(shows, 120, 0, since) == 4
    assert covered_by_budget(shows, 120, 61, since) == 0
    assert covered_by_budget(shows[1:], 119, 0, since) == 2


def test_what_is_held_for_posts_that_nobody_decided_on_is_said_with_the_way_to_them(till, browsers, read):
    assert "decided on" not in read()
    post = Post(key="p", podcast_id=till.show_id, user_id=till.ids["bo"], text="Live", status="review")
    post.attempt_token, post.not_after = "t" * 32, till.now
    db.session.add(post)
    db.session.commit()
    wallet.reserve(till.order("bo", WITH_LINK, key=f"attempt:{'t' * 32}"), till.now)
    page = browsers("ada").get(f"/podcasts/{till.show_id}/spend")
    assert "Held: $0.20 for 1 post that nobody has decided on." in words(page)
    assert f"/posts?podcast={till.show_id}&amp;status=review" in page.text
    assert "Held: $0.20" in read("bo")


def test_the_forecast_uses_the_prices_of_that_day_and_the_money_that_comes_in_before(till, cast, read):
    begins = till.now + timedelta(days=30)
    prices.change({"x_post_link": 500_000}, begins, NOBODY, till.now)
    wallet.set_rules(till.podcast, Rules(is_limited=True, allowance=2 * DOLLAR), NOBODY, till.now)
    plan(till, cast, "Far", days=40)
    said = read()
    assert "Far $1.00" in said
    assert "Covered This show is paid for." in said
    months = (begins + timedelta(days=10)).month - till.now.month
    assert f"${2 * (months % 12) - 1}.00 left" in said


def test_a_host_with_money_of_the_own_is_forecast_apart(till, cast, read):
    till.top_up(till.podcast, 5)
    till.top_up(till.of("bo"), 1)
    wallet.adjust(till.of("bo"), 100_000, key="less", by=NOBODY, now=till.now)
    plan(till, cast, "First")
    assert "First is the first that the wallet of Bo does not cover." in read("ada")
    assert "$4.80 left Not covered by the wallet of Bo." in read("ada")


def test_a_host_is_not_told_whose_wallet_of_the_others_is_short(till, cast, read):
    till.top_up(till.podcast, 5)
    till.top_up(till.of("ada"), 1)
    wallet.adjust(till.of("ada"), 1_000, key="less", by=NOBODY, now=till.now)
    plan(till, cast, "First")
    assert "the wallet of another host" in read("bo")


def test_reads_that_were_needed_so_far_are_expected_again(till, cast, read):
    till.spend("ada")
    till.spend("ada")
    wallet.record_all(db.session(), [till.order(cost=5_000, item=prices.READ)], till.now)
    db.session.commit()
    plan(till, cast, "First")
    assert "First $0.406" in read()
    assert "reads about $0.006" in read()


# What to do about it


def test_how_to_spend_less_is_worked_out_of_what_was_counted(till, read):
    for _ in range(3):
        till.spend("ada")
    till.spend("ada", 2_500, item="ai:gpt-5", draft_id=1)
    till.spend("ada", 1_500, item="ai:gpt-5", draft_id=2)
    said = read().partition("How to spend less")[2]
    assert (
        "Post without links saves $0.555 A post with a link costs $0.20, one without $0.015. 3 posts had one." in said
    )
    assert "Use the built-in writer saves $0.004" in said
    assert "2 drafts came from an AI, $0.002 each on average." in said
    assert "Read less at X Each post that is read at X costs $0.005." in said


def test_reads_of_posts_and_of_accounts_are_counted_apart_so_that_the_sum_can_be_followed(till, read):
    for _ in range(3):
        till.spend("ada", 5_000, item=prices.READ)
    for host in ("ada", "bo"):
        till.spend(host, 10_000, item="x_user_read")
    said = read().partition("Read less at X ")[2]
    assert said.startswith("saves $0.035 Each post that is read at X costs $0.005. Airhorn reads posts when X did not")
    assert "where that is switched on. 3 posts took $0.015. Each account costs $0.01: Rehearse reads" in said
    assert "once a day at most. 2 accounts took $0.02." in said


def test_the_bars_say_in_words_what_they_draw(till, browsers):
    till.spend("ada", 300_000)
    till.spend("bo", 100_000, item="ai")
    page = browsers("ada").get(f"/podcasts/{till.show_id}/spend").text
    assert 'role="img" aria-labelledby="for-whom-title for-whom-words"' in page
    month = datetime.now(UTC).strftime("%B")
    assert f"Ada: $0.30 in {month}, $0.00 in " in page
    assert '<rect class="this" x="0" y="68" width="33.3%" height="10"/>' in page
    assert "Posts with link" in page
    assert "Drafts by AI" in page
    assert " style=" not in page


# The table


def test_the_table_holds_every_entry_and_no_formula(till, browsers, cast):
    db.session.get_one(User, till.ids["bo"]).name = '=HYPERLINK("http://evil.example";"Bo")'
    db.session.commit()
    till.top_up(till.podcast, 2, note="+1-2; @SUM(A1)", by=Actor(till.ids["ada"]))
    till.spend("bo")
    answer = browsers("ada").get(f"/podcasts/{till.show_id}/spend/entries.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="spend-{till.show_id}.csv"'
    charge, reserve, top_up = csv.DictReader(io.StringIO(answer.text))
    assert (charge["kind"], charge["amount_usd"], charge["cost_usd"], charge["balance_usd"]) == (
        *("charge", "-0.20"),
        *("0.20", "1.80"),
    )
    assert charge["host"] == """'=HYPERLINK("http://evil.example";"Bo")"""
    assert (reserve["kind"], reserve["held_usd"]) == ("reserve", "0.20")
    assert (top_up["note"], top_up["by"], top_up["wallet"]) == ("'+1-2; @SUM(A1)", "Ada", "podcast")


#: behind what is written and not shown, which spreadsheets may leave out; and a minus of another sort
UNSEEN = ["\u2003=1", "\u3000+1", "\u200b=1", "\ufeff@a", " \u2060\u00a0-1", "\x0b=1", "\u2028=1", "\u22121"]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", " =1", "\r=1", "＝1", *UNSEEN])
def test_what_a_spreadsheet_would_reckon_is_made_a_word(cell):
    assert spend_csv.plain_cell(cell) == f"'{cell}"
    assert spend_csv.plain_cell("a" + cell) == "a" + cell
    assert spend_csv.plain_cell(unseen := "\u200b\u2003") == unseen


def fill(till, numbers):
    wallet_id = db.session.execute(select(Wallet.id).filter_by(owner="podcast")).scalar_one()
    row = {"wallet_id": wallet_id, "podcast_id": till.show_id, "at": till.now, "kind": EntryKind.TOP_UP, "amount": 1}
    row |= {"held": 0, "cost": 0, "balance_after": 1, "held_after": 0, "note": "n" * 100}
    db.session.execute(insert(ENTRIES), [row | {"key": f"many:{n}"} for n in numbers])
    db.session.commit()


@pytest.mark.slow
def test_a_table_of_10_000_entries_takes_no_more_memory_than_one_of_1_000(till):
    till.top_up(till.podcast)
    peaks = []
    for number, total in ((1_000, 1_002), (10_000, 10_002)):
        fill(till, range(1_000 if peaks else 0, number))
        sum(1 for _ in spend_csv.lines(till.show_id, ALL, for_admin=True))
        tracemalloc.start()
        assert sum(1 for _ in spend_csv.lines(till.show_id, ALL, for_admin=True)) == total
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


# Statements


def test_statements_do_not_grow_with_entries_or_shows(till, cast, browsers):
    taken = []
    for more in (1, 30):
        for n in range(more):
            till.spend(("ada", "bo")[n % 2], item=("ai", prices.READ, prices.POST)[n % 3])
        plan(till, cast, f"Show {more}", days=more)
        browsers("ada").get(f"/podcasts/{till.show_id}/spend")
        with counting() as counted:
            browsers("ada").get(f"/podcasts/{till.show_id}/spend")
        taken.append(counted.statements)
    assert taken[0] == taken[1] <= 12
