"""Half a year of one show, for the pages that look back."""

from datetime import timedelta

from extensions import db
from models import Broadcast, BroadcastState, Post, Verdict
from tests.season import Season, Told
from tests.stories.scene import Scene

WEEKS = 26


def look_back(scene: Scene) -> None:
    """Every week a show that went as shows go. Nobody looks at these streams or reads these posts any more."""
    hosts = [scene.person(name).id for name in ("ada", "bo", "cy")]
    told = [one for week in range(WEEKS) for one in _told(scene, week)]
    posts = Season(int(scene.paths["show"]), hosts).tell(told)
    mine = db.select(Post.broadcast_id).where(Post.id.in_(posts))
    over = {"state": BroadcastState.ENDED, "verdict": Verdict.ANNOUNCED, "closed_at": scene.now}
    for update in (
        db.update(Broadcast).where(Broadcast.id.in_(mine)).values(over),
        db.update(Post).where(Post.id.in_(posts)).values(metrics_due_at=scene.now + timedelta(days=365)),
    ):
        db.session.execute(update, execution_options={"synchronize_session": False})
    db.session.commit()


def _told(scene: Scene, week: int) -> list[Told]:
    """The posts of one week. What looks like chance here is the same each time."""
    at = scene.now - timedelta(weeks=week, hours=20 * (week % 3))
    return [
        Told(
            host=host,
            at=at,
            status="failed" if (week + host) % 17 == 5 else "posted",
            source=("own", "draft", "own", "template")[(week + 2 * host) % 4],
            text="On air" if (week + host) % 3 else "On air: https://youtu.be/dQw4w9WgXcQ",
            way=(250 + 137 * (week * 5 + host) % 900 + (6_000 if week in (4, 15) else 0), 30 + 7 * host, 60 + week),
            counts=(900 + 311 * (week * 7 + host * 3) % 2_100, 31 + week, 4, host, 2, 3) if week else None,
            cost=(200_000, 15_000)[(week + host) % 2],
        )
        for host in range(3)
        if (week + host) % 7 != 3
    ]
