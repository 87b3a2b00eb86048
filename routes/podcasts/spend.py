"""What a podcast's money did: seen by all of its people, each the own part; moved and limited by its admins."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.access import require_podcast_access, require_podcast_admin
from routes.limits import limited
from routes.podcasts.spend_forms import Forms, RulesForm, asked_wallet, rules_of
from routes.signed_in import actor
from services import spend as spend_service
from services import spend_csv as table
from services import wallet
from services.access import Access
from services.errors import AirhornError, Conflict, Invalid
from services.money import dollars
from services.spend import EVERYTHING, MOVING
from services.spend_words import KINDS, line_words
from services.wallet_history import Only, wallets_of

PAGE = "/<int:podcast_id>/spend"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule(PAGE, view_func=spend)
    bp.add_url_rule(f"{PAGE}/entries.csv", view_func=spend_csv)
    bp.add_url_rule(f"{PAGE}/wallets", view_func=wallets)
    bp.add_url_rule(f"{PAGE}/top-up", view_func=wallet_top_up, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/transfer", view_func=wallet_transfer, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/grant", view_func=wallet_grant, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/balance", view_func=wallet_balance, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/rules", view_func=wallet_rules, methods=["GET", "POST"])


@require_podcast_access
def spend(access: Access) -> ResponseReturnValue:
    wanted = spend_service.asked(request.args, _own(access))
    page, kept = spend_service.spend_page(access.podcast, _own(access), wanted, datetime.now(UTC)), _kept(wanted)
    return render_template(
        "podcasts/spend.html",
        access=access,
        podcast=access.podcast,
        page=page,
        wanted=wanted,
        kinds=[(MOVING, "What moved money"), (EVERYTHING, "Everything, also what was held"), *KINDS.items()],
        line_words=line_words,
        older=url_for(".spend", podcast_id=access.podcast.id, **kept, before=page.history.older),
        newest=url_for(".spend", podcast_id=access.podcast.id, **kept, _anchor="entries"),
        table=url_for(".spend_csv", podcast_id=access.podcast.id, **kept),
    )


@require_podcast_access
def spend_csv(access: Access) -> ResponseReturnValue:
    """Everything that fits, also what was only held."""
    wanted, podcast = spend_service.asked(request.args, _own(access)), access.podcast
    only = Only(wanted.only.user_id, wanted.only.kinds)
    lines = stream_with_context(table.lines(podcast.id, only, for_admin=access.is_admin))
    answer = Response(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="spend-{podcast.id}.csv"'
    return answer


@require_podcast_admin
def wallets(access: Access) -> ResponseReturnValue:
    return _wallets_page(access, _forms(access)), 200


@limited("30/minute")
@require_podcast_admin
def wallet_top_up(access: Access) -> ResponseReturnValue:
    forms = _forms(access, "topup")
    if forms.sent.validate():
        whose, amount = forms.sent.wallet.value, forms.sent.amount.value
        try:
            done = wallet.top_up(whose, amount, **forms.deed, by=actor(), now=datetime.now(UTC))
        except AirhornError as error:
            forms.refuse(error)
        else:
            return _done(access, f"{forms.said} are in. The balance is {dollars(done.balance_after)}.")
    return _wallets_page(access, forms), 422


@limited("30/minute")
@require_podcast_admin
def wallet_transfer(access: Access) -> ResponseReturnValue:
    forms = _forms(access, "transfer")
    if forms.sent.validate():
        ends = forms.sent.source.value, forms.sent.target.value
        try:
            wallet.transfer(*ends, forms.sent.amount.value, **forms.deed, by=actor(), now=datetime.now(UTC))
        except AirhornError as error:
            forms.refuse(error)
        else:
            return _done(access, f"{forms.said} are moved.")
    return _wallets_page(access, forms), 422


@limited("10/minute")
@require_podcast_admin
def wallet_grant(access: Access) -> ResponseReturnValue:
    """All hosts or none; where it cannot be, the page says for whom."""
    forms, batch, amount = _forms(access, "grant"), None, 0
    if forms.sent.validate():
        amount = forms.sent.amount.value
        try:
            batch = wallet.grant(access.podcast.id, amount, **forms.deed, by=actor(), now=datetime.now(UTC))
        except AirhornError as error:
            forms.refuse(error)
        else:
            if batch.is_done:
                return _done(access, f"Given {forms.said} to each of {len(batch.rows)} hosts.")
            forms.refuse(Conflict("Nobody was given anything: it is done for everybody or for nobody."))
    return _wallets_page(access, forms, batch), 422


@limited("30/minute")
@require_podcast_admin
def wallet_balance(access: Access) -> ResponseReturnValue:
    forms = _forms(access, "balance")
    if forms.sent.validate():
        whose, balance = forms.sent.wallet.value, forms.sent.amount.value
        try:
            done = wallet.adjust(whose, balance, **forms.deed, by=actor(), now=datetime.now(UTC))
        except AirhornError as error:
            forms.refuse(error)
        else:
            return _done(access, f"The balance is {dollars(done.balance_after)} now.")
    return _wallets_page(access, forms), 422


@limited("30/minute")
@require_podcast_admin
def wallet_rules(access: Access) -> ResponseReturnValue:
    """Of the wallet of the host whom the address names, or of the podcast's."""
    one = asked_wallet(wallets_of(access.podcast.id, access.podcast.name))
    form = RulesForm(data=rules_of(one))
    if form.validate_on_submit():
        try:
            wallet.set_rules(one.whose, form.wanted(one.whose), actor(), datetime.now(UTC))
        except (Invalid, Conflict) as error:
            form.form_errors.append(str(error))
        else:
            return _done(access, "Saved.")
    status = 422 if form.errors else 200
    return render_template(
        "podcasts/wallet_rules.html", access=access, podcast=access.podcast, one=one, form=form
    ), status


def _own(access: Access) -> int | None:
    """Whose entries alone the reader may see; None for admins."""
    return None if access.is_admin else current_user.id


def _kept(wanted: spend_service.Wanted) -> dict[str, Any]:
    """What the addresses of further pages take along."""
    return {"host": wanted.host, "kind": wanted.kind or None}


def _forms(access: Access, sent: str = "") -> Forms:
    return Forms(wallets_of(access.podcast.id, access.podcast.name), sent)


def _wallets_page(access: Access, forms: Forms, batch: wallet.Batch | None = None) -> str:
    forms.renew_keys()
    return render_template(
        "podcasts/wallets.html", access=access, podcast=access.podcast, forms=forms, wallets=forms.wallets, batch=batch
    )


def _done(access: Access, sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return redirect(url_for(".wallets", podcast_id=access.podcast.id))
