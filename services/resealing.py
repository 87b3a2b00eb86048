"""New keys for old secrets: everything that is stored sealed is sealed anew with the first key."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from extensions import db
from models import SocialConnection, TokenRevocation
from services import notice_addresses, push_deliveries
from services.vault import Vault

#: connections in one transaction: others that refresh wait for milliseconds
AT_ONCE = 500


def reseal(vault: Vault) -> int:
    """In portions, while others go on refreshing. Returns how many connections; what else is sealed does not count."""
    notice_addresses.reseal(vault)
    push_deliveries.reseal(vault)
    for one in db.session.execute(select(TokenRevocation).with_for_update(key_share=True)).scalars():
        one.token = _resealed(vault, one.token, one.owner)
    db.session.commit()
    count = 0
    for rows in _portions():
        left = rows
        while left:
            done = _swap(vault, left)
            count += len(done)
            # Somebody stored a newer pair meanwhile, perhaps with the old key in front: that one is sealed anew, too.
            left = _read(SocialConnection.id.in_([row.id for row in left if row.id not in done]))
    return count


def _portions() -> Iterator[Sequence[Any]]:
    last = 0
    while rows := _read(SocialConnection.id > last):
        yield rows
        last = rows[-1].id


def _read(which: Any) -> Sequence[Any]:
    """Active connections with their sealed tokens, and no transaction left open."""
    one = SocialConnection
    query = select(one.id, one.platform, one.platform_user_id, one.token_version, one.access_token, one.refresh_token)
    found = db.session.execute(query.where(which, one.is_active).order_by(one.id).limit(AT_ONCE)).all()
    db.session.commit()
    return found


def _swap(vault: Vault, rows: Sequence[Any]) -> Collection[int]:
    """Puts the new seals where the pair is still the one that was read; the sealing itself keeps nobody waiting.

    Returns the ids where it was.
    """
    sealed = [
        {
            "row": row.id,
            "version": row.token_version,
            "access": _resealed(vault, row.access_token, f"{_owner(row)}:access"),
            "refresh": row.refresh_token and _resealed(vault, row.refresh_token, f"{_owner(row)}:refresh"),
        }
        for row in rows
    ]
    table = SocialConnection.__table__
    swap = (
        update(table)  # type: ignore[arg-type]
        .where(table.c.id == bindparam("row"), table.c.token_version == bindparam("version"), table.c.is_active)
        .values(access_token=bindparam("access"), refresh_token=bindparam("refresh"))
    )
    db.session.execute(swap, sealed)
    versions = select(table.c.id, table.c.token_version).where(table.c.id.in_([row.id for row in rows]))
    now = {row.id: row.token_version for row in db.session.execute(versions)}
    db.session.commit()
    return {row.id for row in rows if now.get(row.id) == row.token_version}


def _owner(row: Any) -> str:
    return f"{row.platform}:{row.platform_user_id}"


def _resealed(vault: Vault, sealed: bytes, owner: str) -> bytes:
    return vault.seal(vault.unseal(sealed, owner), owner)
