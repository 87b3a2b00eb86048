"""The YouTube stand-in: Data API, Atom feed and pages over one world, on one port."""

from werkzeug.wrappers import Request, Response

from sandbox import youtube_api, youtube_web
from sandbox.youtube_errors import API_TROUBLE
from sandbox.youtube_feed import FEED_TROUBLE
from sandbox.youtube_world import World

__all__ = ["API_TROUBLE", "FEED_TROUBLE", "YouTube"]


class YouTube(World):
    """What happens in the world is told by the methods of World; how it is shown depends on its settings.

    The API lives below /youtube/v3, everything else (/feeds, /channel, /@handle, /watch, /consent) at the root.
    `mishaps = [*API_TROUBLE, *FEED_TROUBLE]` with a `chance` gives seeded bursts of trouble.
    """

    def reply(self, request: Request) -> Response:
        if request.path.startswith(youtube_api.ROOT):
            return youtube_api.answer(self, request)
        return youtube_web.answer(self, request)
