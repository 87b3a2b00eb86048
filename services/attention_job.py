"""When the letters about a week go out, and what was put aside and is settled is forgotten. Knows not how."""

from flask import Flask

from services import attention
from services.registry import get_services
from services.weekly_mail import WeeklyMail

ASIDE, ASIDE_SECONDS = "aside", attention.EVERY.total_seconds()
LETTERS, LETTERS_SECONDS = "letters", 60.0


def init_app(app: Flask) -> None:
    """Gives the scheduler of this process its jobs."""
    with app.app_context():
        services = get_services()
    services.scheduler.also(ASIDE, attention.clean, ASIDE_SECONDS)
    services.scheduler.also(LETTERS, WeeklyMail(services.settings, services.mail).run, LETTERS_SECONDS)
