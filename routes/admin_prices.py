"""The price list, for those who run the server: what is in force, what is planned, and new prices from a day on."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, StringField, ValidationError

from routes.access import require_site_admin
from routes.checked import Checked, checked
from routes.filters import clock_of
from routes.limits import limited
from routes.podcasts.forms import LocalTimeField
from routes.signed_in import actor
from services import money, price_page
from services.errors import Conflict, Invalid
from services.local_time import instant_of
from services.price_page import PricePage

OF = "price:"
AMOUNT: dict[str, Any] = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 20}


class PriceForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    """Every price of the list in force has a field besides."""

    at = LocalTimeField("From when on")
    model = StringField("Another model", render_kw={"autocomplete": "off", "maxlength": 60})
    read = checked("A million tokens read", price_page.price, optional=True, **AMOUNT)
    written = checked("A million tokens written", price_page.price, optional=True, **AMOUNT)
    version = HiddenField()

    def validate_at(self, field: Field) -> None:
        Checked(lambda text: instant_of(text, current_user.timezone), optional=True)(self, field)

    def validate_model(self, field: Field) -> None:
        has_prices = bool((self.read.data or "").strip() and (self.written.data or "").strip())
        if bool((field.data or "").strip()) != has_prices:
            raise ValidationError("A model needs its name and both prices.")

    @property
    def typed(self) -> dict[str, int]:
        found = {field.name.removeprefix(OF): field.value for field in self if field.name.startswith(OF)}
        model = (self.model.data or "").strip()
        if model:
            found |= {f"ai:{model}:input": self.read.value, f"ai:{model}:output": self.written.value}
        return found


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/prices", view_func=prices, methods=["GET", "POST"])


@limited("10/minute")
@require_site_admin
def prices() -> ResponseReturnValue:
    now = datetime.now(UTC)
    page = price_page.price_page(now)
    form, status = _form(page), 200
    if form.validate_on_submit():
        at = form.at.value.at if form.at.value else None
        try:
            since = price_page.change(form.typed, form.version.data or "", at, actor(), now)
        except (Invalid, Conflict) as error:
            form.form_errors.append(str(error))
            status = 409 if isinstance(error, Conflict) else 422
            form.version.data = str(page.version)
        else:
            flash(f"Saved: these prices hold from {clock_of(since, current_user.timezone)} on.")
            return redirect(url_for(".prices"))
    status = 422 if form.errors and status == 200 else status
    return render_template("admin/prices.html", page=page, form=form, of=OF, now=now), status


def _form(page: PricePage) -> PriceForm:
    fields = {f"{OF}{row.item}": checked(row.words, price_page.price, **AMOUNT) for row in page.rows}
    values = {f"{OF}{row.item}": money.plain(row.micros) for row in page.rows}
    kind: type[PriceForm] = type("PricesForm", (PriceForm,), fields)
    return kind(data=values | {"version": str(page.version)})
