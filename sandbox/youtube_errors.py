"""The Data API's refusals, word for word, and the bursts of server trouble seen on the real service."""

import json
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from sandbox.standin import Fault, json_response

JSON_TYPE = {"Content-Type": "application/json; charset=UTF-8"}
PROJECT = "projects/123456789012"


class Problem(HTTPException):
    """A refusal in the error format of the Data API. Raised anywhere below the API, answered as JSON."""

    def __init__(self, code: int, message: str, /, **error: Any) -> None:
        """`error`: what stands in `error` besides code and message (errors, status, details)."""
        super().__init__(message)
        self.code = code
        self.data = {"error": {"code": code, "message": message, **error}}

    def get_response(self, *_: Any, **__: Any) -> Response:
        return json_response(self.data, self.code or 500)


def problem(code: int, reason: str, domain: str, message: str, /, *, at: str | None = None, **error: Any) -> Problem:
    """A refusal with one entry in `errors`; `at` is the parameter to blame."""
    entry = {"message": message, "domain": domain, "reason": reason}
    if at is not None:
        entry |= {"location": at, "locationType": "parameter"}
    return Problem(code, message, errors=[entry], **error)


def info(reason: str, domain: str = "googleapis.com", **metadata: str) -> list[dict[str, Any]]:
    """The `details` of the newer error format."""
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return [{"@type": kind, "reason": reason, "domain": domain, "metadata": {**metadata}}]


def no_key() -> Problem:
    message = (
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API."
    )
    return problem(403, "forbidden", "global", message, status="PERMISSION_DENIED")


def wrong_key() -> Problem:
    return problem(
        400,
        "badRequest",
        "global",
        "API key not valid. Please pass a valid API key.",
        status="INVALID_ARGUMENT",
        details=info("API_KEY_INVALID", service="youtube.googleapis.com"),
    )


def api_disabled() -> Problem:
    message = (
        "YouTube Data API v3 has not been used in project 123456789012 before or it is disabled. "
        "Enable it, then retry. If you enabled this API recently, wait a few minutes."
    )
    details = info("SERVICE_DISABLED", service="youtube.googleapis.com", consumer=PROJECT)
    return problem(403, "accessNotConfigured", "usageLimits", message, status="PERMISSION_DENIED", details=details)


def key_restricted() -> Problem:
    message = "The provided API key has an IP address restriction. The originating IP address violates it."
    details = info("API_KEY_IP_ADDRESS_BLOCKED", service="youtube.googleapis.com", consumer=PROJECT)
    return problem(403, "forbidden", "global", message, status="PERMISSION_DENIED", details=details)


def quota_gone(form: str) -> Problem:
    """`form`: "new", or "old" for the older daily form."""
    if form == "old":
        return problem(403, "dailyLimitExceeded", "usageLimits", "Daily Limit Exceeded")
    message = (
        "The request cannot be completed because you have exceeded your "
        '<a href="/youtube/v3/getting-started#quota">quota</a>.'
    )
    return problem(403, "quotaExceeded", "youtube.quota", message)


def too_fast(form: str) -> Problem:
    """`form`: "new" has no `errors` at all."""
    if form == "old":
        return problem(403, "rateLimitExceeded", "usageLimits", "Rate Limit Exceeded")
    message = (
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' "
        "of service 'youtube.googleapis.com' for consumer 'project_number:123456789012'."
    )
    details = info("RATE_LIMIT_EXCEEDED", service="youtube.googleapis.com", consumer=PROJECT)
    return Problem(429, message, status="RESOURCE_EXHAUSTED", details=details)


def missing(parameter: str) -> Problem:
    message = f"Required parameter: {parameter}"
    return problem(400, "missingRequiredParameter", "youtube.parameter", message, at=parameter)


def no_filter(expected: str) -> Problem:
    message = f"No filter selected. Expected one of: {expected}"
    return problem(400, "missingRequiredParameter", "youtube.parameter", message, at="parameters.")


def incompatible(parameters: str) -> Problem:
    message = f"Incompatible parameters specified in the request: {parameters}"
    return problem(400, "incompatibleParameters", "youtube.parameter", message, at=parameters)


def wrong_filter(parameter: str) -> Problem:
    message = "The request specifies an invalid filter parameter."
    return problem(400, "invalidFilters", "youtube.parameter", message, at=parameter)


def wrong_value(parameter: str, value: str, rule: str) -> Problem:
    message = f"Invalid value '{value}'. {rule}"
    return problem(400, "invalidParameter", "global", message, at=parameter)


def unexpected(parameter: str) -> Problem:
    message = f"The request contains an unexpected parameter: {parameter}"
    return problem(400, "unexpectedParameter", "youtube.parameter", message, at=parameter)


def wrong_page() -> Problem:
    message = "The request specifies an invalid page token."
    return problem(400, "invalidPageToken", "youtube.parameter", message, at="pageToken")


def no_playlist() -> Problem:
    message = "The playlist identified with the request's <code>playlistId</code> parameter cannot be found."
    return problem(404, "playlistNotFound", "youtube.playlistItem", message, at="playlistId")


def no_delegation() -> Problem:
    message = "The request cannot act on behalf of the specified Google account."
    return problem(403, "accountDelegationForbidden", "youtube.common", message, status="PERMISSION_DENIED")


def _trouble(code: int, reason: str, message: str, name: str) -> Fault:
    body = json.dumps(problem(code, reason, "youtube.common", message, status=name).data)
    # `stored`: the call is worked on, and costs its unit, though its answer is trouble.
    return Fault(path="^/youtube/v3/", status=code, body=body, headers=JSON_TYPE, stored=True)


#: For `mishaps` (with `chance`) or `faults`: the server trouble met on the real API.
API_TROUBLE = (
    _trouble(500, "backendError", "Internal error encountered.", "INTERNAL"),
    _trouble(503, "backendError", "The service is currently unavailable.", "UNAVAILABLE"),
    _trouble(409, "SERVICE_UNAVAILABLE", "The operation was aborted.", "ABORTED"),
)
