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
#: more words that announcements begin with or go on with after a colon: no name, whatever their capital
BEGINNINGS: dict[str, frozenset[str]] = {
    "en": _set(
        "a after all almost another any anyone anything ask back because before big bring but by can catch chat "
        "check click come could curious did do does don't each ever every everyone everything few finally find "
        "first follow free fresh from full get give go good got grab great had happening he hear hello here here's "
        "hey hi how how's i if in into it's its join jump just keep know last late later learn let let's like "
        "listen live long look make many maybe me meet more most much my need never new next no not nothing now of "
        "off one only open or other out over people pull questions quick ready recording right same say see send "
        "share she should show sit so some something soon special stay still stop stories stream streaming such "
        "take talk talking tell thanks their them then there these they thing things think those thoughts time to "
        "today tonight too tune two up us very wait want was watch we'll we're we've welcome were what's when where "
        "which who who's whose why will with without worth would yes yet you'll you're yours"
    ),
    "de": _set(
        "alle alles also am auch aus danke diese dieser dieses doch du ein eine einfach endlich er es euer eure "
        "ganz gerade gleich guten hallo heute hier hört ich ihr in ja jetzt kein keine komm kommt lasst live los "
        "macht man mehr mein meine moin na nach neu neue noch nun nur ob oder schaltet schaut seid sie so stellt um "
        "und unser unsere viel vom vor wann warum was weil welche wenn wer weshalb wie wieder wieso wo zum zur über"
    ),
    "fr": _set(
        "a ah ai allez alors apporte après aujourd'hui aussi avant bien bienvenue bonjour bonsoir c'est car ce ces "
        "comme comment d'où dans déjà elle encore enfin est-ce et ici il ils j'ai j'attends je l'heure les leur "
        "leurs maintenant mais mes mon même nos notre on ou où par parce parlons passez plus posez pourquoi prenez "
        "quand quel quelle quoi rejoignez restez salut sans ses si son sur tous tout toute très tu venez viens "
        "voici voilà vos votre à ça"
    ),
    "es": _set(
        "a ahora al algo aquí así aunque bienvenidos buenas bueno cada comienza como conversamos cuando cuál cuándo "
        "cuéntanos cómo de deja desde donde dónde el ella ellos empezamos empieza entra es esta estas este esto "
        "estos hablamos hay hola hoy la llega lo me mi mira muy más no nuestra nuestro o otra otro pero por porque "
        "pregunta preguntas pásate quién quiénes qué quédate si sin sobre solo son su sí también te tenemos tenía "
        "todo todos tu tus vamos ven ver veréis vuestras vuestros y yo únete"
    ),
    "it": _set(
        "a al allora anche ancora benvenuti buonasera buongiorno chi ciao collegati come cosa così da dai dove ecco "
        "eccoci fate guarda ho i in iniziamo io la le lei lui ma mai mi mia mio molto nel nella noi nostra nostro o "
        "oggi ogni ora parliamo perché più poi qual quale quando quello questa queste questi questo qui se sei "
        "senza si solo sono stasera su subito sul tra tu tutti tutto un una venite vi vieni voi"
    ),
    "pt": _set(
        "agora ainda aqui assim até bem boa boas bom cada chega com começa começamos como conversa de deixa dentro "
        "depois e ela ele em entra entre então essa esse esta este eu falamos fica fique hoje isso isto junte-se já "
        "mais mas me meu minha muito nesta neste nos nossa nosso nunca oi olá ou para pergunta perguntas por porque "
        "porquê quais qual quando quanto que quem quê se sem sempre seu sobre sua também te tem temos toda todo "
        "todos tudo um vamos veja vem venha venham vocês"
    ),
    "nl": _set(
        "aan alle alles als bij dan dat deze dit doe dus een eindelijk elke en er goed goede haal hallo heb hebben "
        "het hier hoe hoi hun ik in ja jij jouw jullie kijk kom komt kun laat luister maar mee meer mijn na naar "
        "nee niet nieuw nog nu of om onze ook over praat schuif sluit stel tot uit van vanavond vandaag veel voor "
        "vraag vragen waar waarom wat we welk welke welkom wie wij wil ze zet zie zij zo zonder"
    ),
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


def is_common(word: str, language: str | None = None) -> bool:
    """Whether a casefolded word is one of every day in `language`, or in any where none is given."""
    return word.replace("’", "'") in _common(language)


@cache
def _common(language: str | None) -> frozenset[str]:
    names = {*STOP_WORDS, *BEGINNINGS} if language is None else {language}
    nothing = frozenset[str]()
    return nothing.union(*(table.get(name, nothing) for table in (STOP_WORDS, BEGINNINGS) for name in names))


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
