"""The forms that move money and set what may be spent. What moves some carries a key: sent twice it counts once."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField, SelectField, ValidationError

from routes.checked import checked
from services import money
from services.audit_log import number
from services.errors import NotFound
from services.wallet import Rules
from services.wallet_entries import LONGEST_NOTE, KeyUsed, own_note
from services.wallet_history import OwnWallet
from services.wallet_rows import Whose

PODCAST = "podcast"
SENT_BEFORE = "This was sent before, and that counts. Nothing was done now: send it once more if you want both."
INCOMPLETE = "Something of this form was missing, so nothing was done. Send it once more."
NO_WALLET = "There is no such wallet in this podcast."
AMOUNT: dict[str, Any] = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 40}


class WalletField(SelectField):  # type: ignore[misc]  # wtforms is not typed
    """One of the wallets of the podcast; `value` is whose."""

    def offer(self, wallets: Sequence[OwnWallet]) -> None:
        self.wallets = {_name(one.user_id): one for one in wallets}
        self.choices = [(name, _label(one)) for name, one in self.wallets.items()]

    def pre_validate(self, _form: FlaskForm) -> None:
        if self.data not in self.wallets:
            raise ValidationError("Choose one of these wallets.")

    @property
    def value(self) -> Whose:
        whose: Whose = self.wallets[self.data].whose
        return whose


def _name(user_id: int | None) -> str:
    return PODCAST if user_id is None else str(user_id)


def _label(one: OwnWallet) -> str:
    left = money.dollars(one.balance.free)
    if one.user_id is None:
        return f"The podcast, {left} left"
    return f"{one.name}{'' if one.is_member else ', no longer a host'}, {left} left"


class DeedForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    """What all of them have."""

    amount = checked("Amount in dollars", partial(money.whole_cents, "the amount"), **AMOUNT)
    note = checked("Note", own_note, optional=True, maxlength=LONGEST_NOTE, autocomplete="off")
    key = HiddenField()

    def validate_key(self, field: Field) -> None:
        if not (field.data or "").strip():
            self.form_errors.append(INCOMPLETE)
            raise ValidationError(INCOMPLETE)


class TopUpForm(DeedForm):
    wallet = WalletField("Into")


class TransferForm(DeedForm):
    source = WalletField("From")
    target = WalletField("To")


class GrantForm(DeedForm):
    pass


class BalanceForm(DeedForm):
    wallet = WalletField("Of")
    amount = checked("Balance in dollars", partial(money.balance_in_cents, "the balance"), **AMOUNT)


KINDS: dict[str, type[DeedForm]] = {
    "topup": TopUpForm,
    "transfer": TransferForm,
    "grant": GrantForm,
    "balance": BalanceForm,
}


class Forms:
    """All of them, one as it was sent. What is shown again did nothing, so it always has a new key."""

    def __init__(self, wallets: Sequence[OwnWallet], sent: str = "") -> None:
        self.wallets, self._sent = wallets, sent
        self._forms = {name: kind(prefix=name, **_given(name, sent)) for name, kind in KINDS.items()}
        for form in self._forms.values():
            for field in form:
                if isinstance(field, WalletField):
                    field.offer(wallets)
        hosts = [_name(one.user_id) for one in wallets[1:2]]
        if sent != "transfer" and hosts:
            self._forms["transfer"].target.data = hosts[0]
        self.key = self.sent.key.data if sent else ""

    def __getitem__(self, name: str) -> DeedForm:
        return self._forms[name]

    @property
    def opened(self) -> str:
        """The name of the one that was sent; empty where none was."""
        return self._sent

    @property
    def sent(self) -> Any:
        return self._forms[self._sent]

    @property
    def deed(self) -> dict[str, Any]:
        return {"key": self.key, "note": self.sent.note.value or ""}

    @property
    def said(self) -> str:
        """The amount, as people read it."""
        return money.dollars(self.sent.amount.value)

    def refuse(self, error: Exception) -> None:
        self.sent.form_errors.append(SENT_BEFORE if isinstance(error, KeyUsed) else str(error))

    def renew_keys(self) -> None:
        for form in self._forms.values():
            form.key.data = secrets.token_hex(8)


def _given(name: str, sent: str) -> dict[str, Any]:
    return {} if name == sent else {"formdata": None}


# Rules


class RulesForm(FlaskForm):  # type: ignore[misc]
    """What a wallet may spend. Empty amounts are none; `stops_posts` counts for the podcast's only."""

    is_limited = BooleanField("Nothing is spent that is not there")
    stops_posts = BooleanField("An empty wallet stops posts, too")
    allowance = checked("Comes in every month", partial(money.whole_cents, "the allowance"), optional=True, **AMOUNT)
    budget = checked("Budget of a month", partial(money.whole_cents, "the budget"), optional=True, **AMOUNT)

    def wanted(self, whose: Whose) -> Rules:
        stops = bool(self.stops_posts.data) and whose.user_id is None
        return Rules(bool(self.is_limited.data), stops, self.allowance.value, self.budget.value)


def rules_of(one: OwnWallet) -> dict[str, Any]:
    """What stands in the fields for a wallet."""
    balance = one.balance
    amounts = {name: getattr(balance, name) for name in ("allowance", "budget")}
    shown = {name: "" if micros is None else money.plain(micros) for name, micros in amounts.items()}
    return shown | {"is_limited": balance.is_limited, "stops_posts": balance.stops_posts}


def asked_wallet(wallets: Sequence[OwnWallet]) -> OwnWallet:
    """The one whose host is named in the address, or the podcast's. Raises NotFound."""
    host = request.args.get("host")
    user_id = number(host)
    found = [one for one in wallets if one.user_id == user_id]
    if not found or (host is not None and user_id is None):
        raise NotFound(NO_WALLET)
    return found[0]
