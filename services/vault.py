"""Seals and unseals tokens. Knows no database."""

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.errors import AirhornError


class VaultError(AirhornError):
    """A sealed secret does not open: wrong key, tampered, or taken from another account."""


class Vault:
    """Seals with the first key, opens with any, so that a new key can be put in front and old secrets resealed."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str, owner: str) -> bytes:
        """Seals for one owner, such as "x:123:access": moved to another row it does not open."""
        return self._fernet.encrypt(json.dumps([owner, secret]).encode())

    def unseal(self, sealed: bytes, owner: str) -> str:
        """Raises VaultError."""
        try:
            bound_to, secret = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError) as error:
            raise VaultError(
                "A stored token does not open with TOKEN_ENCRYPTION_KEYS. Put the key back that sealed it."
            ) from error
        if bound_to != owner:
            raise VaultError("A stored token belongs to another account. It is not used.")
        return str(secret)
