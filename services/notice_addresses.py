"""Where people want notices besides the page: set, changed, removed; sealed, and never shown whole again."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from config import Settings
from extensions import db
from models import NoticeAddress, NoticeNetwork
from services import audit
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID
from services.clients import notify
from services.clients.notify import discord_webhook, slack_webhook, telegram_chat
from services.errors import Conflict, NotFound
from services.vault import Vault
from services.vocabulary import Lamp, Light

#: characters of what somebody pastes
LONGEST_ADDRESS = notify.LONGEST_ADDRESS
NAMES = {
    NoticeNetwork.EMAIL: "E-mail",
    NoticeNetwork.DISCORD: "Discord",
    NoticeNetwork.SLACK: "Slack",
    NoticeNetwork.TELEGRAM: "Telegram",
}
#: what somebody types → what is kept; of a letter nothing is, since it goes to the address people sign in with
CHECKS: dict[NoticeNetwork, Callable[[str], str]] = {
    NoticeNetwork.EMAIL: lambda _typed: "",
    NoticeNetwork.DISCORD: discord_webhook,
    NoticeNetwork.SLACK: slack_webhook,
    NoticeNetwork.TELEGRAM: telegram_chat,
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a person. `missing`: why it cannot be had on this server, if so."""

    network: NoticeNetwork
    name: str
    address: NoticeAddress | None
    missing: str = ""

    @property
    def light(self) -> Light:
        if self.address is None:
            return Light("Off", Lamp.GREY)
        if self.address.is_broken or self.missing:
            return Light("Not working", Lamp.AMBER)
        return Light("Trouble", Lamp.AMBER) if self.address.error else Light("On", Lamp.GREEN)


def network_of(name: str) -> NoticeNetwork:
    """From an address of ours. Raises NotFound."""
    if name not in NAMES:
        raise NotFound("There is no such way for notices.")
    return NoticeNetwork(name)


def owner(user_id: int, network: str) -> str:
    """Whom an address is sealed for."""
    return f"notice:{user_id}:{network}"


def ways_of(user_id: int, settings: Settings) -> list[Way]:
    """All there are, in one statement."""
    query = select(NoticeAddress).where(NoticeAddress.user_id == user_id)
    found = {address.network: address for address in db.session.execute(query).scalars()}
    return [Way(network, NAMES[network], found.get(network), missing(network, settings)) for network in NAMES]


def missing(network: NoticeNetwork, settings: Settings) -> str:
    """Why this way cannot be had on this server; empty where it can."""
    if network == NoticeNetwork.EMAIL and settings.smtp_host is None:
        return "This server sends no mail: its operator has set no SMTP_HOST."
    if network == NoticeNetwork.TELEGRAM and settings.telegram_bot_token is None:
        return "This server has no bot at Telegram: its operator has set no TELEGRAM_BOT_TOKEN."
    return ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for: a network, what was pasted there, and whether everything is to come or what needs him."""

    network: NoticeNetwork
    typed: str
    everything: bool


def set_address(wanted: Wanted, vault: Vault, settings: Settings, by: Actor, now: datetime) -> None:
    """In place of what was set there before. Raises Invalid, and Conflict where this server has no such way."""
    if why := missing(wanted.network, settings):
        raise Conflict(why)
    assert by.user_id is not None
    kept = CHECKS[wanted.network](wanted.typed)
    db.session.rollback()
    before = NoticeAddress.user_id == by.user_id, NoticeAddress.network == wanted.network
    db.session.execute(delete(NoticeAddress).where(*before), execution_options={"synchronize_session": False})
    db.session.add(
        NoticeAddress(
            user_id=by.user_id,
            network=wanted.network,
            address=vault.seal(kept, owner(by.user_id, wanted.network)),
            everything=wanted.everything,
            created_at=now,
        )
    )
    audit.note(Kind.NOTICES_SET, by, now, network=wanted.network.value)
    db.session.commit()


def set_scope(address_id: int, everything: bool, by: Actor) -> None:
    """Whether everything is sent there, or only what needs its person. Raises NotFound."""
    mine = own(address_id, by.user_id)
    mine.everything = everything
    db.session.commit()


def remove(address_id: int, by: Actor, now: datetime) -> None:
    """What is on its way there still arrives, what waits does not. Raises NotFound."""
    mine = own(address_id, by.user_id)
    audit.note(Kind.NOTICES_REMOVED, by, now, network=mine.network)
    db.session.delete(mine)
    db.session.commit()


def own(address_id: int, user_id: int | None) -> NoticeAddress:
    """Raises NotFound, also for those of others."""
    found = db.session.get(NoticeAddress, address_id) if 0 < address_id <= HIGHEST_ID else None
    if found is None or found.user_id != user_id:
        raise NotFound("There is no such address. It may have been removed.")
    return found


# The link at the end of a letter


def stop_token(address: NoticeAddress, key: str) -> str:
    """Ends letters to this address without signing in, and nothing else. Nothing of it is stored."""
    about = f"notices:{address.id}:{address.user_id}:{address.created_at.isoformat()}".encode()
    digest = hmac.new(key.encode(), about, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def stop_path(address: NoticeAddress, key: str) -> str:
    return f"/notices/stop/{address.id}/{stop_token(address, key)}"


def behind(address_id: int, token: str, keys: Iterable[str]) -> NoticeAddress:
    """The address whose letters this link ends. Raises NotFound, also when they have ended already."""
    found = db.session.get(NoticeAddress, address_id) if 0 < address_id <= HIGHEST_ID else None
    given = token.encode("utf-8", "surrogatepass")
    if found is None or not any(hmac.compare_digest(stop_token(found, key).encode(), given) for key in keys):
        raise NotFound("This link has ended: nothing is sent there any more.")
    return found


def stop(address_id: int, token: str, keys: Iterable[str], by: Actor, now: datetime) -> None:
    """As the reader of a letter asked. Raises NotFound."""
    address = behind(address_id, token, keys)
    audit.note(Kind.NOTICES_REMOVED, by, now, subject_id=address.user_id, network=address.network)
    db.session.delete(address)
    db.session.commit()


# New keys


def reseal(vault: Vault) -> int:
    """Seals every address anew with the first key. Returns how many."""
    rows: Sequence[NoticeAddress] = db.session.execute(select(NoticeAddress)).scalars().all()
    for row in rows:
        fresh = vault.seal(vault.unseal(row.address, owner(row.user_id, row.network)), owner(row.user_id, row.network))
        same = NoticeAddress.id == row.id, NoticeAddress.address == row.address
        db.session.execute(
            update(NoticeAddress).where(*same).values(address=fresh), execution_options={"synchronize_session": False}
        )
    db.session.commit()
    return len(rows)
