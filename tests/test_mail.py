"""Letters, sent to a real mail server on loopback: what arrives, and what cannot be slipped in."""

import contextlib
import logging
import socket

import pytest
from aiosmtpd.smtp import AuthResult

from config import Settings, SettingsError
from services.mail import Mailer
from tests.post_office import Postman, post_office
from tests.raw_server import hang, make_cert, raw_server


def check_password(_server, _session, _envelope, _mechanism, data):
    # `handled` would mean that the refusal has been sent already: the server would then say nothing
    return AuthResult(success=(data.login, data.password) == (b"airhorn", b"sec:ret"), handled=False)


@pytest.fixture
def postman():
    return Postman()


@pytest.fixture
def serve(postman):
    """Starts a mail server. Answers the settings that lead to it."""
    with contextlib.ExitStack() as running:

        def start(**options):
            running.enter_context(post_office(postman, **options))
            return {"smtp_host": "127.0.0.1", "smtp_port": postman.port, "smtp_from": "airhorn@example.com"}

        yield start


def mailer(tmp_path, ca_file=None, **values):
    values.setdefault("smtp_security", "none")
    return Mailer(Settings.load(_env_file=None, instance_path=tmp_path, **values), ca_file=ca_file)


def test_a_letter_arrives_as_it_was_written(serve, postman, tmp_path):
    post = mailer(tmp_path, **serve())
    assert post.send("ada@example.com", "Ünïcode 🎙", "Hello,\n\nhttps://airhorn.example.com/x\n.\nEnd\n")
    [letter] = postman.letters
    assert postman.envelopes[0].rcpt_tos == ["ada@example.com"]
    assert (letter["To"], letter["From"]) == ("ada@example.com", "airhorn@example.com")
    assert letter["Subject"] == "Ünïcode 🎙"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert letter["Message-ID"].endswith("@127.0.0.1>")
    assert letter.get_content().splitlines() == ["Hello,", "", "https://airhorn.example.com/x", ".", "End"]


@pytest.mark.parametrize("to", ["a@b.c\r\nBcc: x@y.z", "a@b.c\nX: 1", "a@b.c, x@y.z", "x@y.z>\r\nDATA", ""])
def test_an_address_adds_no_header_and_no_other_reader(serve, postman, tmp_path, to):
    mailer(tmp_path, **serve()).send(to, "Hello", "Text")
    assert all(len(envelope.rcpt_tos) <= 1 or to == "a@b.c, x@y.z" for envelope in postman.envelopes)
    assert all(letter["Bcc"] is None and letter["X"] is None for letter in postman.letters)


@pytest.mark.parametrize(
    "subject", ["Hi\r\nBcc: x@y.z", "Hi\n\nbody", "Hi\0\x1b[31m", "x" * 5000, "Hi\u2028Bcc: x@y.z"]
)
def test_a_subject_stays_one_line(serve, postman, tmp_path, subject):
    assert mailer(tmp_path, **serve()).send("ada@example.com", subject, "Text")
    [letter] = postman.letters
    assert letter["Bcc"] is None
    assert letter["Subject"].isprintable()
    assert len(letter["Subject"]) <= 150
    assert letter.get_content().split() == ["Text"]


@pytest.mark.logs_errors  # the server says that somebody hung up on its certificate
@pytest.mark.filterwarnings("ignore::UserWarning:aiosmtpd")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_is_encrypted_and_signed_in(serve, postman, tmp_path, security):
    file, tls = make_cert(tmp_path)
    secure = {"tls_context": tls, "require_starttls": True} if security == "starttls" else {"ssl_context": tls}
    given = serve(authenticator=check_password, auth_required=True, auth_require_tls=False, **secure)
    right = {"smtp_user": "airhorn", "smtp_password": "sec:ret", "smtp_security": security}
    assert mailer(tmp_path, file, **given, **right).send("ada@example.com", "Hello", "Text")
    assert not mailer(tmp_path, file, **given, **(right | {"smtp_password": "wr0ng"})).send("a@b.c", "Hello", "Text")
    assert not mailer(tmp_path, None, **given, **right).send("a@b.c", "Hello", "Text")  # nobody vouches for it
    assert len(postman.letters) == 1


def test_a_server_without_tls_is_told_nothing(serve, postman, tmp_path):
    given = serve() | {"smtp_user": "airhorn", "smtp_password": "sec:ret", "smtp_security": "starttls"}
    assert not mailer(tmp_path, **given).send("ada@example.com", "Hello", "Text")
    assert postman.envelopes == []


@pytest.mark.parametrize("answer", ["550 no such mailbox", "451 later", "552 too much"])
def test_what_the_server_refuses_is_a_no_and_a_line_without_secrets(serve, postman, tmp_path, caplog, answer):
    postman.refuse = answer
    with caplog.at_level(logging.DEBUG):
        assert not mailer(tmp_path, **serve()).send("ada@example.com", "Hello", "https://x.example/password/s3cret")
    [line] = [record for record in caplog.records if record.name == "services.mail"]
    assert "could not be sent" in line.getMessage()
    assert "s3cret" not in line.getMessage()


def test_a_server_that_is_not_there_is_a_no(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_from": "a@example.com"}
    assert not mailer(tmp_path, **given).send("ada@example.com", "Hello", "Text")


def test_a_server_that_never_answers_is_not_waited_for(tmp_path):
    with raw_server(hang) as server:
        given = {"smtp_host": "127.0.0.1", "smtp_port": int(server.url.rpartition(":")[2].strip("/"))}
        post = mailer(tmp_path, smtp_from="a@example.com", **given)
        post.deadline = 0.5
        assert not post.send("ada@example.com", "Hello", "Text")


def test_without_a_server_nothing_is_sent(tmp_path):
    post = mailer(tmp_path)
    assert not post.is_set_up
    assert not post.send("ada@example.com", "Hello", "Text")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"smtp_host": "mail.example.com"}, "SMTP_FROM must be set"),
        ({"smtp_host": "mail.example.com", "smtp_from": "Air <a@b.c>"}, "SMTP_FROM must be one plain"),
        ({"smtp_host": "mail.example.com", "smtp_from": "a@b.c\nX: 1"}, "SMTP_FROM must be one plain"),
        ({"smtp_host": "mail.example.com", "smtp_from": "a@b.c", "smtp_security": "none"}, "SMTP_SECURITY must be"),
        ({"smtp_security": "ssl"}, "SMTP_SECURITY must be one of"),
        ({"smtp_port": 0}, "SMTP_PORT must be at least 1"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path, values, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Settings.load(_env_file=None, instance_path=tmp_path, **values)
