"""`flask wallet …`: what a podcast and its hosts have to spend, moved and shown by hand."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask

from console import Group, as_json, print_json, say
from extensions import reading
from services import money, wallet
from services.audit import NOBODY
from services.errors import Conflict, Invalid
from services.members import members_of
from services.money import dollars
from services.podcasts import find_podcast
from services.spend_words import line_words
from services.users import find_user
from services.wallet import Balance, Batch, Rules, Whose
from services.wallet_check import differences
from services.wallet_history import PAGE, HistoryLine

wallets = Group("wallet", help="What podcasts and hosts have to spend, in US dollars.")
of_host = click.option("--host", metavar="EMAIL", help="This host's wallet in the podcast; its own if not given.")
keyed = click.option("--key", metavar="TEXT", help="Names this deed: with the same key it is done once only.")
noted = click.option("--note", default="", metavar="TEXT", help="Stands beside the entry.")
NO_RULE = "none"
HEAD = ("Entry", "When", "Amount", "Balance", "What", "By", "About")
NUMBERS = frozenset({"Entry", "Amount", "Balance"})


def init_app(app: Flask) -> None:
    app.cli.add_command(wallets)


# Moving money


@wallets.command("top-up")
@click.argument("slug")
@click.argument("amount")
@of_host
@keyed
@noted
@as_json
def top_up(slug: str, amount: str, host: str | None, key: str | None, note: str, as_json: bool) -> None:
    """Put money into a podcast's wallet, or a host's."""
    whose, micros = _whose(slug, host), money.parse("the amount", amount)
    done = wallet.top_up(whose, micros, note=note, **_deed(key))
    said = {"podcast": slug, "host": host} | _money(amount=done.amount, balance=done.balance_after)
    say(as_json, lambda: said, "{amount} are in; the balance is {balance}.")


@wallets.command("transfer")
@click.argument("slug")
@click.argument("amount")
@click.option("--to", "to_host", metavar="EMAIL", help="From the podcast to this host.")
@click.option("--from", "from_host", metavar="EMAIL", help="From this host back to the podcast.")
@keyed
@noted
@as_json
def transfer(  # noqa: PLR0913 - the options of the command
    slug: str, amount: str, to_host: str | None, from_host: str | None, key: str | None, note: str, as_json: bool
) -> None:
    """Move money between a podcast and one of its hosts."""
    if (to_host is None) == (from_host is None):
        raise click.UsageError("Give --to or --from, one of them.")
    podcast, host = _whose(slug, None), _whose(slug, to_host or from_host)
    ends = (podcast, host) if to_host else (host, podcast)
    micros = money.parse("the amount", amount)
    moved = wallet.transfer(*ends, micros, note=note, **_deed(key))
    after = (moved.source_after, moved.target_after) if to_host else (moved.target_after, moved.source_after)
    said = {"podcast": slug, "from": from_host, "to": to_host}
    said |= _money(amount=micros, podcast_balance=after[0], host_balance=after[1])
    say(as_json, lambda: said, "{amount} are moved; the podcast has {podcast_balance}, the host {host_balance}.")


@wallets.command("grant")
@click.argument("slug")
@click.argument("amount")
@keyed
@noted
@as_json
def grant(slug: str, amount: str, key: str | None, note: str, as_json: bool) -> None:
    """Give every host of a podcast so much from its wallet, or nobody anything."""
    podcast_id, micros = _whose(slug, None).podcast_id, money.parse("the amount", amount)
    batch = wallet.grant(podcast_id, micros, note=note, **_deed(key))
    if not batch.is_done:
        raise Conflict(batch.trouble)
    said = {"podcast": slug, "hosts": _granted(podcast_id, batch)} | _money(amount=micros)
    say(as_json, lambda: said | ({} if as_json else {"hosts": len(batch.rows)}), "{hosts} hosts have {amount} more.")


def _granted(podcast_id: int, batch: Batch) -> list[dict[str, Any]]:
    emails = {member.user_id: member.email for member in members_of(podcast_id)}
    return [{"host": emails[row.transfer.target.user_id or 0]} | _money(balance=row.target_after) for row in batch.rows]


# Rules


@wallets.command("set")
@click.argument("slug")
@of_host
@click.option("--limit/--no-limit", "is_limited", default=None, help="Whether more than is there can be spent.")
@click.option("--stop-posts/--let-posts", "stops_posts", default=None, help="Whether a limit also stops posts.")
@click.option("--allowance", metavar="AMOUNT|none", help="Comes into the wallet every month.")
@click.option("--budget", metavar="AMOUNT|none", help="For drafts and posts of a month; at its end drafts stop.")
@click.option("--pays-itself/--podcast-pays", "pays", default=None, help="From which wallet a host's costs are paid.")
@as_json
def set_rules(slug: str, host: str | None, as_json: bool, **given: Any) -> None:
    """Set what a wallet may spend. What is not given stays as it is."""
    whose = _whose(slug, host)
    before = wallet.bulk_get_balances([whose])[whose]
    kept = {name: getattr(before, name) for name in Rules.__slots__ if name != "pays"}
    rules = kept | _wanted(given)
    wallet.set_rules(whose, Rules(**rules), NOBODY, datetime.now(UTC))
    say(as_json, lambda: {"podcast": slug, "host": host} | _standing(wallet.bulk_get_balances([whose])[whose]))


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        raise Invalid("Nothing was given to be set.")
    for name in wanted.keys() & {"allowance", "budget"}:
        typed = str(wanted[name])
        wanted[name] = None if typed == NO_RULE else money.parse(f"the {name}", typed)
    return wanted


# Seeing


@wallets.command("show")
@click.argument("slug")
@as_json
def show(slug: str, as_json: bool) -> None:
    """The wallets of a podcast and of everybody on it."""
    reading()
    podcast = _whose(slug, None)
    members = {member.email: Whose(podcast.podcast_id, member.user_id) for member in members_of(podcast.podcast_id)}
    found = wallet.bulk_get_balances([podcast, *members.values()])
    hosts = [{"host": email} | _standing(found[whose]) for email, whose in members.items()]
    if as_json:
        print_json({"podcast": slug} | _standing(found[podcast]) | {"hosts": hosts})
        return
    for name, whose in {slug: podcast, **members}.items():
        click.echo(f"{name}: {_words(found[whose])}")


@wallets.command("history")
@click.argument("slug")
@of_host
@click.option("--all", "everything", is_flag=True, help="Of the podcast and all its hosts.")
@click.option("--before", type=click.IntRange(1, 2**31 - 1), metavar="ID", help="Only what is older than this entry.")
@click.option("--limit", type=click.IntRange(1, PAGE), default=PAGE, show_default=True, metavar="N")
@as_json
def history(slug: str, host: str | None, everything: bool, before: int | None, limit: int, as_json: bool) -> None:
    """The entries of a wallet, newest first."""
    reading()
    found = wallet.history(_whose(slug, host), everything=everything, before=before, limit=limit)
    if as_json:
        print_json({"entries": [_entry(line) for line in found.lines], "older": found.older})
        return
    for row in _aligned([HEAD, *(_columns(line) for line in found.lines)] if found.lines else []):
        click.echo(row)
    if found.older is not None:
        click.echo(f"There is more: --before {found.older}")


@wallets.command("check")
@as_json
def check(as_json: bool) -> None:
    """Whether every balance is what its entries add up to; exit 1 when one is not."""
    reading()
    found = differences()
    if as_json:
        named = [{"wallet": one.wallet_id, "podcast": one.podcast_id, "what": one.what} for one in found]
        print_json({"differences": named})
    else:
        for one in found:
            click.echo(f"Wallet {one.wallet_id or '-'} of podcast {one.podcast_id or '-'}: {one.what}")
        if not found:
            click.echo("All wallets add up.")
    if found:
        raise SystemExit(1)


# Words


def _whose(slug: str, host: str | None) -> Whose:
    podcast_id = find_podcast(slug).id
    return Whose(podcast_id, find_user(host).id if host is not None else None)


def _deed(key: str | None) -> dict[str, Any]:
    return {"key": key if key is not None else secrets.token_hex(8), "by": NOBODY, "now": datetime.now(UTC)}


def _money(**micros: int | None) -> dict[str, Any]:
    """Each as people read it, and in micro-dollars."""
    shown = {name: dollars(value) if value is not None else None for name, value in micros.items()}
    return shown | {f"{name}_micros": value for name, value in micros.items()}


def _standing(one: Balance) -> dict[str, Any]:
    flags = {"limited": one.is_limited, "stops_posts": one.stops_posts, "pays_itself": one.pays}
    return _money(balance=one.balance, held=one.held, allowance=one.allowance, budget=one.budget) | flags


def _words(one: Balance) -> str:
    parts = [dollars(one.balance)]
    parts += [f"{dollars(one.held)} held"] if one.held else []
    parts += ["with a limit"] if one.is_limited else []
    parts += ["which stops posts"] if one.is_limited and one.stops_posts else []
    parts += [f"{dollars(one.allowance)} a month"] if one.allowance is not None else []
    parts += [f"a budget of {dollars(one.budget)}"] if one.budget is not None else []
    return ", ".join(parts)


def _entry(line: HistoryLine) -> dict[str, Any]:
    numbers = _money(amount=line.amount, cost=line.cost, balance=line.balance_after, held=line.held_after)
    names = ("id", "at", "kind", "item", "wallet", "host", "actor", "episode", "episode_id", "post_id", "draft_id")
    return (
        {name: getattr(line, name) for name in names} | numbers | {"price_list": line.price_list_id, "note": line.note}
    )


def _columns(line: HistoryLine) -> tuple[str, ...]:
    about = ", ".join(part for part in (line.host, line.episode, line.note) if part)
    at, by = f"{line.at.astimezone():%Y-%m-%d %H:%M}", line.actor or "Airhorn"
    return str(line.id), at, dollars(line.amount), dollars(line.balance_after), line_words(line), by, about


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Numbers to the right, words to the left, each column as wide as what stands in it; the last one is not filled."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))] if rows else []
    for row in rows:
        cells = [
            cell.rjust(width) if name in NUMBERS else cell.ljust(width)
            for name, cell, width in zip(HEAD, row, widths, strict=True)
        ]
        yield "  ".join(cells).rstrip()
