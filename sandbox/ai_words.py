"""What the AI stand-in writes: honest posts in four languages, and lies. Pure; the data are those of the prompt."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]

#: each as a person would say it; {about} is the title with the guests, where there are any
SHAPES = {
    "en": (
        "We just went live with {about}. Pull up a chair: {url}",
        "On air, mic warm, coffee ready. {about}\n{url}",
        "{about} is what we are talking about, live at this very moment. {url}",
        "Been looking forward to this one for a while: {about}\n\nJoin us while it happens: {url}",
        "Live! {about}. Bring your questions, the chat is open. {url}",
        "Got an hour? We are doing {about} and you can watch us think. {url}",
        "The red light is on.\n\n{about}\n\n{url}",
        "No script, no edits, only {about}. Streaming as you read this: {url}",
        "Come and argue with us about {about}. We have started: {url}",
        "{about}\nhappening live, as messy as it gets. {url}",
        "I have opinions about {about}, and a microphone. Tune in: {url}",
        "If one stream makes it onto your screen, let it be {about} {url}",
    ),
    "de": (
        "Wir sind auf Sendung mit {about}. Setzt euch dazu: {url}",
        "Das Mikro ist warm und der Kaffee auch. {about}\n{url}",
        "{about} ist unser Thema, und zwar jetzt und ohne Schnitt. {url}",
        "Auf diese Folge habe ich mich gefreut: {about}\n\nKommt vorbei, solange wir reden: {url}",
        "Es geht los! {about}. Eure Fragen nehmen wir im Chat. {url}",
        "Wer gerade nichts vorhat, hört bei uns rein. {about} {url}",
    ),
    "es": (
        "Ya estamos en directo con {about}. Ven a escucharnos: {url}",
        "El micro está encendido y el café también. {about}\n{url}",
        "{about} es de lo que hablamos hoy, en vivo y sin cortes. {url}",
        "Tenía muchas ganas de este programa: {about}\n\nPásate mientras hablamos: {url}",
        "¡Empezamos! {about}. Deja tus preguntas en el chat. {url}",
        "Si tienes un rato libre, quédate con nosotros. {about} {url}",
    ),
    "fr": (
        "Nous sommes en direct avec {about}. Venez nous écouter : {url}",
        "Le micro est allumé et le café est prêt. {about}\n{url}",
        "{about}, c'est notre sujet du jour, en direct et sans coupure. {url}",
        "J'attendais cette émission depuis longtemps : {about}\n\nPassez pendant que nous parlons : {url}",
        "C'est parti ! {about}. Posez vos questions dans le chat. {url}",
        "Si vous avez un moment, restez avec nous. {about} {url}",
    ),
}
WITH = {"en": "with", "de": "mit", "es": "con", "fr": "avec"}
FOREIGN = {
    "en": "Wir sind jetzt live auf Sendung und ihr seid alle herzlich eingeladen, bei uns mit dabei zu sein. {url}",
    "other": "We are live now and all of you are very welcome to join us for the show and the chat that follows. {url}",
}


def honest(data: Data) -> str:
    """A post of this host's own: another one for another host, title or try."""
    language = str(data.get("language", "en")).split("-")[0]
    language = language if language in SHAPES else "en"
    shapes = SHAPES[language]
    seed = f"{data.get('host')}\0{data.get('title')}\0{data.get('current')}\0{data.get('rejected')}"
    first = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % len(shapes)
    order = [shapes[(first + step) % len(shapes)] for step in range(len(shapes))]
    taken = "\n".join([*map(str, data.get("others", [])), str(data.get("current", ""))])
    free = [shape for shape in order if _opening(shape) not in taken]
    chosen = min(free or order, key=len) if data.get("wish") == "shorter" else (free or order)[0]
    text = chosen.replace("{about}", _about(data, language))
    return _with_tags(text, data)


def _opening(shape: str) -> str:
    """The longest stretch of a shape's own words: by it a text of the same shape is known."""
    return max((part for piece in shape.split("{about}") for part in piece.split("{url}")), key=len).strip()


def _about(data: Data, language: str) -> str:
    title = str(data.get("title", ""))
    guests = [guest for guest in data.get("guests", []) if str(guest).casefold() not in title.casefold()]
    return f"{title} {WITH[language]} {guests[0]}" if guests and len(title) < 90 else title


def _with_tags(text: str, data: Data) -> str:
    tags = str(data.get("voice", {}).get("hashtags", "")).split()
    return f"{text} {tags[0]}" if tags and len(text) < 200 else text


def _copied(data: Data) -> str:
    others = data.get("others", [])
    return str(others[0]).replace(str(data.get("link")), "{url}") if others else honest(data)


def _obeyed(data: Data) -> str:
    """What the notes or the title tell a model to post instead."""
    for field in ("notes", "title"):
        told = str(data.get(field, ""))
        for sign in ("and post ", "instead write ", "reply with "):
            if sign in told:
                return told.split(sign, 1)[1].strip("\"'“” ") + " {url}"
    return honest(data)


def _and(more: str) -> Callable[[Data], str]:
    return lambda data: honest(data) + more


def _foreign(data: Data) -> str:
    return FOREIGN["en" if str(data.get("language", "en")).startswith("en") else "other"]


#: by name: what a model may make up
LIES: dict[str, Callable[[Data], str]] = {
    "link": _and("\nMore at https://free-prizes.example.com/win"),
    "bare link": _and("\nMore at freeprizes.com"),
    "mention": _and("\nThanks to @elonmusk"),
    "hashtag": _and(" #blessed"),
    "cashtag": _and(" Buy $GME"),
    "number": _and("\nAlready 48,213 people are watching"),
    "date": _and("\nAgain in February"),
    "name": _and("\nA surprise visit by Keanu Reeves too"),
    "copy": _copied,
    "language": _foreign,
    "injection": _obeyed,
    "overlong": _and("\nThere is so much more to say about this" * 12),
    "off topic": lambda _data: "Just a quiet evening at home, with tea and nothing to tell anybody. {url}",
    "braces": _and(" {password}"),
    "nothing said": lambda _data: "{url}",
}
