"""Everything about one podcast."""

from flask import Blueprint

from routes.podcasts import core, tweets

bp = Blueprint("podcasts", __name__, url_prefix="/podcasts")

core.add_to(bp)
tweets.add_to(bp)
