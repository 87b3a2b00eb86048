"""What every answer says to browsers: nothing from elsewhere, nothing inline, no frames, no copies of private pages."""

from flask import Flask, Response, request

from config import Settings

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",  # Bootstrap draws its own marks as data
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: over https the protection against forged forms compares it.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
A_YEAR = "max-age=31536000; includeSubDomains"


def init_app(app: Flask, settings: Settings) -> None:
    """Adds the headers to every answer, errors too."""

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.update(ALWAYS)
        if settings.is_public:
            response.headers["Strict-Transport-Security"] = A_YEAR
        if request.endpoint not in ("static", "bootstrap.static"):
            response.headers["Cache-Control"] = "no-store"
        return response
