"""Has a draft written for one host: asks the provider within what may be spent, judges, and else writes it itself.

No transaction is open while somebody is asked. Each try is a row of its own, with what it cost and why it was not used.
"""

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from extensions import db
from models import DraftStatus, WishKind
from services import draft_rows, figures_version, prices, wallet
from services.audit import Actor
from services.causes import explain
from services.clients.ai import DEADLINE, Ai, Prompt
from services.clients.ai_answers import Answer
from services.draft_guard import Rejection, judge
from services.draft_prompt import template_of
from services.draft_question import Case, affordable, ask, most_of, order_of
from services.draft_rows import Subject
from services.errors import Outcome, Refused, Uncovered
from services.prices import Prices
from services.wallet import Booked
from services.writer import Writer

log = logging.getLogger(__name__)

BUILT_IN = "builtin"
#: a language that nothing is judged by: our own texts are English
NO_LANGUAGE = "zxx"
#: seconds that must be left for another try
LEAST_TIME = 2.0
#: what passes by itself, so that it is worth waiting for
PASSING = frozenset({"ai_busy", "ai_unreachable", "ai_error"})
#: nobody was asked: it might cost more than was said before the click
TOO_DEAR = "ai_dearer"


@dataclass(frozen=True, slots=True)
class Drafted:
    """What came of a wish. `counts`: it is what will be sent, unless the host writes something himself."""

    draft_id: int
    text: str
    writer: str
    counts: bool
    sentence: str

    @property
    def is_ai(self) -> bool:
        return self.writer != BUILT_IN


@dataclass(frozen=True, slots=True)
class _Tried:
    """One question to the provider, and what it cost. `reason`: None when the answer is used.

    `rejection` is for another try.
    """

    draft_id: int = 0
    text: str = ""
    counts: bool = False
    reason: str | None = None
    detail: str = ""
    rejection: str = ""
    cost: int = 0
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a draft may come about. `most`: micro-dollars that all questions together may cost; None: nobody was told.

    `can_wait`: who asks comes again later when the provider takes no question now. `may_ask`: False where a question
    was paid for already and its answer is gone.
    """

    most: int | None = None
    can_wait: bool = False
    may_ask: bool = True


USUAL = Terms()


Question = Callable[[], Answer | Outcome]
Steps = Generator[Question, Answer | Outcome, Drafted]


class Later(Exception):  # noqa: N818 - a signal, not an error
    """The provider takes no question now, and there is no draft yet. For who can wait."""

    def __init__(self, retry_at: datetime | None) -> None:
        super().__init__()
        self.retry_at = retry_at


class DraftService:
    """Writes drafts. `ai` is None where no provider is set up: then only the built-in writer does."""

    def __init__(self, ai: Ai | None, writer: Writer) -> None:
        self._ai, self._writer = ai, writer

    @property
    def has_ai(self) -> bool:
        return self._ai is not None

    def draft(self, config_id: int, wish: str, by: Actor, now: datetime, *, most: int | None = None) -> Drafted:
        """A new draft for one host, as a rule within 15 seconds. By Airhorn itself where `by` is nobody.

        `most`: micro-dollars that it may cost. Raises NotFound.
        """
        steps = self.steps(config_id, wish, by, now, terms=Terms(most=most))
        try:
            question = next(steps)
            while True:
                question = steps.send(question())
        except StopIteration as end:
            drafted: Drafted = end.value
            return drafted

    def steps(self, config_id: int, wish: str, by: Actor, now: datetime, *, terms: Terms = USUAL) -> Steps:
        """The same for who writes several at once: gives each question to the provider, takes what came of it.

        Questions know no database: ask them in threads. Raises NotFound, and Later if it can wait.
        """
        subject = draft_rows.load(config_id, wish, self._writer)
        db.session.rollback()
        tried: _Tried | None = None
        if self._ai is not None and terms.may_ask:
            case = Case(subject, by, now, time.monotonic() + DEADLINE, terms.most)
            tried = yield from self._twice(self._ai, case, can_wait=terms.can_wait)
            if tried.reason is None:
                said = "A draft is ready." if tried.counts else "A draft is ready for you to look at."
                return Drafted(tried.draft_id, tried.text, _name(self._ai), tried.counts, said)
        return self._write(subject, by, now, tried)

    # Asking

    def _twice(self, ai: Ai, case: Case, *, can_wait: bool) -> Generator[Question, Answer | Outcome, _Tried]:
        """The second time with the reason why the first answer was not used."""
        tried = yield from self._try(ai, case)
        if can_wait and tried.reason in PASSING:
            raise Later(tried.retry_at)
        if not tried.rejection or case.until - time.monotonic() < LEAST_TIME:
            return tried
        again = replace(case.subject, brief=replace(case.subject.brief, rejected=tried.rejection))
        left = None if case.left is None else case.left - tried.cost
        second = yield from self._try(ai, replace(case, subject=again, left=left))
        if can_wait and second.reason in PASSING:
            raise Later(second.retry_at)
        return tried if second.reason == TOO_DEAR else second

    def _try(self, ai: Ai, case: Case) -> Generator[Question, Answer | Outcome, _Tried]:
        listed = prices.current(case.now)
        prompt = affordable(case, listed, ai.model)
        if prompt is None:
            db.session.rollback()
            return _Tried(reason=TOO_DEAR)
        draft_id, cap = _asked(ai, case, listed, prompt)
        try:
            hold = wallet.reserve(order_of(ai, case, listed, (draft_id, cap)), case.now)
        except Uncovered as uncovered:
            return _failed(_Tried(draft_id, reason="ai_uncovered", detail=str(uncovered)))
        answer = yield partial(ask, ai, prompt, case.now, case.until)
        if isinstance(answer, Refused):
            wallet.release(hold, case.now)
            return _failed(_Tried(draft_id, reason=answer.cause, retry_at=answer.retry_at))
        if isinstance(answer, Outcome):
            # What it may cost stays held until the night.
            return _failed(_Tried(draft_id, reason=answer.cause), status=DraftStatus.UNKNOWN, cost=None)
        cost = self._pay(ai, hold, answer, listed, case.now)
        return replace(self._judge(case.subject, draft_id, answer, case.by), cost=cost)

    @staticmethod
    def _pay(ai: Ai, hold: Booked, answer: Answer, listed: Prices, now: datetime) -> int:
        """What the provider counted, and never more than was held. Who does not count is paid what was held."""
        cost = hold.price
        if answer.read is not None and answer.written is not None:
            cost = min(cost, listed.tokens(ai.model, read=answer.read, written=answer.written))
        figures_version.raise_for(db.session(), [hold.podcast_id])
        wallet.charge(hold, cost, now)
        assert hold.about.draft_id is not None
        counted = {"tokens_read": answer.read, "tokens_written": answer.written, "cost": cost}
        draft_rows.change(hold.about.draft_id, **counted)
        db.session.commit()
        return cost

    def _judge(self, before: Subject, draft_id: int, answer: Answer, by: Actor) -> _Tried:
        """In one transaction that no other host's draft of the episode goes through at the same time."""
        subject = draft_rows.again(before, self._writer)
        text = template_of(answer.text, subject.brief.facts.url)
        found: Rejection | None = None if answer.trouble else judge(text, subject.brief)
        reason = answer.trouble or (found.code if found else None)
        if reason is not None:
            detail = found.detail if found else ""
            rejected = {"status": DraftStatus.REJECTED, "reason": reason, "detail": detail}
            draft_rows.change(draft_id, text=answer.text.strip()[:4000], **rejected)
            db.session.commit()
            log.info("a draft was not used", extra={"draft": draft_id, "reason": reason})
            return _Tried(draft_id, reason=reason, detail=detail, rejection=str(found or explain(reason)))
        draft_rows.change(draft_id, text=text, status=DraftStatus.ACCEPTED)
        counts = draft_rows.make_count(subject, text, by_host=by.user_id == subject.user_id)
        db.session.commit()
        return _Tried(draft_id, text=text, counts=counts)

    # Writing without anybody

    def _write(self, before: Subject, by: Actor, now: datetime, tried: _Tried | None) -> Drafted:
        subject = draft_rows.again(before, self._writer)
        text = self._own(subject)
        row = _row(subject, by, now) | {"writer": BUILT_IN, "status": DraftStatus.ACCEPTED, "text": text}
        draft_id = draft_rows.add(**row, cap=0, cost=0)
        by_host = by.user_id == subject.user_id
        # A usual text of people's own is better than one of ours that nobody asked for.
        fits = by_host or not subject.has_template
        counts = fits and draft_rows.make_count(subject, text, by_host=by_host)
        db.session.commit()
        why = f"{explain(tried.reason or '', tried.detail)} Airhorn wrote one itself." if tried else "A draft is ready."
        return Drafted(draft_id, text, BUILT_IN, counts, why)

    def _own(self, subject: Subject) -> str:
        """The first wording after the one that counts now, that passes; as little as possible is let go otherwise."""
        brief = replace(subject.brief, rejected="")
        texts = self._writer.wordings(brief.facts, subject.seed, subject.draft)
        english = replace(brief, language=NO_LANGUAGE)
        for case in (brief, english, replace(english, wish=WishKind.NEW)):
            for text in texts:
                if judge(text, case) is None:
                    return text
        return texts[0]


def _name(ai: Ai) -> str:
    return f"{ai.name}:{ai.model}"


def _asked(ai: Ai, case: Case, listed: Prices, prompt: Prompt) -> tuple[int, int]:
    """(id of the row that stands before the question goes out, what it costs at most)."""
    cap = most_of(listed, ai.model, prompt)
    told = f"{prompt.system}\n\n{prompt.user}"
    row = _row(case.subject, case.by, case.now) | {"writer": _name(ai), "status": DraftStatus.ASKED}
    draft_id = draft_rows.add(**row, prompt=told, cap=cap)
    db.session.commit()
    return draft_id, cap


def _row(subject: Subject, by: Actor, now: datetime) -> dict[str, Any]:
    about = {"config_id": subject.config_id, "made_at": now, "asked_by": by.user_id}
    return about | {"wish": subject.brief.wish, "fingerprint": subject.fingerprint}


def _failed(tried: _Tried, *, status: DraftStatus = DraftStatus.FAILED, cost: int | None = 0) -> _Tried:
    draft_rows.change(tried.draft_id, status=status, reason=tried.reason, detail=tried.detail or None, cost=cost)
    db.session.commit()
    return tried
