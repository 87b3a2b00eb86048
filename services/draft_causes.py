"""Why there is no draft, or why one was not used: by code what happened and what to do. Pure; part of causes.py."""

#: code → (what happened, what to do; empty where nothing is to be done)
DRAFTING: dict[str, tuple[str, str]] = {
    "ai_unreachable": ("The AI provider cannot be reached right now.", "The operator checks AI_BASE_URL."),
    "ai_slow": ("The AI provider took too long to answer.", ""),
    "ai_no_answer": ("The AI provider was asked and did not answer.", ""),
    "ai_error": ("The AI provider reported trouble of its own.", ""),
    "ai_odd_answer": ("The AI provider's answer could not be read.", "The operator checks AI_BASE_URL."),
    "ai_auth": ("The AI provider does not accept this server's key.", "The operator checks AI_API_KEY."),
    "ai_credits": ("This server has no credits left at the AI provider.", "The operator tops up there."),
    "ai_busy": ("The AI provider takes no more requests right now.", "Ask again in a minute."),
    "ai_bad_request": ("The AI provider does not take the request.", "The operator checks AI_MODEL and AI_BASE_URL."),
    "ai_refused": ("The AI provider did not want to write this.", ""),
    "ai_empty": ("The AI provider's answer was empty.", ""),
    "ai_cut": ("The AI provider's answer broke off before its end.", ""),
    "ai_too_long": ("The AI provider's answer was far too long.", ""),
    "ai_interrupted": ("Airhorn was interrupted while it asked the AI provider.", ""),
    "ai_dearer": ("An AI draft would have cost more than was said before the click.", "Ask again at the new price."),
    "ai_uncovered": ("There is no money for an AI draft.", "An admin can top up the wallet or raise the budget."),
    "unapproved": ("You did not approve a draft.", "Approve one in time and it is still posted."),
}
#: the same for texts that came and were not used
GUARDING: dict[str, tuple[str, str]] = {
    "draft_empty": ("The draft says nothing.", ""),
    "draft_too_long": ("The draft is too long for X with its link.", ""),
    "draft_characters": ("The draft has characters that cannot be seen or filled in.", ""),
    "draft_url": ("The draft has an address that nobody asked for.", ""),
    "draft_mention": ("The draft mentions somebody who was not asked for.", ""),
    "draft_hashtag": ("The draft has a hashtag that was not asked for.", "Add it to your voice if you want it."),
    "draft_cashtag": ("The draft has a cashtag that was not asked for.", ""),
    "draft_number": ("The draft has a number that the episode does not say.", ""),
    "draft_date": ("The draft has a day or a month that the episode does not say.", ""),
    "draft_name": (
        "The draft has a name that the episode does not say.",
        "An admin can add it to the podcast's allowed words.",
    ),
    "draft_injected": ("The draft does what a text in the episode told it to do.", "Look at the episode's notes."),
    "draft_off_topic": ("The draft does not say what the episode is about.", ""),
    "draft_alike": ("The draft is too much like the text of another host of this episode.", ""),
    "draft_language": ("The draft is not in the podcast's language.", ""),
    "draft_emoji": ("The draft has emoji, and this voice has none.", ""),
    "draft_avoided": ("The draft uses a word that this voice avoids.", ""),
    "draft_same": ("The draft says the same as the one before.", ""),
    "draft_not_shorter": ("The draft is not shorter than the one before.", ""),
}
