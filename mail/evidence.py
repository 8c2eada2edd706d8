"""Which charset bytes are written in, when nobody says so or what is said is not true: the bytes as evidence.

Every charset that mail is written in is tried. What comes out is weighed as a reader would: are these the letters of
a language, as often as that language has them, with capitals where capitals stand, and no signs in the middle of
words? The likeliest reading wins. Western European is taken before all others unless the evidence against it is
plain, so a Finnish, Swedish or Estonian text is never read as anything else.

The letters are written down most frequent first; that order, with the usual fall of frequency by rank, is the model.
"""

import math
import re
from functools import cache
from typing import NamedTuple

SAMPLE = 1600
"""Octets of the lines with 8-bit characters that are weighed: enough for certainty, little enough to cost nothing."""

_SINGLE = {
    "cp1252 iso8859-15 mac-roman cp850": (
        "äöå", "äåöé", "äõüöšž", "üäößé", "éèàêçôîûâùœëïæ", "óíáéñúü¿¡ºª", "ãçáéíóêõâàúôº", "èàùòìé", "åøæé",
        "ðáíóöþúæéý", "ëéïöüèóá", "àèéíòóúçïü·",
    ),
    "cp1250 iso8859-2": (
        "łęąóżśćńź", "íáěéřýžčšůúťďňó", "áíéýúčžšťľôňäďóĺŕ", "éáöóőíüűú", "ăîţşâ", "čšžćđ",
    ),
    "cp1257 iso8859-13": ("ėšųįžąčūę", "āīšēņļžūķģč"),
    "cp1254": ("ıüşğçöİâîû",),
    "cp1251 koi8-r iso8859-5 cp866 mac-cyrillic": (
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "аиоетнсрвлпкдмзъуябгчщжхцюйфшь",
    ),
    "cp1251 koi8-u iso8859-5": ("оанівитресклупмдзяьбгйчхжцшюїєфщґ", "аніыеотлксрўякмпудзвбйьцхгчжшюэёф"),
    "cp1251 iso8859-5": ("аиоенрстујквдмплзгбчцшћхжђњљфџ",),
    "cp1253 iso8859-7": ("αοιετνσηυρπκμλςωγίόάέδθχήύφώβζξψϊϋΐΰ",),
    "cp1255 iso8859-8": ("יוהלאמתרבנשדעכםחפקצסגןטזךףץ",),
    "cp1256 iso8859-6": ("اليمونرتبةعدفسهكقحجشطصخأذىضزثءغئظإؤآ",),
    "cp874": ("านรกอเงมยวล่้ดสตทัคีปบหพิขุจผะไแืถใชูซ็ณำ์โธภึฟฐญฎฏศษฮ",),
}  # fmt: skip
_PRIOR = {
    "cp1252": 0.0, "iso8859-15": -2.0, "mac-roman": -8.0, "cp850": -8.0, "cp866": -5.0, "mac-cyrillic": -9.0,
    "iso8859-2": -5.0, "iso8859-13": -6.0, "koi8-u": -5.0, "iso8859-5": -6.0, "iso8859-7": -7.0, "iso8859-8": -6.0,
    "iso8859-6": -6.0,
}  # fmt: skip
_USUAL_PRIOR = -4.0

_KANA = (
    "のにるたいをはとしがてでなれっらさもこすりまだくあけんきつかおよえうそせわみちめやろべげずどごばじひほねふぶびぞ"
)
_KANA += (
    "ンースルトイリクアラッシジタフドロメテレコプマサュバナチウパデャョブキカムグエセニィダネオビモツソハワポミヤガノゴ"
)
_KANJI = (
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入"
)
_KANJI += (
    "選立開手力学問高代明実円関決子動京全目表経通外最言現理調体化田当八六約主題下首意法不来作性的要用制度務強気小七"
)
_KANJI += (
    "成期公野協取都和統以機平総加山思家話世受区多続進正安設保改数記院女初北午指権心界第産結点教報書活原先共得解名交"
)
_KANJI += (
    "資予川向際面委告文反元重近考判認画参利組知案道信集在件別物任引使求所次品論計係感特情示変基私始直確提運終果必応"
)
_KANJI += "電能無再位置願送致添付様御存世話客返個請開示込申登録変更配電子届用紙株式会社鈴木一郎東京都"
_HANZI = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
)
_HANZI += (
    "种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日者意无力它与长把机十民"
)
_HANZI += (
    "第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体相见被利什二等产或新己制身果加西月话合回特"
)
_HANZI += (
    "代内信表化老给世位次度门任常先海通教原东提立及比员解水名真论处走各入几口认条平系气题活更别打女变四总何电数安少报"
)
_HANZI += (
    "才结反受目太量再感建务做接必场件计管期市直资命金指许统保至便空决展科司五基书非则听光放强难权思完设式路记品住告类"
)
_HANZI += "求据程北该交规取望确传清今让识带导争运您请谢邮测试附收复息需帮祝世界附查顺助"
_HAN_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道"
)
_HAN_TRADITIONAL += (
    "行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日者意無力"
)
_HAN_TRADITIONAL += (
    "它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體相見被利什二等產或新己"
)
_HAN_TRADITIONAL += (
    "制身果加西月話合回特代內信表化老給世位次度門任常先海通教原東提立及比員解水名真論處走各入幾口認條平系氣題活"
)
_HAN_TRADITIONAL += (
    "更別打女變四總何電數安少報結反受目太量再感建務做接必場件計管期市直資您請謝郵測試附收復息需幫祝界寄份料台灣"
)
_HANGUL = "이다는의에가을하고로은한지기도사인있대를어해서시나아자정리그일게으라수주보부만전장것상들했제원공과스"
_HANGUL += "니습세적구연없여성비안유던면조며요선신국경위동중히오신우화생관년소무방계실때문회내말음당래진미드모든"
_HANGUL += "영까려양간더각행용결민월러르개업명외물발학산분교통현바불할트두식입단거금마합된물반와녕세요감니테개보"
_HANGUL += "받메체저본께많참좋답변메복락확첨파송드호추호"
_ASIAN = {
    "cp932": ((_KANA, 0.7), (_KANJI, 0.18), "shift_jis", range(0x88, 0x98)),
    "euc_jp": ((_KANA, 0.7), (_KANJI, 0.18), "euc_jp", range(0xB0, 0xD0)),
    "gb18030": ((_HANZI, 0.8), ("", 0.0), "gb2312", range(0xB0, 0xD8)),
    "big5hkscs": ((_HAN_TRADITIONAL, 0.8), ("", 0.0), "big5", range(0xA4, 0xC7)),
    "cp949": ((_HANGUL, 0.85), ("", 0.0), "euc_kr", range(0xB0, 0xC9)),
}  # fmt: skip
_WIDE_SIGNS = "、。，！？：；「」（）・ー…～『』【】　─■●※"
_SIGNS = "–—‘’“”„…•€«»°§·\xa0©®™№"
_ODD_SIGNS = "´²³½¼¾¹£¢¥±×÷µ†‰‹›¿¡ºª"

_UNKNOWN, _ODD, _SIGN, _CONTROL = -10.0, -8.0, -5.0, -14.0
_MISPLACED = -4.0
_ASCII = -3.0  # the entropy of plain English, about
_CAPITAL = -2.3  # a capital is about ten times as rare as its letter
_DIFFERS = re.compile(rb"[\xa4\xa6\xa8\xb4\xb8\xbc-\xbe]")  # between ISO 8859-15, with its euro sign, and windows-1252
_GLYPHS = re.compile(r"[\u2500-\u259f]")


class Reading(NamedTuple):
    """One way to read the bytes: the codec, and how likely the text is (a natural logarithm; higher is likelier)."""

    codec: str
    score: float


def best(data: bytes) -> Reading:
    """The likeliest codec of `data`, which is neither ASCII nor UTF-8."""
    sample = sampled(data)
    western = weighed(sample, "cp1252")
    if western.score > -3.2 * _high(sample) + _ASCII * (len(sample) - _high(sample)) and not _DIFFERS.search(sample):
        return western  # as good as a western text ever is: nothing else need be tried
    codecs = {name for names in _SINGLE for name in names.split()} | set(_ASIAN)
    others = [weighed(sample, name) for name in sorted(codecs - {"cp1252"})]
    return max([western, *others], key=lambda reading: reading.score)


def weighed(sample: bytes, codec: str) -> Reading:
    """How likely `sample` is a text in `codec`; minus infinity when it cannot be one."""
    prior = _PRIOR.get(codec, _USUAL_PRIOR)
    if codec in _ASIAN:
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError as error:  # the sample may end in the middle of a character
            if error.start < len(sample) - 3 or len(sample) < SAMPLE:
                return Reading(codec, -math.inf)
            text = sample[: error.start].decode(codec)
        known = _wide(codec)
        return Reading(codec, prior + sum(known(char) for char in text if not char.isascii()) + _plain(text))
    text = sample.decode(codec, "replace")
    languages = [letters for names, letters in _SINGLE.items() if codec in names.split()]
    signs = _without_shouting(text)
    prior += _plain(text)
    likely = max(sum(map(_letters(alphabet), signs)) for group in languages for alphabet in group)
    return Reading(codec, prior + likely + _out_of_place(text))


def _plain(text: str) -> float:
    """The share of the ASCII characters: a codec that takes them for halves of characters must not win by that."""
    return _ASCII * sum(map(str.isascii, text))


def _without_shouting(text: str) -> list[str]:
    """The characters beyond ASCII; in a word in capitals all but the first count as small letters."""
    if text.islower():
        return [char for char in text if not char.isascii()]
    pairs = zip(" " + text, text, strict=False)
    return [char.lower()[0] if before.isupper() else char for before, char in pairs if not char.isascii()]


def is_doubtful(data: bytes, codec: str) -> bool:
    """Whether `data`, read in the charset that it declares, looks like no language that is written in it."""
    sample = sampled(data)
    if codec in _ASIAN:
        return _high(sample) > 11 and weighed(sample, codec).score < -4.6 * _high(sample)
    known = any(codec in names.split() for names in _SINGLE)
    high = _high(sample)
    return known and high > 5 and weighed(sample, codec).score < -4.2 * high + _ASCII * (len(sample) - high)


def is_common_chinese(text: str) -> bool:
    """Whether the ideographs of `text` are those that people use, so that no chance made them."""
    known = _wide("gb18030")
    weights = [known(char) for char in text if not char.isascii()]
    return bool(weights) and sum(weights) / len(weights) > -9.0


def sampled(data: bytes) -> bytes:
    """The lines of `data` that hold 8-bit characters, up to `SAMPLE` octets."""
    out: list[bytes] = []
    size = 0
    for line in data[: 64 * SAMPLE].split(b"\n"):
        if not line.isascii():
            out.append(line)
            size += len(line) + 1
            if size > SAMPLE:
                break
    if size <= 2 * SAMPLE and out:
        return b"\n".join(out)[:SAMPLE]
    found = re.search(rb"[\x80-\xff]", data)  # one endless line
    at = found.start() if found else 0
    return data[at : at + SAMPLE]


def _high(sample: bytes) -> int:
    return sum(octet > 0x7F for octet in sample)


@cache
def _letters(alphabet: str) -> "_Weights":
    return _Weights(_ranked(alphabet, 0.9), None, range(0))


@cache
def _wide(codec: str) -> "_Weights":
    (first, mass), (second, rest), narrow, common = _ASIAN[codec]
    weights = _ranked(second, rest) if second else {}
    weights |= _ranked(first, mass)
    weights |= dict.fromkeys(_WIDE_SIGNS, -5.5)
    return _Weights(weights, narrow, common)


def _ranked(letters: str, mass: float) -> dict[str, float]:
    """Zipf's law: the frequency falls with the rank."""
    letters = "".join(dict.fromkeys(letters))
    total = sum(1 / (rank + 2) for rank in range(len(letters)))
    return {letter: math.log(mass / (rank + 2) / total) for rank, letter in enumerate(letters)}


class _Weights:
    """The logarithm of a character's probability in one language."""

    def __init__(self, weights: dict[str, float], narrow: str | None, common: range) -> None:
        self._weights = weights
        self._narrow = narrow
        self._common = common

    def __call__(self, char: str) -> float:
        weight = self._weights.get(char)
        if weight is None:
            weight = self._weights[char] = self._other(char)
        return weight

    def _other(self, char: str) -> float:
        if self._narrow:
            return self._ideograph(char, self._narrow)
        if (small := self._weights.get(char.lower())) is not None and char.lower() != char:
            return small + _CAPITAL
        if char in _SIGNS:
            return _SIGN
        if char in _ODD_SIGNS:
            return _ODD
        return _CONTROL if char == "\ufffd" or not char.isprintable() or _GLYPHS.match(char) else _UNKNOWN

    def _ideograph(self, char: str, narrow: str) -> float:
        if "\uff61" <= char <= "\uff9f" or char in _SIGNS:
            return -5.5
        if "\ue000" <= char <= "\uf8ff" or not char.isprintable():
            return -20.0
        try:
            first = char.encode(narrow)[0]
        except UnicodeEncodeError:
            return -16.0
        return -9.5 if first in self._common else -13.0


def _out_of_place(text: str) -> float:
    """What speaks against a reading: a capital after a small letter, a sign within a word, two scripts in one word."""
    against = 0.0
    for before, char, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if char.isascii():
            continue
        if char.isalpha():
            if before.isalpha():
                against += (char.isupper() and before.islower()) + (before.isascii() and char > "\u036f")
                against += 0.4 * (not before.isascii() and char < "\u0250" and char.lower() not in "äöåüõ")
                against += 0.05 * (char.isupper() and before.isupper())
            elif char.isupper() and after.islower() is False and after.isalpha() is False and char < "\u0370":
                against += 0.25  # a lone capital
            against += (after.isascii() and after.isalpha() and char > "\u036f") + 0.5 * before.isdigit()
            against += char.islower() and before.isupper() and after.isupper()
        elif before.isalpha() and after.isalpha() and char not in "’·\xad":
            against += not _is_mark(char)
    return against * _MISPLACED


def _is_mark(char: str) -> bool:
    return "\u0e31" <= char <= "\u0e4e" or "\u05b0" <= char <= "\u05c7" or "\u064b" <= char <= "\u0652"
