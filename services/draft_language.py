"""Which language a short text is in, as far as its script and its commonest words tell. Pure."""

import re
import unicodedata
from functools import cache


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: the scripts of a language, as the names of characters begin; what is not listed is written in any
SCRIPTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(_set("en de fr es it pt nl sv da no fi pl cs tr id ro hu"), frozenset({"LATIN"})),
    **dict.fromkeys(_set("ru uk bg"), frozenset({"CYRILLIC"})),
    "el": frozenset({"GREEK"}),
    "ja": frozenset({"HIRAGANA", "KATAKANA", "CJK"}),
    "zh": frozenset({"CJK"}),
    "ko": frozenset({"HANGUL"}),
    **dict.fromkeys(_set("ar fa ur"), frozenset({"ARABIC"})),
    "he": frozenset({"HEBREW"}),
    "hi": frozenset({"DEVANAGARI"}),
    "th": frozenset({"THAI"}),
}
#: words that hardly any sentence does without, and that other languages have less
STOP_WORDS: dict[str, frozenset[str]] = {
    "en": _set("the and of to is are we you your this that with for it on at be our have has what while from an as"),
    "de": _set("der die das und ist wir ihr euch mit für auf ein eine nicht von zu jetzt bei uns es im den dem sind"),
    "fr": _set("le la les et est nous vous avec pour sur un une des du que qui dans en ce cette au pas"),
    "es": _set("el la los las y es estamos con para por un una del que en de nos ya se al su lo"),
    "it": _set("il lo la gli e è siamo con per un una del della che di in ci adesso non sono al"),
    "pt": _set("o a os as e é estamos com para por um uma do da que em no na você agora não ao"),
    "nl": _set("de het een en is wij we jullie met voor op van dat niet te nu bij ons zijn ook aan"),
    "sv": _set("och är vi ni med för på en ett det som att av till nu inte den har om hos"),
    "da": _set("og er vi i med for på en et det som at af til nu ikke den har om hos jer"),
    "no": _set("og er vi dere med for på en et det som å av til nå ikke den har om hos"),
    "pl": _set("i w na z jest się nie to do że o jak dla są już po teraz nas was za"),
    "cs": _set("a v na je se s to že jsme jste o do pro už po teď nás vás za jak"),
    "tr": _set("ve bir bu için ile da de şimdi biz siz çok ne var mı olarak gibi canlı"),
    "id": _set("dan yang di ini itu kami kita dengan untuk dari sekarang ada tidak ke kamu akan"),
    "ru": _set("и в на с мы вы не это что как для по у нас вас уже сейчас о к из"),
    "uk": _set("і в на з ми ви не це що як для по у нас вас вже зараз про та до"),
    "bg": _set("и в на с ние вие не това че как за по у нас вас вече сега от да са"),
}
#: of the letters of a text so many must be of the right script, in per cent
MOST = 60
_WORD = re.compile(r"[^\W\d_]+")


def is_in(text: str, language: str) -> bool:
    """Whether nothing speaks against it. A language that is not known is judged by nothing."""
    letters = [character for character in text if character.isalpha()]
    scripts = SCRIPTS.get(language)
    if scripts is None or len(letters) < 4:
        return True
    fitting = sum(_script(letter) in scripts for letter in letters)
    if 100 * fitting < MOST * len(letters):
        return False
    if language == "ja" and not any(_script(letter) in ("HIRAGANA", "KATAKANA") for letter in letters):
        return len(letters) < 12  # a long text without any kana is Chinese
    found = [word.casefold() for word in _WORD.findall(text)]
    counted = {name: sum(word in stops for word in found) for name, stops in STOP_WORDS.items()}
    if language not in counted:
        return True
    most = max(counted.values())
    return most - counted[language] < 2


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0].split("-")[0]


# Days and months

_DAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "pt": "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
}
_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
#: a post that goes out at the start never means these, unless the episode says them
_OTHER_DAYS = {
    "en": "tomorrow yesterday",
    "de": "gestern übermorgen vorgestern",
    "fr": "demain hier",
    "es": "ayer",
    "it": "domani ieri",
    "pt": "amanhã ontem",
    "nl": "gisteren overmorgen",
}
#: are words of another kind at least as often, so that only their capital inside a sentence makes them months
DOUBLE_MEANING = frozenset({"may", "march", "mai", "mars", "mei"})


@cache
def days_and_months(language: str) -> frozenset[str]:
    """Every word of this language, and of English, that names a day or a month."""
    tables = (_DAYS, _MONTHS, _OTHER_DAYS)
    return frozenset(word for table in tables for name in {language, "en"} for word in table.get(name, "").split())


def day_names(weekday: int, month: int, language: str) -> frozenset[str]:
    """What a day is called: weekday from 0 for Monday, month from 1."""
    wanted = ((_DAYS, weekday), (_MONTHS, month - 1))
    return frozenset(table[name].split()[at] for table, at in wanted for name in {language, "en"} if name in table)
