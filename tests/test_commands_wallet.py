"""The wallet's commands: what they move, what they print, and one line for everything that cannot be."""

import json
import re

import pytest
from sqlalchemy import text

from extensions import db
from models import EntryKind
from services.money import DOLLAR
from tests.till import WITH_LINK, Till

ADA, BO = "ada@example.com", "bo@example.com"


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def till(cast):
    return Till(cast)


@pytest.fixture
def ask(runner, till):
    """Runs a command of the wallet and answers what it printed."""

    def ask(*arguments, code=0):
        result = runner.invoke(args=["wallet", *arguments])
        assert result.exit_code == code, result.output
        return result.stdout

    return ask


@pytest.fixture
def document(ask):
    return lambda *arguments, **more: json.loads(ask(*arguments, "--json", **more))


@pytest.fixture
def refused(runner, till):
    """Runs a command that must end with one line and exit 1 and write nothing; answers the line."""

    def refused(*arguments):
        before = len(till.entries())
        result = runner.invoke(args=["wallet", *arguments])
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        assert len(till.entries()) == before
        (line,) = result.stderr.splitlines()
        return line.removeprefix("Error: ")

    return refused


def test_a_top_up_says_what_is_there_now(till, ask, document):
    assert ask("top-up", "deep-dive", "$25", "--note", "November") == "$25.00 are in; the balance is $25.00.\n"
    said = document("top-up", "deep-dive", "0.5", "--host", BO, "--key", "one")
    assert said == document("top-up", "deep-dive", "0.5", "--host", BO, "--key", "one")
    assert said == {
        "podcast": "deep-dive",
        "host": BO,
        "amount": "$0.50",
        "balance": "$0.50",
        "amount_micros": 500_000,
        "balance_micros": 500_000,
    }
    assert [(entry.kind, entry.note) for entry in till.entries()] == [("top_up", "November"), ("top_up", "")]


def test_a_transfer_goes_there_and_back(till, ask, document):
    till.top_up(till.podcast, 10)
    assert ask("transfer", "deep-dive", "4", "--to", BO) == (
        "$4.00 are moved; the podcast has $6.00, the host $4.00.\n"
    )
    said = document("transfer", "deep-dive", "1", "--from", BO)
    assert (said["from"], said["podcast_balance"], said["host_balance"]) == (BO, "$7.00", "$3.00")


def test_every_host_is_given_the_same(till, ask, document, refused):
    till.top_up(till.podcast, 5)
    assert ask("grant", "deep-dive", "2") == "2 hosts have $2.00 more.\n"
    assert refused("grant", "deep-dive", "2") == "Deep Dive has $1.00 to give away, not $2.00."
    till.top_up(till.podcast, 1)
    said = document("grant", "deep-dive", "1")
    assert [(host["host"], host["balance"]) for host in said["hosts"]] == [(ADA, "$3.00"), (BO, "$3.00")]


def test_rules_are_set_one_by_one(till, ask, document):
    said = document("set", "deep-dive", "--limit", "--allowance", "20", "--budget", "$15.5")
    assert (said["limited"], said["stops_posts"], said["allowance"], said["budget"]) == (
        True,
        False,
        "$20.00",
        "$15.50",
    )
    said = document("set", "deep-dive", "--stop-posts", "--budget", "none")
    assert (said["limited"], said["stops_posts"], said["allowance"], said["budget"]) == (True, True, "$20.00", None)
    document("set", "deep-dive", "--host", BO, "--limit")
    assert ask("show", "deep-dive") == (
        f"deep-dive: $0.00, with a limit, which stops posts, $20.00 a month\n{ADA}: $0.00\n{BO}: $0.00, with a limit\n"
    )
    hosts = document("show", "deep-dive")["hosts"]
    assert [(host["host"], host["limited"], host["pays_itself"]) for host in hosts] == [
        (ADA, False, False),
        (BO, True, True),
    ]


def test_the_history_is_read_page_by_page(till, ask, document):
    till.top_up(till.podcast)
    till.spend("ada")
    first = document("history", "deep-dive", "--limit", "2")
    assert [entry["kind"] for entry in first["entries"]] == ["charge", "reserve"]
    assert (first["entries"][0]["cost"], first["entries"][0]["host"]) == ("$0.20", "Ada")
    second = document("history", "deep-dive", "--before", str(first["older"]))
    assert ([entry["kind"] for entry in second["entries"]], second["older"]) == (["top_up"], None)
    lines = ask("history", "deep-dive", "--limit", "2").splitlines()
    assert lines[0].split() == ["Entry", "When", "Amount", "Balance", "What", "By", "About"]
    assert re.search(r" -\$0\.20 .* Post with link .* Ada$", lines[1])
    assert {line.index("Post with link") for line in lines[1:3]} == {lines[0].index("What")} or "Held" in lines[2]
    assert lines[3] == f"There is more: --before {first['older']}"
    assert document("history", "deep-dive", "--host", BO)["entries"] == []
    assert len(document("history", "deep-dive", "--all")["entries"]) == 3


def test_the_check_says_so_when_a_wallet_does_not_add_up(till, ask, document):
    till.top_up(till.podcast)
    assert ask("check") == "All wallets add up.\n"
    assert document("check") == {"differences": []}
    db.session.execute(text("UPDATE wallets SET balance = balance + 1"))
    db.session.commit()
    assert ask("check", code=1).startswith("Wallet 1 of podcast 1: It says $1.000001")
    assert [one["wallet"] for one in document("check", code=1)["differences"]] == [1]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("top-up", "deep-dive", "0"), "The amount must be more than zero."),
        (("top-up", "deep-dive", "--", "-2"), "The amount must be more than zero."),
        (("top-up", "deep-dive", "0.0000001"), "finer than a millionth"),
        (("top-up", "deep-dive", "1" + "0" * 30), "Nobody means that."),
        (("top-up", "deep-dive", "two"), "“two” is no amount of money."),
        (("top-up", "nowhere", "2"), "There is no podcast “nowhere”."),
        (("top-up", "deep-dive", "2", "--host", "cy@example.com"), "Nobody here has the address"),
        (("top-up", "deep-dive", "2", "--key", ""), "The key is empty."),
        (("top-up", "deep-dive", "9", "--key", "used"), "The same key was used before, with $2.00."),
        (("transfer", "deep-dive", "2", "--from", BO), "Bo has $0.00 to give away, not $2.00."),
        (("transfer", "deep-dive", "nan", "--to", BO), "is no amount of money"),
        (("set", "deep-dive"), "Nothing was given to be set."),
        (("set", "deep-dive", "--budget", "-1"), "The budget must be more than zero."),
        (("set", "deep-dive", "--host", BO, "--stop-posts"), "for the whole podcast"),
        (("history", "nowhere"), "There is no podcast"),
    ],
)
def test_what_cannot_be_is_one_line(till, refused, arguments, said):
    till.top_up(till.podcast, 2, key="used")
    assert said in refused(*arguments)


def test_a_transfer_has_one_direction(ask):
    ask("transfer", "deep-dive", "2", code=2)
    ask("transfer", "deep-dive", "2", "--to", ADA, "--from", BO, code=2)


def test_a_wallet_below_zero_is_told_before_it_is_limited(till, refused, ask):
    till.spend("ada")
    assert refused("set", "deep-dive", "--limit").startswith("The wallet is $0.20 below zero.")
    ask("top-up", "deep-dive", "1")
    ask("set", "deep-dive", "--limit")
    assert till.stands(till.podcast) == (DOLLAR - WITH_LINK, 0)
    assert len(till.entries(EntryKind.TOP_UP)) == 1


def test_who_pays_for_a_host_is_a_choice(till, ask, document, refused):
    till.top_up(till.podcast)
    ask("transfer", "deep-dive", "1", "--to", ADA)
    assert document("set", "deep-dive", "--host", ADA, "--podcast-pays")["pays_itself"] is False
    ask("transfer", "deep-dive", "1", "--from", ADA)
    assert document("set", "deep-dive", "--host", ADA, "--pays-itself")["pays_itself"] is True
    assert document("set", "deep-dive", "--host", ADA, "--budget", "5")["pays_itself"] is True
    assert "Who pays is set for a host" in refused("set", "deep-dive", "--podcast-pays")
    assert "A limit is for who pays" in refused("set", "deep-dive", "--host", ADA, "--limit", "--podcast-pays")
