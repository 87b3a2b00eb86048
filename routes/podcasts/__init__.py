"""Everything about one podcast."""

from flask import Blueprint

from routes.podcasts import core, members, tweets

bp = Blueprint("podcasts", __name__, url_prefix="/podcasts")

core.add_to(bp)
members.add_to(bp)
tweets.add_to(bp)
