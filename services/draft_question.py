"""One question to the provider of drafts: what it may cost, what it is booked under, and asking it."""

import logging
import time
from dataclasses import dataclass, replace
from datetime import datetime

from services import prices
from services.audit import Actor
from services.clients.ai import Ai, Prompt
from services.clients.ai_answers import Answer
from services.draft_prompt import MAX_TOKENS, MOST_OTHERS, prompt_of
from services.draft_rows import Subject
from services.errors import Outcome, Unknown
from services.prices import Prices
from services.wallet import Order, Whose

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case:
    """One try. `left`: micro-dollars that it may cost, None for any; `until` is of the monotonic clock."""

    subject: Subject
    by: Actor
    now: datetime
    until: float
    left: int | None


def key_of(draft_id: int) -> str:
    """Under which its cost is held and charged."""
    return f"draft:{draft_id}"


def most_of(listed: Prices, model: str, prompt: Prompt) -> int:
    """Micro-dollars that it costs at most, whatever comes."""
    return listed.tokens(model, read=prompt.most_tokens, written=MAX_TOKENS)


def affordable(case: Case, listed: Prices, model: str) -> Prompt | None:
    """The prompt, with fewer texts of others where it would cost more than may be spent; None where that is no help."""
    brief, prompt = case.subject.brief, prompt_of(case.subject.brief)
    while case.left is not None and most_of(listed, model, prompt) > case.left:
        if not brief.others:
            return None
        brief = replace(brief, others=brief.others[:MOST_OTHERS][:-1])
        prompt = prompt_of(brief)
    return prompt


def order_of(ai: Ai, case: Case, listed: Prices, asked: tuple[int, int]) -> Order:
    """`asked`: the id of its row, and what it costs at most."""
    subject, (draft_id, cap) = case.subject, asked
    return Order(
        key=key_of(draft_id),
        whose=Whose(subject.podcast_id, subject.user_id),
        item=f"{prices.ANY_MODEL}:{ai.model}",
        cost=cap,
        price_list_id=listed.version,
        episode_id=subject.episode_id,
        draft_id=draft_id,
        actor_id=case.by.user_id,
    )


def ask(ai: Ai, prompt: Prompt, now: datetime, until: float) -> Answer | Outcome:
    """In whichever thread: no database."""
    try:
        return ai.write(prompt, max_tokens=MAX_TOKENS, now=now, deadline=max(0.1, until - time.monotonic()))
    except Outcome as outcome:
        return outcome
    except Exception:
        log.exception("asking for a draft failed unexpectedly")
        return Unknown("Asking was interrupted.", cause="ai_no_answer")
