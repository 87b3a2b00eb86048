"""A real mail server on loopback that keeps what arrives."""

import asyncio
import contextlib
from email import message_from_bytes
from email.policy import default

from aiosmtpd.controller import Controller

from tests.conftest import is_held_open
from tests.processes import free_port


class Postman:
    """Keeps what arrives. `refuse` is what the server answers instead of taking it; `port` is where it listens."""

    def __init__(self):
        self.envelopes, self.refuse, self.port = [], "", None
        #: to whom a letter came while a transaction of this process was open
        self.kept_waiting = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the server's name
        if is_held_open():
            self.kept_waiting += envelope.rcpt_tos
        if self.refuse:
            return self.refuse
        self.envelopes.append(envelope)
        return "250 OK"

    @property
    def letters(self):
        return [message_from_bytes(envelope.content, policy=default) for envelope in self.envelopes]


@contextlib.contextmanager
def post_office(postman, **options):
    """A running mail server of this postman."""
    postman.port = free_port()
    server = _Server(postman, hostname="127.0.0.1", port=postman.port, **options)
    server.start()
    try:
        yield postman
    finally:
        server.stop()
    assert not postman.kept_waiting, "a letter was handed over while a transaction was open"


class _Server(Controller):
    """Hangs up before its loop ends: a connection left open would turn up as the error of some later test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._talks = []

    def factory(self):
        talk = super().factory()
        self._talks.append(talk)
        return talk

    def stop(self, no_assert=False):
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(10)
        super().stop(no_assert)

    async def _hang_up(self):
        self.server.close()
        await asyncio.sleep(0.01)  # whoever was let in a moment ago gets his transport first
        while any(talk.transport for talk in self._talks):
            for talk in self._talks:
                if talk.transport:
                    talk.transport.abort()
            await asyncio.sleep(0.01)
