"""Everything about one podcast."""

from flask import Blueprint

from routes.podcasts import (
    attention,
    core,
    draft_rules,
    drafts,
    episodes,
    matching,
    members,
    numbers,
    rehearsal,
    spend,
    tweets,
    weekly,
    youtube,
)

bp = Blueprint("podcasts", __name__, url_prefix="/podcasts")

core.add_to(bp)
episodes.add_to(bp)
members.add_to(bp)
tweets.add_to(bp)
youtube.add_to(bp)
matching.add_to(bp)
rehearsal.add_to(bp)
spend.add_to(bp)
numbers.add_to(bp)
attention.add_to(bp)
weekly.add_to(bp)
draft_rules.add_to(bp)
drafts.add_to(bp)
