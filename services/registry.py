"""Makes the clients and services of a process, once, and finds them again."""

from flask import Flask, current_app

from config import Settings
from extensions import cache, resting
from services.alive import AliveService
from services.by_hand import ByHandService
from services.clients.ai import client_of
from services.clients.http import Http
from services.clients.websub import WebSubHub
from services.clients.x import XClient
from services.clients.youtube_api import YouTubeApi
from services.clients.youtube_feed import YouTubeFeed
from services.clients.youtube_page import YouTubePage
from services.clock_watch import ClockWatch
from services.confirming import ConfirmingService
from services.connections import ConnectionService
from services.content_atomizer import ContentAtomizer
from services.draft_job import EVERY_SECONDS as DRAFTS_EVERY
from services.draft_job import NAME as DRAFTS
from services.draft_job import DraftJob
from services.drafting import DraftService
from services.figures_cache import FiguresCache
from services.guarded_store import GuardedStore, Where
from services.installation import Guard
from services.journal import IntentJournal
from services.mail import Mailer
from services.metrics_rows import AGES
from services.metrics_sync import FIRST_IN_REHEARSAL, MetricsSyncService
from services.notice_sending import NotifyService
from services.oauth import OAuthService
from services.revoking import RevokingService
from services.scheduler import SchedulerService
from services.social_posting import SocialPostingService
from services.tokens import TokenService
from services.tweet_scheduler import TweetSchedulerService
from services.vault import Vault
from services.writer import Writer
from services.youtube_live import YouTubeLiveService
from services.youtube_push import YouTubePushService

EXTENSION = "airhorn"
#: named only: what it needs is imported where there is a Redis
REDIS_STORE = "services.clients.redis_store.RedisStore"


class Services:
    """Everything that is made once per process. Making it opens no connection."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.settings = settings
        self.http = Http()
        self.vault = Vault(settings.token_encryption_keys)
        # A rehearsal has a database of its own beside the real one, so it remembers apart from it, too.
        kept = settings.instance_path / "rehearsal" if settings.sandbox_url else settings.instance_path
        self.guard = Guard(kept, IntentJournal(kept))
        self._watch(settings)
        self._post(settings)
        self._tell(app, settings)
        self._run(app, settings)

    def _watch(self, settings: Settings) -> None:
        """What sees that a show begins."""
        key = settings.youtube_api_key
        self.live = YouTubeLiveService(
            settings,
            api=YouTubeApi(self.http, settings.youtube_api_url, key) if key else None,
            feed=YouTubeFeed(self.http, settings.youtube_web_url),
            page=YouTubePage(self.http, settings.youtube_web_url),
        )
        self.push = YouTubePushService(settings, self.vault, WebSubHub(self.http, settings.websub_hub_url))

    def _post(self, settings: Settings) -> None:
        """What writes texts and sends them."""
        x = XClient(
            self.http,
            settings.x_api_url,
            client_id=settings.x_client_id,
            client_secret=settings.x_client_secret,
            authorize_url=settings.x_authorize_url,
        )
        self.revoking = RevokingService(self.vault, x)
        self.tokens = TokenService(self.vault, x, self.guard.journal)
        self.connections = ConnectionService(self.tokens, x, self.revoking)
        self.oauth = OAuthService(settings, self.vault, x, self.connections)
        self.posting = SocialPostingService(settings, x, self.tokens, self.guard)
        self.confirming = ConfirmingService(settings, x, self.tokens)
        first = FIRST_IN_REHEARSAL if settings.sandbox_url else AGES[0]
        self.metrics = MetricsSyncService(x, self.tokens, first=first)
        self.writer = Writer(ContentAtomizer())
        self.tweets = TweetSchedulerService(settings, self.live, self.posting, self.writer)
        self.by_hand = ByHandService(settings, self.writer, self.confirming)
        ai = client_of(self.http, settings.ai_provider, settings.ai_base_url, settings.ai_api_key, settings.ai_model)
        self.drafts = DraftService(ai, self.writer)

    def _tell(self, app: Flask, settings: Settings) -> None:
        """What tells people."""
        self.mail = Mailer(settings)
        self.notify = NotifyService(settings, self.http, self.vault, self.mail)
        self.numbers = _numbers(app, settings)

    def _run(self, app: Flask, settings: Settings) -> None:
        """What runs by itself."""
        self.scheduler = SchedulerService(
            app,
            settings,
            tweets=self.tweets,
            posting=self.posting,
            confirming=self.confirming,
            notify=self.notify,
            alive=AliveService(settings, self.http, self.guard.journal),
            tokens=self.tokens,
            revoking=self.revoking,
            push=self.push,
            clock=ClockWatch(settings, self.http.clocks.ahead),
            guard=self.guard,
        )
        self.scheduler.also(DRAFTS, DraftJob(self.drafts).run, DRAFTS_EVERY)


def init_app(app: Flask, settings: Settings) -> None:
    """Makes the clients and services of this process."""
    app.extensions[EXTENSION] = Services(app, settings)


def _numbers(app: Flask, settings: Settings) -> FiguresCache:
    """What is kept is signed for this installation: another one may use the same Redis."""
    where = Where(app.extensions["cache"][cache], is_remote=settings.redis_url is not None)
    return FiguresCache(GuardedStore(where, f"{settings.secret_key}\n{settings.database_url}"), resting)


def get_services() -> Services:
    """The services of the current application."""
    found: Services = current_app.extensions[EXTENSION]
    return found
