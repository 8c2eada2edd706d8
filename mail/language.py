"""The language of a message: fi, sv, en, or other.

Statistics alone err on the short and careless texts that people send ("ingen reklam tack"), and a detector that knows
only our three languages calls every German Swedish and every Estonian Finnish. So two witnesses speak. Common small
words and letters of each language are counted first, for their neighbours as well; lingua, limited to the neighbours
and in its small mode (20 MiB instead of 340), decides what the words leave open.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from mail.message import Language

if TYPE_CHECKING:
    from lingua import LanguageDetector

_LONGEST = 1500
"""Characters that are looked at; a message does not change its language after that."""

_TONGUES = {
    "FINNISH": "fi",
    "SWEDISH": "sv",
    "ENGLISH": "en",
    "ESTONIAN": "et",
    "GERMAN": "de",
    "DANISH": "da",
    "BOKMAL": "no",
    "DUTCH": "nl",
    "FRENCH": "fr",
    "SPANISH": "es",
    "ITALIAN": "it",
    "POLISH": "pl",
    "LATVIAN": "lv",
    "RUSSIAN": "ru",
}

# Function words that carry a language, and words of our own trade (data protection, heating, invoices). A word that two
# languages share stands with both, so that it decides nothing.
_WORDS = {
    "fi": """ja on ei että se mitä mikä missä minä mina minun mun minulle minua minusta sinä te teille teidän teiltä
    teille
    olen ole olette ovat oli olisi voi voiko voitte voitteko kun jos niin mutta tai sekä vai myös ettei kuin joka jotka
    hei moi terve kiitos kiitoksia terveisin ystävällisin terv pyydän haluan haluaisin tiedot tietoni tietojani tietoja
    tietosuoja henkilötiedot henkilötietoni henkilötietojen lasku laskun laskut laskua lämpö kaukolämpö lämmitys
    mittari sopimus
    sopimuksen osoite osoitteeni muutto muutan talo talon taloon poistakaa lähettäkää korjatkaa tämä tämän siitä mistä
    miksi miten milloin koska onko enää vielä nyt jo kaikki kanssa mukaan asiakas asiakkaanne asti saako saanko mulla
    meillä meille meidän teidän tän nää noi toi ette emme eikä en et ilmoittaa tarvitsee pitääkö pitää sais vois
    poista poistoon kylmä vesi huomenta päivää iltaa uusi vanha puhelinnumero numero mainoksia mainontaa rekisteri
    rekisteristä vuoden vuosi ilmoitus kuittaus""",
    "sv": """och är inte att jag det som en ett på för med av till från har mig min mitt mina ni er era ert vi vill
    kan kunde skulle hej tack vänliga hälsningar hälsning mvh om den detta denna dessa var vad varför hur när eller men
    också inga ingen inget ska skall ta bort uppgifter uppgifterna personuppgifter personuppgifterna faktura fakturan
    räkning avtal avtalet adress adressen flyttar flyttning värme fjärrvärme mätare mätaren begär begäran dataskydd
    reklam
    huset hos rätt fel god dag kära tacka behöver skicka radera någon något finns blir blev efter utan kund
    kundnummer kopia enligt gärna snälla""",
    "en": """the and is not to i you my your we our of for with from that this it are was be have has had please thank
    thanks hello hi dear regards kind best can could would will what when where why how do does did don't me all any
    data personal invoice bill heat heating meter address contract moving delete remove send stop request information
    about under which been by on at or if but as an am there new number old ads no longer into just need want""",
    "et": """ja on ei et see mis kes ma mina minu mulle palun saatke andmed andmete andmetest koopia teie tere aitäh
    tänan
    kuidas miks kus oma ning kas või olen oleme sooviksin soovin arve isikuandmed minust kustutage""",
    "de": """und ist nicht ich das die der ein eine zu für mit von auf haben hat mich mir mein meine meiner bitte danke
    hallo guten tag freundlichen grüßen grüssen sie ihre ihnen wir daten über personenbezogenen rechnung sehr geehrte
    dass oder wenn aber auch wie was warum um werden keine den dem des im löschen senden""",
    "da": """og er ikke at jeg det som en et på for med af til fra har mig min mit mine i jer jeres vi vil kan
    kunne hej tak venlig hilsen hvad hvorfor hvordan hvornår eller men også ingen skal oplysninger personoplysninger
    regning slette anmoder venligst blive noget være gerne mvh""",
    "no": """og er ikke at jeg det som en et på for med av til fra har meg min mitt mine dere deres vi vil kan
    kunne hei takk vennlig hilsen hva hvorfor hvordan når eller men også ingen skal opplysninger personopplysninger
    regning slette ber vennligst bli noe være gjerne mvh ønsker""",
    "nl": "en is niet ik het de een van voor met op heb heeft mij mijn graag dank bedankt uw u wij gegevens geen",
    "fr": "et est pas je le la les un une de des du pour avec sur mes mon ma vous votre nous données merci que qui",
    "es": "y es no yo el la los un una de del para con por mis mi usted su datos gracias hola que quiero favor",
    "it": "e è non io il la gli un una di del per con dei miei mio mia lei suo dati grazie buongiorno che vorrei",
    "pl": "i jest nie ja to w na z do się moje moich mi proszę dziękuję dane danych że dzień dobry osobowych",
    "lv": "un ir nav es tas lūdzu paldies manus datus manu par kas jūs sveiki",
}
_LETTERS = {
    "et": re.compile("[õ]"),
    "de": re.compile("[ß]"),
    "da": re.compile("[æø]"),
    "no": re.compile("[æø]"),
    "pl": re.compile("[łżźćńśąę]"),
    "lv": re.compile("[āēīūļķģņ]"),
    "fr": re.compile("[çèêàùœ]"),
    "es": re.compile("[ñ¿¡]"),
}
_NOT_FINNISH_OR_ENGLISH = re.compile("å(?!land|bo)")
_TOKEN = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_NOISE = re.compile(r"\S*@\S+|https?://\S+|www\.\S+|^>.*$", re.M)
_FINNISH_SHAPE = re.compile(
    r"(?:ssa|ssä|sta|stä|lle|lta|ltä|lla|llä|mme|nne|kaa|kää|ään|aan|iin|een|uus|yys|inen|isen|ista|istä|ksi|tko|tkö|nko|nkö|ako|äkö|nut|nyt|taa|tää|oida|öidä)$"
)
_FINNISH_PAIR = re.compile("aa|uu|ää|yy|öö|ii|uo|yö|ie|äy|öy")
_CYRILLIC_OR_FAR = re.compile("[\u0370-\u1cff\u3040-\u9fff\uac00-\ud7af]")


def detect(text: str) -> Language:
    """The language that an answer should be in; `other` for every language but three, and for no words at all."""
    sample = _NOISE.sub(" ", text[: 4 * _LONGEST])[:_LONGEST].lower()
    words = _TOKEN.findall(sample)
    if not words:
        return "other"
    letters = sum(len(word) for word in words)
    if len(_CYRILLIC_OR_FAR.findall(sample)) * 2 > letters:
        return "other"
    scores = _word_scores(words, sample)
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    best, second = ranked[0], ranked[1]
    if best[1] >= 2 and best[1] >= 1.6 * second[1]:
        return _ours(best[0])
    return _ours(_weighed(sample, scores, len(words)))


def _word_scores(words: list[str], sample: str) -> dict[str, float]:
    scores = dict.fromkeys((*_WORDS, "ru"), 0.0)
    index = _index()
    for word in words:
        owners = index.get(word, ())
        for owner in owners:
            scores[owner] += 1 / len(owners)
        if not owners and len(word) > 4 and _FINNISH_SHAPE.search(word) and _FINNISH_PAIR.search(word):
            scores["fi"] += 0.5
    for language, pattern in _LETTERS.items():
        scores[language] += min(2.0, 0.7 * len(pattern.findall(sample)))
    if found := len(_NOT_FINNISH_OR_ENGLISH.findall(sample)):
        for language in ("sv", "da", "no"):
            scores[language] += min(1.5, 0.5 * found)
    if "ä" in sample or "ö" in sample:
        for language in ("da", "no", "en"):
            scores[language] *= 0.5
    return scores


def _weighed(sample: str, scores: dict[str, float], words: int) -> str:
    """Both witnesses together: the fewer words there are, the less the statistics count."""
    total = sum(scores.values()) or 1.0
    weight = 0.5 if words < 4 else 1.0
    best, most = "other", -1.0
    for value in _detector().compute_language_confidence_values(sample):
        name = _TONGUES[value.language.name]
        joint = weight * value.value + scores.get(name, 0.0) / total
        if joint > most:
            best, most = name, joint
    return best


def _ours(name: str) -> Language:
    if name == "fi":
        return "fi"
    if name == "sv":
        return "sv"
    return "en" if name == "en" else "other"


@cache
def _index() -> dict[str, tuple[str, ...]]:
    owners: dict[str, list[str]] = {}
    for language, words in _WORDS.items():
        for word in set(words.split()):
            owners.setdefault(word, []).append(language)
    return {word: tuple(names) for word, names in owners.items()}


@cache
def _detector() -> "LanguageDetector":
    from lingua import Language as Tongue  # noqa: PLC0415 - models that only a reading worker needs
    from lingua import LanguageDetectorBuilder  # noqa: PLC0415

    tongues = [getattr(Tongue, name) for name in _TONGUES]
    return LanguageDetectorBuilder.from_languages(*tongues).with_low_accuracy_mode().build()
