"""The first account: made by whoever opens a link that is printed where the server was started."""

from datetime import datetime

import click
from flask import Flask
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from extensions import db
from models import LinkPurpose, OneTimeLink, User
from services import audit, links
from services.audit import Actor, Kind
from services.checks import email_address, one_line, zone_name
from services.errors import Conflict
from services.passwords import check_strength, hash_password
from services.scheduler import should_start
from services.users import LONGEST_NAME

OFFER = "No account yet. Open this once to make the first one: {link}"


def offer_at_start(app: Flask, now: datetime) -> None:
    """Prints the link when a serving process starts on a database without accounts.

    Written to the console and not to the log: the log is kept, and others may read it.
    """
    if not should_start():
        return
    with app.app_context():
        try:
            link = offer(now)
        except (OperationalError, ProgrammingError):  # no tables yet, or no database: others say so
            link = None
        finally:
            db.session.remove()
    if link is not None:
        click.echo(OFFER.format(link=link), err=True)


def offer(now: datetime) -> str | None:
    """A new link to the first account; None when there are accounts, or one that can be used is printed already.

    Of several processes that start at once, one gets it: the database keeps a single link open.
    """
    return None if _has_users() else _make(now, OneTimeLink.expires_at <= now)


def offer_again(now: datetime) -> str:
    """A new link whatever was printed before, which no longer works. Raises Conflict when there are accounts."""
    if _has_users():
        raise Conflict("There are accounts already. Make a link to a new password instead: flask users link EMAIL.")
    link = _make(now, OneTimeLink.id > 0)
    if link is None:
        raise Conflict("Another link was printed in this very moment. Use that one.")
    return link


def _make(now: datetime, replaced: ColumnElement[bool]) -> str | None:
    waiting = OneTimeLink.purpose == LinkPurpose.FIRST_ADMIN, OneTimeLink.used_at.is_(None)
    db.session.execute(
        update(OneTimeLink).where(*waiting, replaced).values(used_at=now),
        execution_options={"synchronize_session": False},
    )
    link = links.make(LinkPurpose.FIRST_ADMIN, now)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return None
    return link


def is_needed() -> bool:
    """Whether nobody can sign in yet, because there is no account."""
    return not _has_users()


def find_link(token: str, now: datetime) -> int:
    """The id of the link. Raises Gone, for ever once there is an account."""
    link = links.find(token, LinkPurpose.FIRST_ADMIN, now)
    if _has_users():
        raise links.Gone("There are accounts already.")
    return link.id


def create(  # noqa: PLR0913 - what was typed
    token: str, *, name: str, email: str, password: str, timezone: str, by: Actor, now: datetime
) -> int:
    """The first account, which runs the server. Returns its id. Raises Gone when somebody was faster, and Invalid."""
    link_id = find_link(token, now)
    db.session.rollback()  # nothing is open while the password is hashed
    address, called = email_address(email), one_line("the name", name, LONGEST_NAME)
    check_strength(password, [called, address, *address.split("@")])
    user = User(
        email=address,
        name=called,
        timezone=zone_name(timezone),
        password_hash=hash_password(password),
        is_admin=True,
    )
    links.use(link_id, now)
    if _has_users():
        db.session.rollback()
        raise links.Gone("There are accounts already.")
    db.session.add(user)
    db.session.flush()
    user_id = user.id
    audit.note(Kind.FIRST_ADMIN, Actor(user_id, by.address), now)
    db.session.commit()
    return user_id


def _has_users() -> bool:
    return db.session.execute(select(User.id).limit(1)).first() is not None
