"""What the lines of the audit log say: a sentence for every kind. Pure."""

from collections.abc import Mapping
from typing import Any

from services.audit import Kind

#: {whom}: to whom it was done, or "themselves"; {of_whom}, {for_whom}: " of Bo", nothing when it was done to oneself;
#: {podcast}: ": Deep Dive" where there is one
WORDS: dict[Kind, str] = {
    Kind.SIGNED_IN: "signed in",
    Kind.SIGN_IN_FAILED: "was refused at sign-in",
    Kind.SIGNED_OUT: "signed out",
    Kind.SIGNED_OUT_EVERYWHERE: "signed out everywhere",
    Kind.CODE_FAILED: "gave a wrong code of the second step",
    Kind.CONFIRMED: "gave the password again",
    Kind.FIRST_ADMIN: "became the first admin of this server",
    Kind.USER_CREATED: "made the account of {whom}",
    Kind.USER_OFF: "switched off the account of {whom}",
    Kind.USER_ON: "switched on the account of {whom}",
    Kind.USER_DELETED: "deleted the account of {whom}",
    Kind.ADMIN_GIVEN: "made {whom} an admin of this server",
    Kind.ADMIN_TAKEN: "took the administration of this server from {whom}",
    Kind.PASSWORD_CHANGED: "changed the password{of_whom}",
    Kind.PASSWORD_LINK_MADE: "made a link for a new password{for_whom}",
    Kind.EMAIL_CHANGED: "changed the e-mail address{of_whom}",
    Kind.SECOND_STEP_ON: "switched on the second step{of_whom}",
    Kind.SECOND_STEP_OFF: "switched off the second step{of_whom}",
    Kind.RECOVERY_CODES_MADE: "made new recovery codes{for_whom}",
    Kind.RECOVERY_CODE_USED: "signed in with a recovery code",
    Kind.INVITED: "invited somebody{podcast}",
    Kind.INVITATION_TAKEN_BACK: "took an invitation back{podcast}",
    Kind.INVITATION_ACCEPTED: "accepted an invitation{podcast}",
    Kind.ROLE_CHANGED: "changed the role of {whom}{podcast}",
    Kind.HOST_ADDED: "added {whom} as a host{podcast}",
    Kind.HOST_REMOVED: "removed {whom} as a host{podcast}",
    Kind.X_CONNECTED: "connected X{for_whom}",
    Kind.X_DISCONNECTED: "disconnected X{of_whom}",
    Kind.X_REFUSED: "came back from X without a connection",
    Kind.PODCAST_CREATED: "made the podcast{podcast}",
    Kind.PODCAST_CHANGED: "changed the settings{podcast}",
    Kind.PODCAST_ARCHIVED: "archived the podcast{podcast}",
    Kind.PODCAST_RESTORED: "took the podcast out of the archive{podcast}",
    Kind.PODCAST_DELETED: "deleted the podcast{podcast}",
    Kind.EPISODE_DELETED: "deleted an episode{podcast}",
    Kind.CHANNEL_CHANGED: "changed the YouTube settings{podcast}",
    Kind.CALENDAR_RENEWED: "renewed the calendar link{podcast}",
    Kind.TEXT_CHANGED: "changed the text{of_whom}{podcast}",
    Kind.SWITCHED_ON: "switched on the post{of_whom}{podcast}",
    Kind.SWITCHED_OFF: "switched off the post{of_whom}{podcast}",
    Kind.POSTED_NOW: "posted at once{for_whom}{podcast}",
    Kind.TRIED_NOW: "had what waits tried at once{podcast}",
    Kind.DECIDED: "decided about an unconfirmed post{of_whom}{podcast}",
    Kind.MATCHED: "said which episode a stream is{podcast}",
    Kind.DB_RESTORED: "said that the database was restored",
    Kind.QUARANTINE_ENDED: "ended the quarantine after a change of the database",
    Kind.FOREIGN_PODCAST: "tried to open a podcast of others{podcast}",
    Kind.NOTICES_SET: "set where notices go",
    Kind.NOTICES_REMOVED: "ended notices{for_whom}",
    Kind.PRICES_CHANGED: "changed the price list",
    Kind.WALLET_SET: "set the limits of the wallet{of_whom}{podcast}",
    Kind.DRAFTS_ASKED: "asked for drafts for all hosts{podcast}",
    Kind.DRAFT_CHOSEN: "chose a draft{podcast}",
    Kind.VOICE_CHANGED: "changed the voice of the drafts",
    Kind.PUT_ASIDE: "put aside something that needs attention{podcast}",
    Kind.BROUGHT_BACK: "brought back something that needs attention{podcast}",
    Kind.WEEKLY_MAIL: "chose whether the week comes by mail{podcast}",
}
KNOWN = {kind.value: words for kind, words in WORDS.items()}
#: for choosing, where the name of the kind says too little
LABELS: dict[Kind, str] = {
    Kind.SIGN_IN_FAILED: "Refused at sign-in",
    Kind.CODE_FAILED: "Wrong code of the second step",
    Kind.CONFIRMED: "Password given again",
    Kind.FIRST_ADMIN: "First admin of the server",
    Kind.USER_CREATED: "Account made",
    Kind.USER_OFF: "Account switched off",
    Kind.USER_ON: "Account switched on",
    Kind.USER_DELETED: "Account deleted",
    Kind.ADMIN_GIVEN: "Made admin of the server",
    Kind.ADMIN_TAKEN: "No longer admin of the server",
    Kind.PASSWORD_LINK_MADE: "Link for a new password",
    Kind.EMAIL_CHANGED: "E-mail address changed",
    Kind.SECOND_STEP_ON: "Second step switched on",
    Kind.SECOND_STEP_OFF: "Second step switched off",
    Kind.RECOVERY_CODES_MADE: "New recovery codes",
    Kind.X_REFUSED: "X not connected",
    Kind.PODCAST_CREATED: "Podcast made",
    Kind.PODCAST_CHANGED: "Podcast settings changed",
    Kind.PODCAST_RESTORED: "Podcast taken out of the archive",
    Kind.CHANNEL_CHANGED: "YouTube settings changed",
    Kind.CALENDAR_RENEWED: "Calendar link renewed",
    Kind.SWITCHED_ON: "Post switched on",
    Kind.SWITCHED_OFF: "Post switched off",
    Kind.POSTED_NOW: "Posted at once",
    Kind.TRIED_NOW: "Tried at once",
    Kind.DECIDED: "Unconfirmed post decided",
    Kind.MATCHED: "Stream matched",
    Kind.DB_RESTORED: "Database restored",
    Kind.FOREIGN_PODCAST: "Tried a podcast of others",
    Kind.NOTICES_SET: "Where notices go",
    Kind.NOTICES_REMOVED: "Notices ended",
    Kind.PRICES_CHANGED: "Price list changed",
    Kind.WALLET_SET: "Limits of a wallet",
    Kind.DRAFTS_ASKED: "Drafts for all hosts",
    Kind.PUT_ASIDE: "Put aside",
    Kind.WEEKLY_MAIL: "The week by mail",
}
#: why somebody came back from X without a connection
REFUSALS = {
    "denied": "not allowed at X",
    "taken": "the account is connected by somebody else",
    "x_scope": "less was granted than is needed",
    "stale": "the proof did not open",
}


def sentence(kind: str, *, who: str, whom: str | None, podcast: str | None) -> str:
    """ "Ada changed the role of Bo: Deep Dive." A kind that is not known any more is shown as it is."""
    words = KNOWN.get(kind, kind.replace("_", " "))
    about = f": {podcast}" if podcast else ""
    of_whom, for_whom = (f" {word} {whom}" if whom else "" for word in ("of", "for"))
    said = words.format(whom=whom or "themselves", of_whom=of_whom, for_whom=for_whom, podcast=about)
    return f"{who} {said}."


def label(kind: Kind) -> str:
    """For choosing: "X connected"."""
    return LABELS.get(kind) or kind.value.replace("_", " ").capitalize()


#: values as the pages call them
SAID = {"contributor": "host"}


def details(kind: str, detail: Mapping[str, Any]) -> str:
    """The plain values of a line: "role: admin, episode: 12"."""
    parts = []
    for key, value in detail.items():
        said = REFUSALS.get(value, value) if kind == Kind.X_REFUSED and isinstance(value, str) else value
        parts.append(f"{key.replace('_', ' ')}: {_plain(said)}")
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " → ".join(_plain(one) for one in value)
    return "–" if value is None else SAID.get(str(value), str(value))
