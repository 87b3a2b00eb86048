"""Every page of the application, who opens it and what is done there: for pictures and for axe."""

from collections.abc import Callable
from typing import NamedTuple

import pyotp
from playwright.sync_api import Page


class Shown(NamedTuple):
    """A page: `path` with names of `Scene.paths` in braces, `who` opens it, `then` is what is done there first."""

    name: str
    path: str
    who: str = "ada"
    then: Callable[[Page], None] | None = None


def press(name: str) -> Callable[[Page], None]:
    """Presses a button and waits for the page that comes."""

    def done(page: Page) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=name, exact=True).first.click()

    return done


def give(label: str, value: str, button: str) -> Callable[[Page], None]:
    """Fills in one field of a form and sends it."""

    def done(page: Page) -> None:
        page.get_by_label(label, exact=True).first.fill(value)
        press(button)(page)

    return done


def begin_leaving(page: Page) -> None:
    """As far as the page that leads to X: X answers that there is nothing new to show."""
    page.route("**/i/oauth2/authorize?*", lambda route: route.fulfill(status=204))
    press("Connect X")(page)


def give_first_code(page: Page) -> None:
    key = page.locator("#key").inner_text().replace(" ", "")
    give("Code", pyotp.TOTP(key).now(), "Switch it on")(page)


def make_password_link(page: Page) -> None:
    page.get_by_label("Change Di Marchetti").click()
    row = page.get_by_role("listitem").filter(has_text="di@example.com")
    with page.expect_navigation():
        row.get_by_role("button", name="Link to a new password").click()


def spoil_form(page: Page) -> None:
    """Saves a text after the form has become too old."""
    page.locator("#editor [name=csrf_token]").evaluate("field => { field.value = 'old' }")
    press("Save")(page)


def save_too_late(page: Page) -> None:
    """Saves settings that somebody else has changed since the page was opened."""
    page.locator("main [name=version]").evaluate("field => { field.value = '0' }")
    give("Language", "de", "Save")(page)


#: before there is any account
EMPTY = (Shown("setup", "{setup}", "nobody"),)
#: ten minutes before air
PAGES = (
    Shown("sign-in", "/sign-in", "nobody"),
    Shown("sign-in-refused", "/sign-in", "nobody", give("E-mail", "ada@example.com", "Sign in")),
    Shown("code", "/sign-in/code", "half"),
    Shown("forgot", "/password/forgot", "nobody"),
    Shown("link-password", "{password}", "nobody"),
    Shown("link-gone", "/invitations/gone", "nobody"),
    Shown("invitation", "{invitation}", "nobody"),
    Shown("invitation-other", "{invitation}"),
    Shown("home", "/"),
    Shown("home-first-run", "/", "fay"),
    Shown("home-nothing", "/", "gus"),
    Shown("podcasts", "/podcasts"),
    Shown("podcasts-none", "/podcasts", "gus"),
    Shown("podcast-new", "/podcasts/new"),
    Shown("podcast-new-refused", "/podcasts/new", "ada", give("Time zone", "Atlantis", "Make it")),
    Shown("podcast", "/podcasts/{show}"),
    Shown("podcast-contributor", "/podcasts/{show}", "bo"),
    Shown("podcast-empty", "/podcasts/{fresh}", "fay"),
    Shown("hosts", "/podcasts/{show}/hosts"),
    Shown("attention", "/podcasts/{show}/attention"),
    Shown("attention-host", "/podcasts/{show}/attention", "bo"),
    Shown("attention-none", "/podcasts/{fresh}/attention", "fay"),
    Shown("youtube", "/podcasts/{show}/settings/youtube"),
    Shown(
        "youtube-found",
        "/podcasts/{fresh}/settings/youtube",
        "fay",
        give("Channel to watch", "@morningstandup", "Look up"),
    ),
    Shown("youtube-none", "/podcasts/{fresh}/settings/youtube", "fay"),
    Shown("youtube-test", "/podcasts/{show}/settings/youtube", "ada", press("Test detection")),
    Shown("numbers-none", "/podcasts/{fresh}/numbers", "fay"),
    Shown("numbers-hosts-none", "/podcasts/{fresh}/numbers/hosts", "fay"),
    Shown("trends-none", "/podcasts/{fresh}/numbers/trends", "fay"),
    Shown("numbers-refused", "/podcasts/{show}/numbers?period=century"),
    Shown("spend", "/podcasts/{show}/spend"),
    Shown("spend-host", "/podcasts/{show}/spend", "bo"),
    Shown("spend-none", "/podcasts/{fresh}/spend", "fay"),
    Shown("wallets", "/podcasts/{show}/spend/wallets"),
    Shown("wallets-refused", "/podcasts/{show}/spend/wallets", "ada", give("Amount in dollars", "two", "Top up")),
    Shown("wallet-rules", "/podcasts/{show}/spend/rules"),
    Shown("settings", "/podcasts/{show}/settings"),
    Shown("draft-rules", "/podcasts/{show}/settings/drafts"),
    Shown("settings-saved-meanwhile", "/podcasts/{show}/settings", "ada", save_too_late),
    Shown("episode-new", "/podcasts/{show}/episodes/new"),
    Shown("episode-edit", "/podcasts/{show}/episodes/{next}/edit"),
    Shown("episode", "/podcasts/{show}/episodes/{next}/tweets"),
    Shown("episode-draft", "/podcasts/{show}/episodes/{next}/tweets", "bo"),
    Shown("episode-too-long", "/podcasts/{show}/episodes/{later}/tweets"),
    Shown("episode-not-connected", "/podcasts/{show}/episodes/{next}/tweets", "di"),
    Shown("episode-needs-you", "/podcasts/{show}/episodes/{review}/tweets"),
    Shown("episode-posted", "/podcasts/{show}/episodes/{past}/tweets"),
    Shown("connections", "/connections"),
    Shown("connections-none", "/connections", "di"),
    Shown("connections-leaving", "/connections", "di", begin_leaving),
    Shown("profile", "/profile"),
    Shown("profile-voice", "/profile/voice"),
    Shown("profile-password", "/profile/password"),
    Shown("profile-email", "/profile/email"),
    Shown("profile-second-step", "/profile/second-step"),
    Shown("profile-second-step-begun", "/profile/second-step", "bo"),
    Shown("profile-second-step-on", "/profile/second-step", "cy"),
    Shown("profile-sessions", "/profile/sessions"),
    Shown("profile-delete", "/profile/delete"),
    Shown("confirm", "/confirm"),
    Shown("profile-notices", "/profile/notices"),
    Shown("profile-notices-none", "/profile/notices", "bo"),
    Shown("weekly-letter", "/podcasts/{show}/weekly-mail/letter"),
    Shown("weekly-letter-unannounced", "/podcasts/{fresh}/weekly-mail/letter", "fay"),
    Shown("posts", "/posts"),
    Shown("posts-refused", "/posts?since=yesterday"),
    Shown("notices", "/notices"),
    Shown("notices-none", "/notices", "gus"),
    Shown("notices-stop", "{stop}", "nobody"),
    Shown("admin-tonight", "/admin/tonight"),
    Shown("admin-people", "/admin/people"),
    Shown("admin-people-link", "/admin/people", "ada", make_password_link),
    Shown("admin-system", "/admin/system"),
    Shown("admin-prices", "/admin/prices"),
    Shown("admin-audit", "/admin/audit"),
    Shown("troubleshooting", "/troubleshooting"),
    Shown("not-found", "/podcasts/999999"),
    Shown("forbidden", "/podcasts/{show}/settings", "bo"),
    Shown("stale-form", "/podcasts/{show}/episodes/{next}/tweets", "ada", spoil_form),
    # What changes the scene comes after all the others.
    Shown("hosts-invited", "/podcasts/{show}/hosts", "ada", give("E-mail", "gil@example.com", "Make an invitation")),
    Shown("recovery-codes", "/profile/second-step", "bo", give_first_code),
    Shown("notices-stopped", "{stop}", "nobody", press("End the letters")),
)
#: three minutes into the show
ON_AIR = (
    Shown("home-on-air", "/"),
    Shown("podcast-on-air", "/podcasts/{show}"),
    Shown("episode-on-air", "/podcasts/{show}/episodes/{next}/tweets"),
)
#: after that, while a stream runs that no episode fits
UNMATCHED = (Shown("home-unmatched", "/"),)
#: after half a year
LATER = (
    Shown("numbers", "/podcasts/{show}/numbers?period=quarter"),
    Shown("numbers-host", "/podcasts/{show}/numbers?period=week", "bo"),
    Shown("numbers-hosts", "/podcasts/{show}/numbers/hosts?period=quarter&sort=impressions"),
    Shown("trends", "/podcasts/{show}/numbers/trends"),
)
