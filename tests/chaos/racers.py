"""What each process of a race does, in the fork server's children. Answers go as JSON into the file that is named."""

import json
import mmap
import random
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from extensions import db
from models import Post
from services import outbox, wallet
from services.audit import NOBODY
from services.errors import Conflict
from services.registry import get_services
from services.wallet import Order, Whose
from services.wallet_check import differences

#: whoever waits for the others longer goes on alone
PATIENCE = 5.0
#: how far apart those who meet may start, in seconds
JITTER = 0.003
#: so long a host waits at most before he switches off what is being sent
WHILE_SENDING = 0.02


class Meeting:
    """A place where threads of several processes wait for each other before each item: a number each, in a file."""

    def __init__(self, path: str, seats: int) -> None:
        self._seats = seats
        with Path(path).open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * seats)

    @staticmethod
    def make(path: Path, seats: int) -> None:
        path.write_bytes(b"\0" * 8 * seats)

    def wait(self, seat: int, item: int) -> None:
        """Until everybody is at this item, counted from 1."""
        struct.pack_into("q", self._map, 8 * seat, item)
        over = time.monotonic() + PATIENCE
        while min(struct.unpack_from(f"{self._seats}q", self._map)) < item and time.monotonic() < over:
            time.sleep(0.0003)

    def leave(self, seat: int) -> None:
        struct.pack_into("q", self._map, 8 * seat, 2**62)


def _in_threads(app: Flask, order: dict[str, Any], act: Callable[[int, Any], Any]) -> None:
    """Each thread goes through all items, everybody at the same one at the same time; `act(seat, item)`."""
    meeting = Meeting(order["meeting"], order["seats"])
    answers: dict[str, list[Any]] = {}

    def go(seat: int) -> None:
        dice = random.Random(f"{order['seed']} {seat}")
        with app.app_context():
            for n, item in enumerate(order["items"], start=1):
                meeting.wait(seat, n)
                time.sleep(dice.random() * JITTER)
                answers.setdefault(str(seat), []).append(act(seat, item))
                db.session.remove()
        meeting.leave(seat)

    threads = [threading.Thread(target=go, args=(seat,)) for seat in order["my_seats"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Path(order["out"]).write_text(json.dumps(answers))


def _said(act: Callable[[], Any]) -> str:
    """The sentence, of success or of refusal."""
    try:
        return str(act())
    except Conflict as refused:
        db.session.rollback()
        return f"refused: {refused}"


def drain(app: Flask, order: dict[str, Any]) -> None:
    """Sends whatever is due until nothing waits."""
    over = time.monotonic() + order["seconds"]
    with app.app_context():
        while time.monotonic() < over:
            get_services().posting.drain()
            if not db.session.execute(select(Post.id).where(Post.status == "queued").limit(1)).all():
                return
            db.session.rollback()
            time.sleep(0.005)


def work(app: Flask, order: dict[str, Any]) -> None:
    """Sends, looks up and reaps every second, as the jobs do, until every post is at an end."""
    over = time.monotonic() + order["seconds"]
    unfinished = select(Post.id).where(Post.status.in_(("queued", "sending", "unknown"))).limit(1)
    services = get_services()
    with app.app_context():
        while time.monotonic() < over:
            services.posting.drain()
            services.confirming.look_up(_now())
            services.posting.reap(_now())
            if not db.session.execute(unfinished).all():
                return
            db.session.rollback()
            time.sleep(1.0)


def queue(app: Flask, order: dict[str, Any]) -> None:
    """Everybody puts the same row into the outbox; says how many were made."""

    def act(_seat: int, row: dict[str, Any]) -> int:
        now = _now()
        times = {"not_before": now, "not_after": now + timedelta(hours=1)}
        made = outbox.add_posts(db.session(), [row | times], now)
        db.session.commit()
        return len(made)

    _in_threads(app, order, act)


def release_and_send(app: Flask, order: dict[str, Any]) -> None:
    """Makes the posts of a batch due and sends them; a second process only sends."""
    is_first = order["is_first"]

    def act(_seat: int, configs: list[int]) -> None:
        if is_first:
            due = update(Post).where(Post.config_id.in_(configs)).values(not_before=_now())
            db.session.execute(due, execution_options={"synchronize_session": False})
            db.session.commit()
        get_services().posting.drain()

    _in_threads(app, order, act)


def switch_off(app: Flask, order: dict[str, Any]) -> None:
    """Each switches his part of a batch off while it is being sent."""
    tweets = get_services().tweets
    first = order["my_seats"][0]
    dice = random.Random(order["seed"])

    def act(seat: int, configs: list[int]) -> list[Any]:
        answers = []
        for id in configs[seat - first :: len(order["my_seats"])]:
            time.sleep(dice.random() * WHILE_SENDING)
            answers.append([id, _said(lambda id=id: tweets.set_tweet(id, enabled=False, now=_now()))])
        return answers

    _in_threads(app, order, act)


def post_now(app: Flask, order: dict[str, Any]) -> None:
    """Several click for the same host at the same moment."""
    by_hand = get_services().by_hand
    _in_threads(app, order, lambda _seat, id: _said(lambda: by_hand.post_now(id, _now(), without_link=True)))


def start_or_post_now(app: Flask, order: dict[str, Any]) -> None:
    """Who sits first announces the broadcast; the others click for its hosts, each in an order of his own."""
    services = get_services()

    def act(seat: int, item: dict[str, Any]) -> list[str]:
        if seat == 0:
            return [str(services.tweets.announce([item["broadcast"]], _now()))]
        configs = random.Random(f"{seat} {item['broadcast']}").sample(item["configs"], len(item["configs"]))
        return [_said(lambda id=id: services.by_hand.post_now(id, _now(), without_link=True)) for id in configs]

    _in_threads(app, order, act)


def refresh(app: Flask, order: dict[str, Any]) -> None:
    """Everybody finds the same pair stale at the same moment."""
    tokens = get_services().tokens

    def act(_seat: int, connection_id: int) -> bool:
        taken = tokens.begin_refresh(connection_id, _now())
        return taken is not None and tokens.finish_refresh(taken, tokens.call_refresh(taken), _now())

    _in_threads(app, order, act)


def spend(app: Flask, order: dict[str, Any]) -> None:
    """Everybody wants all that is in the wallet of the same podcast."""

    def act(seat: int, podcast_id: int) -> str:
        wanted = Order(key=f"all of {podcast_id} by {seat}", whose=Whose(podcast_id), item="ai", cost=order["cost"])

        def buy() -> str:
            wallet.charge(wallet.reserve(wanted, _now()), order["cost"], _now())
            return "spent"

        return _said(buy)

    _in_threads(app, order, act)


def move_money(app: Flask, order: dict[str, Any]) -> None:
    """Everybody spends from the same podcast's wallet, fills it, gives from it and takes back, as the dice say."""
    dice = random.Random(order["seed"])
    podcast, host = Whose(order["podcast"]), Whose(order["podcast"], order["host"])

    def act(seat: int, item: int) -> str:
        key, many = f"{item} of {podcast.podcast_id} by {seat}", dice.randint(1, order["cost"])
        deed = {"key": key, "by": NOBODY, "now": _now()}
        wanted = Order(key=key, whose=dice.choice((podcast, host)), item="ai", cost=many)
        deeds: list[Callable[[], Any]] = [
            lambda: wallet.charge(wallet.reserve(wanted, _now()), dice.randint(0, many), _now()),
            lambda: wallet.release(wallet.reserve(wanted, _now()), _now()),
            lambda: wallet.transfer(podcast, host, many, **deed),
            lambda: wallet.transfer(host, podcast, many, **deed),
            lambda: wallet.top_up(podcast, many, **deed),
        ]
        return _said(dice.choice(deeds))[:7]

    _in_threads(app, order, act)


def check_wallets(app: Flask, order: dict[str, Any]) -> None:
    """What does not add up."""
    with app.app_context():
        Path(order["out"]).write_text(json.dumps({"differences": [one.what for one in differences()]}))


def _now() -> datetime:
    return datetime.now(UTC)


RACERS: dict[str, Callable[[Flask, dict[str, Any]], None]] = {
    "drain": drain,
    "work": work,
    "queue": queue,
    "release and send": release_and_send,
    "switch off": switch_off,
    "post now": post_now,
    "start or post now": start_or_post_now,
    "refresh": refresh,
    "spend": spend,
    "move money": move_money,
    "check wallets": check_wallets,
}
