"""Letters to people, by SMTP. Knows no user, decides nothing, and never holds anybody up for long."""

import logging
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

from config import Settings
from services.errors import Refused, Unknown

log = logging.getLogger(__name__)

#: seconds for the whole of a letter, and for each step of the conversation
DEADLINE = 10.0
AT_ONCE = 4
LONGEST_SUBJECT = 150
#: an address in a header is otherwise broken up into pieces that no program puts together; RFC 5322 allows 998
UNBROKEN = policy.default.clone(max_line_length=900)


class Mailer:
    """Sends letters when SMTP is set up. `ca_file`: whom to trust instead of the system's authorities."""

    def __init__(self, settings: Settings, *, ca_file: str | None = None) -> None:
        self._settings = settings
        self._ca_file = ca_file
        self.deadline = DEADLINE
        self._here = urlsplit(settings.public_url).hostname or "localhost"
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mail")
        # Of its own: what runs here waits for letters in the other one.
        self._beside = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mail-later")

    @property
    def is_set_up(self) -> bool:
        return self._settings.smtp_host is not None

    def send(self, to: str, subject: str, text: str) -> bool:
        """Whether the server took the letter in time. Call it with no transaction open; why not is in the log."""
        if not self.is_set_up:
            return False
        try:
            self._pool.submit(self._deliver, self._letter(to, subject, text)).result(self.deadline)
        # A letter that cannot be written (ValueError) is as little the reader's fault as a server that is away.
        except (OSError, smtplib.SMTPException, TimeoutError, ValueError) as error:
            # Its own words may repeat what was sent.
            code = getattr(error, "smtp_code", None)
            log.warning("a mail could not be sent: %s", type(error).__name__, extra={"smtp_code": code})
            return False
        return True

    def hand_over(self, to: str, subject: str, text: str, *, headers: Mapping[str, str] | None = None) -> None:
        """As `send`, for who must know more: Refused when the server certainly did not take it, Unknown else."""
        if not self.is_set_up:
            raise Refused("No mail server is set.", cause="notice_off", permanent=True)
        letter = self._letter(to, subject, text, headers or {})
        try:
            waiting = self._pool.submit(self._deliver, letter)
        except RuntimeError:  # the pool is closed: this process ends, and another may send it
            raise Refused("This process ends.", cause="notice_unreachable") from None
        try:
            waiting.result(self.deadline)
        except TimeoutError:
            if waiting.cancel():  # it was not even begun
                raise Refused("The mail server is slow.", cause="notice_unreachable") from None
            raise Unknown("The mail server did not answer in time.", cause="notice_no_answer") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise _outcome_of(error) from None

    def later(self, work: Callable[[], object]) -> None:
        """Does something that ends with a letter beside the request, so that its time tells nobody anything."""
        self._beside.submit(_quietly, work)

    def close(self) -> None:
        """Waits for what is being written and sent; then nothing more is."""
        self._beside.shutdown()
        self._pool.shutdown()

    def _letter(self, to: str, subject: str, text: str, headers: Mapping[str, str] | None = None) -> EmailMessage:
        letter = EmailMessage(policy=UNBROKEN)
        letter["From"] = self._settings.smtp_from
        letter["To"] = to
        letter["Subject"] = subject_line(subject)
        letter["Date"] = formatdate()
        letter["Message-ID"] = make_msgid(domain=self._here)
        letter["Auto-Submitted"] = "auto-generated"
        for name, value in (headers or {}).items():
            letter[name] = value
        letter.set_content(text)
        return letter

    def _deliver(self, letter: EmailMessage) -> None:
        settings = self._settings
        with self._connect() as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=self._tls())
            if settings.smtp_user is not None:
                server.login(settings.smtp_user, settings.smtp_password or "")
            server.send_message(letter)

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.smtp_host or "", self._settings.smtp_port
        if self._settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, local_hostname=self._here, timeout=self.deadline, context=self._tls())
        return smtplib.SMTP(host, port, local_hostname=self._here, timeout=self.deadline)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file)


def subject_line(subject: str) -> str:
    """As it is sent: in one line, printable, and not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in subject).split())[:LONGEST_SUBJECT]


def _outcome_of(error: Exception) -> Refused | Unknown:
    """What a failed conversation means. Its own words are left out: they may repeat what was sent."""
    kind = type(error).__name__
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        if all(code >= 500 for code in codes):
            return Refused("The mail server does not know the address.", cause="notice_gone", permanent=True)
        # About this address alone: a server that puts one off may take the letter to the next one.
        return Refused("The mail server wants to be asked again.", cause="notice_rate")
    if isinstance(error, smtplib.SMTPResponseException):  # it answered, and not with a yes
        is_ours = isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPSenderRefused)
        cause = "notice_mail" if is_ours else "notice_refused"
        is_over = error.smtp_code >= 500 and not is_ours
        return Refused(f"The mail server said no ({kind}).", cause=cause, permanent=is_over)
    never_begun = (ConnectionRefusedError, socket.gaierror, ssl.SSLError, ValueError, smtplib.SMTPNotSupportedError)
    if isinstance(error, never_begun):
        return Refused(f"The mail server cannot be used ({kind}).", cause="notice_unreachable")
    return Unknown(f"The conversation with the mail server broke off ({kind}).", cause="notice_no_answer")


def _quietly(work: Callable[[], object]) -> None:
    """In a thread nobody waits for: what goes wrong is written down."""
    try:
        work()
    except Exception:
        log.exception("a letter was not written")
