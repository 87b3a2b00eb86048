"""Pictures of every page, wide and on a phone, light and dark. `make pictures`; not run with the tests."""

import base64
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox.demo import KEYS
from sandbox.processes import Children, await_page, is_free
from tests.processes import free_port
from tests.stories.conftest import PHONE, WIDE
from tests.stories.half_a_year import look_back
from tests.stories.pages import EMPTY, LATER, ON_AIR, PAGES, UNMATCHED, Shown, press
from tests.stories.scene import Scene, Windows

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
#: names of pages, where not all are wanted
WANTED = os.environ.get("PAGES", "").split()
#: bytes
LARGEST, AVERAGE = 150_000, 30_000
#: of a page that is a long list the rest shows nothing new; pixels
TALLEST = 2_400
#: Our pages have a dozen colours and what lies between them at the edges of letters: 64 are enough, and take a third
#: of the room. Answers width, height, the palette, and the number of each pixel's colour in it.
COUNT_COLOURS = """async (picture) => {
  const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const distance = (a, b) => a.reduce((sum, part, at) => sum + (part - b[at]) ** 2, 0);
  // What most pixels have, and besides what stands out: a lamp is small, but its colour is what it is there for.
  const most = [...counts].sort((a, b) => b[1] - a[1]), usual = most.slice(0, 32);
  const vivid = ([colour]) => Math.max(...parts(colour)) - Math.min(...parts(colour)) > 60;
  const kept = [...usual, ...most.slice(32).filter(vivid).slice(0, 32)].map(([colour]) => parts(colour));
  const nearest = new Map();
  for (const colour of counts.keys()) {
    const far = kept.map((other) => distance(parts(colour), other));
    nearest.set(colour, far.indexOf(Math.min(...far)));
  }
  const numbers = Uint8Array.from(pixels, (pixel) => nearest.get(pixel));
  const url = await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(new Blob([numbers]));
  });
  return [bitmap.width, bitmap.height, kept.flat(), url.split(",")[1]];
}"""

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def empty(cast: Any) -> Scene:
    return Scene(cast).empty()


@pytest.fixture
def full(cast: Any) -> Scene:
    return Scene(cast).full()


@pytest.fixture
def take(chromium: Browser, visit: Callable[..., Any]) -> Callable[[Scene, tuple[Shown, ...]], None]:
    """Takes four pictures of each page, as long as the page is."""
    darkroom = visit().page
    FOLDER.mkdir(parents=True, exist_ok=True)
    windows: dict[int, Windows] = {}

    def taken(scene: Scene, pages: tuple[Shown, ...]) -> None:
        opened = windows.setdefault(id(scene), Windows(visit, scene))
        for shown in (one for one in pages if not WANTED or one.name in WANTED):
            page = opened.open(shown)
            for shape, size in (("wide", WIDE), ("phone", PHONE)):
                page.set_viewport_size(size)
                if shape == "phone":  # what sticks to the lower edge would lie across the picture
                    page.set_viewport_size(size | {"height": page.evaluate("document.documentElement.scrollHeight")})
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{shown.name} on {shape}"
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    keep(page, darkroom, FOLDER / f"{shown.name}-{shape}-{scheme}.png")

    return taken


def keep(page: Page, darkroom: Page, path: Path) -> None:
    whole = page.evaluate("({width: innerWidth, height: document.documentElement.scrollHeight})")
    clip = {"x": 0, "y": 0, **whole, "height": min(whole["height"], TALLEST)}
    taken = page.screenshot(full_page=True, animations="disabled", clip=clip)
    width, height, palette, numbers = darkroom.evaluate(COUNT_COLOURS, base64.b64encode(taken).decode())
    path.write_bytes(png(width, height, bytes(palette), base64.b64decode(numbers)))
    assert path.stat().st_size < LARGEST, path.name


def png(width: int, height: int, palette: bytes, numbers: bytes) -> bytes:
    """A picture with a palette of three bytes a colour (RFC 2083): one byte a pixel, no filter."""
    rows = b"".join(b"\0" + numbers[at : at + width] for at in range(0, width * height, width))
    head = struct.pack(">2I5B", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_before_there_is_anybody(empty, take):
    take(empty, EMPTY)


def test_every_page_before_on_air_and_after(full, take):
    take(full, PAGES)
    full.go_live()
    take(full, ON_AIR)
    full.go_live_unmatched()
    take(full, UNMATCHED)
    look_back(full)
    take(full, LATER)
    sizes = [path.stat().st_size for path in FOLDER.glob("*.png")]
    assert sum(sizes) < AVERAGE * len(sizes)


@pytest.fixture
def room(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """The control room of a rehearsal as `make run` starts it, with nothing of this environment."""
    port = two_free_ports()
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORT": str(port), "INSTANCE_PATH": str(tmp_path)}
    with Children() as children, chromium.new_context(viewport=WIDE, reduced_motion="reduce") as context:
        children.start("-m", "sandbox.demo", env=given | dict.fromkeys(KEYS, ""))
        await_page(f"http://127.0.0.1:{port}/healthz", children, seconds=300)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port + 1}/")
        yield page


def two_free_ports() -> int:
    """The first of two in a row."""
    while not is_free((found := free_port()) + 1):
        pass
    return found


@pytest.mark.skipif(bool(WANTED) and "sandbox" not in WANTED, reason="other pages are wanted")
def test_the_control_room_after_go_live(room, chromium):
    press("Go live")(room)
    expect(room.locator(".post")).to_have_count(2)
    with chromium.new_context() as context:
        keep(room, context.new_page(), FOLDER.parent / "sandbox.png")
