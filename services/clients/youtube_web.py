"""YouTube's pages over HTTP: fetched whole, on YouTube's own host only; consent page and refusals told apart."""

from urllib.parse import urljoin, urlsplit

from services.clients.http import Answer, Http
from services.clients.youtube_fields import ask, failure

#: SOCS=CAI says that the consent page was answered with "reject all". English, so that reasons can
#: be told apart.
HEADERS = {"Cookie": "SOCS=CAI", "Accept-Language": "en-US,en;q=0.9"}
PAGE_BYTES = 2 * 1024 * 1024
HOPS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def fetch_page(http: Http, url: str) -> str | None:
    """The page's HTML; None for 404; Refused otherwise. Follows redirects on the same host only (an old handle)."""
    home = urlsplit(url)[:2]
    for _ in range(HOPS + 1):
        answer = ask(http, url, headers=HEADERS, max_bytes=PAGE_BYTES)
        if is_consent(answer):
            raise failure("youtube_consent", http_status=answer.status)
        if answer.status not in REDIRECTS:
            break
        url = _target(answer, url)
        if urlsplit(url)[:2] != home:
            raise failure("youtube_odd_answer", http_status=answer.status, detail="sent elsewhere")
    if answer.status in (200, 404):
        return answer.body.decode("utf-8", "replace") if answer.status == 200 else None
    raise _refusal(answer.status)


def is_consent(answer: Answer) -> bool:
    """Whether the answer leads to the consent page, on its own host or (stand-ins) as /consent."""
    target = urlsplit(_target(answer, answer.url)) if answer.status in REDIRECTS else urlsplit(answer.url)
    return (target.hostname or "").startswith("consent.") or target.path.startswith("/consent")


def _target(answer: Answer, url: str) -> str:
    """Where a redirect leads. The "sorry" page of Google's robot check ends here."""
    location = answer.headers.get("Location", "")
    try:
        target = urljoin(url, location) if location else ""
        path = urlsplit(target).path
    except ValueError:
        target = path = ""
    if path.startswith("/sorry/"):
        raise failure("youtube_bot_check", http_status=answer.status)
    if not target:
        raise failure("youtube_odd_answer", http_status=answer.status, detail="a redirect to nowhere")
    return target


def _refusal(status: int) -> Exception:
    cause = "youtube_odd_answer"
    if status == 429:
        cause = "youtube_rate"
    elif status == 409 or status >= 500:
        cause = "youtube_error"
    elif status >= 400:
        cause = "youtube_refused"
    return failure(cause, http_status=status, detail=f"HTTP {status}")
