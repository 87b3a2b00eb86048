"""Every cause code: what people read, and the one thing that fixes it. Complete by test."""

from dataclasses import dataclass

from services.draft_causes import DRAFTING, GUARDING


@dataclass(frozen=True, slots=True)
class Cause:
    """`text` says what happened, `fix` what to do now; empty where nothing is to be done.

    `own_fix`: what the operator himself is told, of what holds up the whole server. What X says about that names the
    server's own account there, so hosts are not shown it.
    """

    text: str
    fix: str = ""
    own_fix: str = ""


#: the end of a fix that helps only while there is time
IN_TIME = " in time and it is still posted"
#: advice for before the end, and what is said in its place afterwards
TOO_LATE = {"Approve one in time and it is still posted.": "Nothing was sent, as you chose for that case."}
#: where it happens → code → cause; the page of all causes has the same order
SECTIONS: dict[str, dict[str, Cause]] = {
    "Sending to X": {
        "x_unreachable": Cause("X cannot be reached right now. Airhorn keeps trying.", "Nothing to do yet."),
        "x_odd_answer": Cause("Sent. X's answer could not be read, so Airhorn looks on the timeline."),
        "x_redirect": Cause("Sent. X answered with an unexpected redirect, so Airhorn looks on the timeline."),
        "x_no_answer": Cause("Sent. X did not answer, so Airhorn looks on the timeline."),
        "x_server_error": Cause("Sent. X reported trouble of its own, so Airhorn looks on the timeline."),
        "x_interrupted": Cause("Airhorn was interrupted while sending, so it looks on the timeline."),
        "x_text_refused": Cause("X refused this text.", "Edit it and press Post now."),
        "x_auth": Cause("X no longer accepts the connection.", "Connect X again in time and it is still posted."),
        "x_token_refused": Cause("X did not renew the connection.", "Connect X again in time and it is still posted."),
        "refresh_in_doubt": Cause("X did not confirm the last renewal of the connection. It is used while it lasts."),
        "x_client": Cause(
            "X does not accept this server's own credentials.",
            "The operator checks X_CLIENT_ID and its secret.",
            "Check X_CLIENT_ID and its secret.",
        ),
        "x_credits": Cause(
            "Posting is paused: this server has run out of X credits.",
            "The operator tops up; posting resumes by itself.",
            "Top up at X's developer console; posting resumes by itself.",
        ),
        "x_duplicate": Cause("X says this text was already posted.", "Make it unique, for example add {title}."),
        "x_locked": Cause("X has locked this account.", "Unlock it on x.com, then press Post now."),
        "x_scope": Cause("The connection may not post.", "Connect X again and allow posting."),
        "x_forbidden": Cause("X refused this post.", "Read what X says, then press Post now."),
        "x_rate": Cause("X's limit for this account is used up for now. Airhorn waits for it."),
    },
    "Before sending": {
        "no_connection": Cause("No X account is connected.", "Connect X in time and it is still posted."),
        "no_balance": Cause(
            "The wallet that pays for this post does not cover it.",
            "An admin tops it up in time and it is still posted.",
        ),
        "text_invalid": Cause("The text cannot be posted as it is.", "Edit it and press Post now."),
        "youtube_silent": Cause("YouTube cannot be asked whether the stream is still on. Airhorn keeps trying."),
        "storage": Cause("The database had trouble; posting is delayed.", "The operator looks at the server."),
        "journal": Cause(
            "This server cannot write down what it is about to send, so nothing is sent. Airhorn keeps trying.",
            "The operator looks at the system page.",
        ),
        "lost_record": Cause("The database forgot that this was sent, so Airhorn looks on the timeline."),
        "quarantined": Cause(
            "The database was changed or restored, so Airhorn looks on the timeline before it sends this."
        ),
    },
    "How it ended without being sent": {
        "too_late": Cause("It was too late after the start, so it was not posted.", "Post now, if you still want to."),
        "stream_over": Cause("The stream was over before this could be posted.", "Post now, if you still want to."),
        "switched_off": Cause("Switched off before it was sent."),
        "member_gone": Cause("No longer on this podcast, so it was not posted."),
        "podcast_archived": Cause("The podcast was archived before this was sent."),
        "podcast_deleted": Cause("The podcast was deleted before this was sent."),
        "user_inactive": Cause("This person's account is switched off, so it was not posted."),
        "already_posted": Cause("This X account already posted about this video."),
        "left_alone": Cause("Left as it is, by a person's decision."),
    },
    "After an unknown outcome": {
        "found": Cause("Found on the timeline."),
        "x_has_it": Cause("X says that it has this post already. Its link follows if X shows it within a day."),
        "verified_absent": Cause("Not on the timeline after repeated looks, so the same text is sent once more."),
        "not_found": Cause(
            "Sent, but X did not confirm it and it is not on the timeline.", "Look on X, then choose what is true."
        ),
        "not_found_since": Cause(
            "The database was changed or restored, and this post is not on the timeline.",
            "Look on X, then choose what is true.",
        ),
        "candidate": Cause("Another post with the same link is on the timeline.", "Say whether it is this one."),
        "user_said_posted": Cause("A person says it is there."),
        "user_said_absent": Cause("A person says it is not there: sent again."),
    },
    "A database that was changed or restored": {
        "db_changed": Cause(
            "The database is another cluster now, or its history was turned back.",
            "The operator checks what was lost, then ends the quarantine.",
        ),
        "db_lost_posts": Cause(
            "The database does not know the last posts that this server sent.",
            "The operator checks what was lost, then ends the quarantine.",
        ),
        "db_replaced": Cause(
            "The database is not the one that this server used before.",
            "The operator checks DATABASE_URL and what was lost, then ends the quarantine.",
        ),
        "db_restored": Cause(
            "The operator said that the database was restored.",
            "The operator checks what was lost, then ends the quarantine.",
        ),
    },
    "Looking at YouTube": {
        "youtube_unreachable": Cause("YouTube could not be reached. Airhorn asks again."),
        "youtube_error": Cause("YouTube reported trouble of its own. Airhorn asks again."),
        "youtube_odd_answer": Cause("YouTube's answer could not be read. Airhorn asks again."),
        "youtube_quota": Cause(
            "Today's YouTube units are used up; detection is slower until midnight Pacific time.",
            "The operator may ask Google for more.",
        ),
        "youtube_rate": Cause("YouTube asks for fewer questions a minute. Airhorn slows down."),
        "youtube_key": Cause("YouTube does not accept the API key.", "The operator checks YOUTUBE_API_KEY."),
        "youtube_no_uploads": Cause(
            "YouTube shows no public videos on this channel.", "Check the channel in the settings."
        ),
        "youtube_feed": Cause("The channel's feed is broken right now. Airhorn uses its other ways."),
        "youtube_consent": Cause(
            "YouTube asks for cookie consent instead of showing the page.", "The operator sets YOUTUBE_API_KEY."
        ),
        "youtube_bot_check": Cause(
            "YouTube asks this server to prove that it is no robot.", "The operator sets YOUTUBE_API_KEY."
        ),
        "youtube_refused": Cause("YouTube refused the question.", "The operator checks the YouTube settings."),
    },
    "Being told by YouTube": {
        "push_off": Cause(
            "YouTube's hub cannot reach this server, so it tells nothing. Airhorn looks by itself.",
            "The operator sets PUBLIC_URL to the https address that others use.",
        ),
        "hub_unreachable": Cause("YouTube's hub could not be reached. Airhorn asks again and looks by itself."),
        "hub_busy": Cause("YouTube's hub takes no requests right now. Airhorn asks again and looks by itself."),
        "hub_no_answer": Cause("YouTube's hub did not answer. Airhorn asks again and looks by itself."),
        "hub_odd_answer": Cause(
            "YouTube's hub answered with something else. Airhorn asks again and looks by itself.",
            "The operator checks WEBSUB_HUB_URL.",
        ),
        "hub_refused": Cause(
            "YouTube's hub refused the subscription. Airhorn asks again and looks by itself.",
            "The operator checks PUBLIC_URL and WEBSUB_TOPIC_URL.",
        ),
        "hub_silent": Cause(
            "YouTube's hub took the subscription and never came back to confirm it. Airhorn looks by itself.",
            "The operator checks that PUBLIC_URL can be reached from outside.",
        ),
        "hub_denied": Cause("YouTube's hub ended the subscription. Airhorn asks again later and looks by itself."),
        "hub_lease_over": Cause("The subscription at YouTube's hub ran out. Airhorn renews it and looks by itself."),
    },
    "Telling people": {
        "notice_unreachable": Cause("The other side cannot be reached right now. Airhorn tries again."),
        "notice_rate": Cause("The other side wants fewer messages. Airhorn waits for it."),
        "notice_gone": Cause("The address for notices is not there any more.", "Set a new one under Profile, Notices."),
        "notice_refused": Cause("The notice was refused.", "Set the address anew under Profile, Notices."),
        "notice_no_answer": Cause("The notice was sent, but nobody confirmed it. It is not sent twice."),
        "notice_interrupted": Cause("Airhorn was interrupted while sending a notice. It is not sent twice."),
        "notice_too_old": Cause("The notice was too old to be of use when it could be sent."),
        "notice_sealed": Cause("The stored address does not open.", "Set it anew under Profile, Notices."),
        "notice_bot": Cause("Telegram does not know this server's bot.", "The operator checks TELEGRAM_BOT_TOKEN."),
        "notice_mail": Cause("The mail server takes no letters from here.", "The operator checks the SMTP settings."),
        "notice_off": Cause("This way to people is not set up on this server.", "The operator sets it up again."),
    },
    "Asking for drafts": {code: Cause(*words) for code, words in DRAFTING.items()},
    "Drafts that are not used": {code: Cause(*words) for code, words in GUARDING.items()},
}
CAUSES: dict[str, Cause] = {code: cause for section in SECTIONS.values() for code, cause in section.items()}


def in_the_past(sentence: str) -> str:
    """The same once nothing comes in time any more: no promise, and no advice that only made sense before."""
    for before, after in TOO_LATE.items():
        sentence = sentence.replace(before, after)
    return sentence.replace(IN_TIME, "")


def explain(cause: str, detail: str | None = None, *, is_over: bool = False, is_settled: bool = True) -> str:
    """The sentence for people: what happened, the other side's words if any, and the fix.

    `is_over`: the time for it has passed, so nothing is promised that came in time only. `is_settled` False: Airhorn
    still finds out what became of it, so nobody has to do anything yet.
    """
    known = CAUSES.get(cause, Cause(f"Something unexpected happened ({cause})."))
    fix = in_the_past(known.fix) if is_over else known.fix if is_settled else ""
    detail = None if known.own_fix else detail
    return " ".join(part for part in (known.text, detail, fix) if part)


#: what everybody reads of what holds up the whole server → what its operator is told
TO_OPERATOR = {explain(code): f"{cause.text} {cause.own_fix}" for code, cause in CAUSES.items() if cause.own_fix}
