"""The buttons of the stand-ins, for rehearsing without a browser."""

from typing import Any

from services.clients.http import KIB, Answer, Http
from services.errors import Outcome, Refused


class SandboxClient:
    """`url` is where the stand-ins are. Every method may raise Refused with the cause "sandbox"."""

    def __init__(self, http: Http, url: str) -> None:
        self._http = http
        self._url = url.rstrip("/")

    def go_live(self, channel: str | None = None, title: str | None = None) -> dict[str, Any]:
        """Starts a stream; answers {"video_id", "url"}."""
        return self._press("go-live", channel=channel, title=title)

    def end(self, channel: str | None = None) -> dict[str, Any]:
        """Ends the channel's running streams; answers {"ended": [video ids]}."""
        return self._press("end", channel=channel)

    def _press(self, button: str, **given: str | None) -> dict[str, Any]:
        body = {name: value for name, value in given.items() if value}
        try:
            with self._http.session(deadline=10, max_bytes=64 * KIB) as session:
                session.post(f"{self._url}/_control/{button}", json=body)
                answer = session.answer
        except Outcome as error:
            raise Refused(f"The sandbox at {self._url} does not answer. Start it first.", cause="sandbox") from error
        assert answer is not None
        return self._read(answer)

    def _read(self, answer: Answer) -> dict[str, Any]:
        try:
            data = answer.json()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Refused(f"What answers at {self._url} is no sandbox.", cause="sandbox", http_status=answer.status)
        if answer.status >= 400:
            reason = data.get("error") or f"It answered {answer.status}."
            raise Refused(f"The sandbox refused: {reason}", cause="sandbox", http_status=answer.status)
        return data
