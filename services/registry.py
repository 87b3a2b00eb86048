"""Makes the clients and services of a process, once, and finds them again."""

from dataclasses import dataclass

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
from services.metrics_sync import MetricsSyncService
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


@dataclass(frozen=True)
class Services:
    """Everything that is made once per process."""

    settings: Settings
    http: Http
    vault: Vault
    guard: Guard
    tokens: TokenService
    connections: ConnectionService
    oauth: OAuthService
    live: YouTubeLiveService
    push: YouTubePushService
    posting: SocialPostingService
    confirming: ConfirmingService
    tweets: TweetSchedulerService
    by_hand: ByHandService
    writer: Writer
    drafts: DraftService
    scheduler: SchedulerService
    mail: Mailer
    notify: NotifyService
    metrics: MetricsSyncService
    numbers: FiguresCache


def init_app(app: Flask, settings: Settings) -> None:
    """Makes the clients and services of this process. Opens no connection."""
    http = Http()
    x = XClient(
        http,
        settings.x_api_url,
        client_id=settings.x_client_id,
        client_secret=settings.x_client_secret,
        authorize_url=settings.x_authorize_url,
    )
    key = settings.youtube_api_key
    live = YouTubeLiveService(
        settings,
        api=YouTubeApi(http, settings.youtube_api_url, key) if key else None,
        feed=YouTubeFeed(http, settings.youtube_web_url),
        page=YouTubePage(http, settings.youtube_web_url),
    )
    vault = Vault(settings.token_encryption_keys)
    push = YouTubePushService(settings, vault, WebSubHub(http, settings.websub_hub_url))
    revoking = RevokingService(vault, x)
    # A rehearsal has a database of its own beside the real one, so it remembers apart from it, too.
    kept = settings.instance_path / "rehearsal" if settings.sandbox_url else settings.instance_path
    guard = Guard(kept, IntentJournal(kept))
    tokens = TokenService(vault, x, guard.journal)
    connections = ConnectionService(tokens, x, revoking)
    posting = SocialPostingService(settings, x, tokens, guard)
    writer = Writer(ContentAtomizer())
    ai = client_of(http, settings.ai_provider, settings.ai_base_url, settings.ai_api_key, settings.ai_model)
    tweets = TweetSchedulerService(settings, live, posting, writer)
    confirming = ConfirmingService(settings, x, tokens)
    mail = Mailer(settings)
    notify = NotifyService(settings, http, vault, mail)
    scheduler = SchedulerService(
        app,
        settings,
        tweets=tweets,
        posting=posting,
        confirming=confirming,
        notify=notify,
        alive=AliveService(settings, http, guard.journal),
        tokens=tokens,
        revoking=revoking,
        push=push,
        clock=ClockWatch(settings, http.clocks.ahead),
        guard=guard,
    )
    drafts = DraftService(ai, writer)
    scheduler.also(DRAFTS, DraftJob(drafts).run, DRAFTS_EVERY)
    app.extensions[EXTENSION] = Services(
        settings=settings,
        http=http,
        vault=vault,
        guard=guard,
        tokens=tokens,
        connections=connections,
        oauth=OAuthService(settings, vault, x, connections),
        live=live,
        push=push,
        posting=posting,
        confirming=confirming,
        tweets=tweets,
        by_hand=ByHandService(settings, writer, confirming),
        writer=writer,
        drafts=drafts,
        scheduler=scheduler,
        mail=mail,
        notify=notify,
        metrics=MetricsSyncService(x, tokens),
        numbers=_numbers(app, settings),
    )


def _numbers(app: Flask, settings: Settings) -> FiguresCache:
    """What is kept is signed for this installation: another one may use the same Redis."""
    where = Where(app.extensions["cache"][cache], is_remote=settings.redis_url is not None)
    return FiguresCache(GuardedStore(where, f"{settings.secret_key}\n{settings.database_url}"), resting)


def get_services() -> Services:
    """The services of the current application."""
    found: Services = current_app.extensions[EXTENSION]
    return found
