"""The notice is data: it loads whole, or is refused with one sentence that says where and how to mend it."""

from pathlib import Path

import pytest

from replies.notice import LANGUAGES, NOTICE_OF_THE_DEMO, Notice, NoticeError, gaps, load_notice, names_telegram
from store.models import Source

ROOT = Path(__file__).parents[2]
ELEVEN_SECTIONS = [
    "controller",
    "contact_person",
    "register",
    "purposes",
    "categories",
    "sources",
    "disclosures",
    "transfers",
    "protection",
    "inspection",
    "rectification",
]
TELEGRAM = """[[disclosures.recipients]]
name = "Telegram Messenger Inc."
role = { fi = "pikaviestit", sv = "chatt", en = "chat" }
categories = ["contacts"]
country = "VG"

# 8."""


@pytest.fixture
def changed(tmp_path: Path):
    """The demo's notice with one text replaced, as a file."""

    def write(old: str, new: str) -> Path:
        text = NOTICE_OF_THE_DEMO.read_text("utf-8")
        assert old in text
        path = tmp_path / "notice.toml"
        path.write_text(text.replace(old, new, 1), "utf-8")
        return path

    return write


def complaint_about(path: Path) -> str:
    with pytest.raises(NoticeError) as refusal:
        load_notice(path)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert sentence.startswith(str(path))
    return sentence


def test_the_places_to_search_belong_to_the_notice(tmp_path: Path):
    """In the demo they are an example in comments; `tests/test_house.py` holds the two files against each other."""
    text = (ROOT / "deploy" / "notice.toml").read_text("utf-8")
    (tmp_path / "twice.toml").write_text(text.replace('key = "paper"', 'key = "billing"'), "utf-8")
    assert "a place stands twice in [[search_places]]" in complaint_about(tmp_path / "twice.toml")
    lost = text.replace('categories = ["invoices"]\n\n[[search', 'categories = ["invoyces"]\n\n[[search')
    (tmp_path / "lost.toml").write_text(lost, "utf-8")
    assert "search place `billing` names the unknown category `invoyces`; did you mean `invoices`?" in complaint_about(
        tmp_path / "lost.toml"
    )


def test_the_model_company_is_named_and_its_contact_person_is_invented(notice: Notice):
    assert (notice.controller.name, notice.controller.business_id) == ("Kalajoen Lämpö Oy", "0185891-4")
    assert notice.contact_person.name == "Tiina Testinen"
    assert notice.contact_person.email.endswith(".test")
    assert not notice.transfers.outside_eea


def test_every_source_and_every_category_has_words_in_three_languages(notice: Notice):
    for language in LANGUAGES:
        assert all(notice.sources.names[source][language] for source in Source)
        assert all(
            one.label[language] and one.purpose[language] and one.retention[language] for one in notice.categories
        )
    keys = [one.key for one in notice.categories]
    assert keys == ["basic", "property", "contracts", "deliveries", "invoices", "contacts", "faults", "consents"]


def test_the_demo_notice_lacks_nothing_and_does_not_name_telegram(notice: Notice):
    assert gaps(notice) == ()
    assert not names_telegram(notice)


@pytest.mark.parametrize("section", ELEVEN_SECTIONS)
def test_a_missing_section_is_named(section: str, tmp_path: Path):
    lines, kept = NOTICE_OF_THE_DEMO.read_text("utf-8").splitlines(), []
    inside = False
    for line in lines:
        if line.startswith("["):
            inside = line.strip("[]").split(".")[0] == section
        if not inside:
            kept.append(line)
    path = tmp_path / "notice.toml"
    path.write_text("\n".join(kept), "utf-8")
    assert f"section [{section}] is missing; add it" in complaint_about(path)


@pytest.mark.parametrize(
    ("old", "new", "place", "mend"),
    [
        ('legal_basis = ["6(1)(b)"]\n', "", '[[categories]] "basic"', "lacks `legal_basis`"),
        ('legal_basis = ["6(1)(b)"]\n', "legal_basis = []\n", '[[categories]] "basic"', "`legal_basis`"),
        ('"6(1)(c)", "6(1)(f)"', '"6(1)(x)"', '"contacts"', "6(1)(f)"),
        ("street =", "stret =", "[controller]", "did you mean `street`?"),
        ("[controller]", "[controler]", "top of the file", "did you mean `controller`?"),
        ("0185891-4", "0185891-5", "[controller]", "business ID"),
        ("staff = {", "stuff = {", "[sources]", "source `staff`"),
        ('categories = ["invoices"]', 'categories = ["invoice"]', "Välittäjä", "did you mean `invoices`?"),
        ('country = "FI"', 'country = "US"', "[transfers]", "outside_eea = true"),
        ('key = "property"', 'key = "basic"', "[[categories]]", "twice"),
        ('name = "Tiina Testinen"', 'name = ""', "[contact_person]", "`name`"),
        ("dated = 2026-11-01", "dated = ", "not TOML", "line"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_mend(changed, old: str, new: str, place: str, mend: str):
    sentence = complaint_about(changed(old, new))
    assert place in sentence
    assert mend in sentence


def test_a_notice_that_is_not_there_or_not_text_is_told_plainly(tmp_path: Path):
    assert "cannot be read" in complaint_about(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes('version = "ä"'.encode("latin-1"))
    assert "not UTF-8" in complaint_about(tmp_path / "latin.toml")


def test_telegram_counts_as_named_only_with_the_transfer_told(changed, tmp_path: Path):
    with pytest.raises(NoticeError, match="outside_eea"):
        load_notice(changed("# 8.", TELEGRAM))
    text = (tmp_path / "notice.toml").read_text("utf-8").replace("outside_eea = false", "outside_eea = true")
    (tmp_path / "notice.toml").write_text(text, "utf-8")
    assert names_telegram(load_notice(tmp_path / "notice.toml"))


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ("[provision]", "[labels.kinds.provision]", "[provision] is missing"),
        ("interest = {", "# interest = {", "legitimate interest"),
        ("Jokaisella on oikeus tarkastaa", "Allekirjoitetulla pyynnöllä on oikeus tarkastaa", "signed request"),
        ("Jokaisella on oikeus tarkastaa", "Henkilötietolain 26 §:n mukaan on oikeus tarkastaa", "repealed"),
        (
            "Digi- ja väestötietovirastosta (ent. Väestörekisterikeskus), Kal",
            "Väestörekisterikeskuksesta, Kal",
            "since 2020",
        ),
    ],
)
def test_what_the_law_asks_and_the_notice_lacks_is_named(changed, old: str, new: str, gap: str):
    (found,) = gaps(load_notice(changed(old, new)))
    assert gap in found


def test_a_changed_notice_has_another_fingerprint(notice: Notice, changed):
    other = load_notice(changed("lukitussa tilassa", "lukitussa kaapissa"))
    assert len(notice.fingerprint) == 12
    assert other.fingerprint != notice.fingerprint


def test_a_notice_cannot_be_changed_once_read(notice: Notice):
    with pytest.raises(ValueError, match="frozen"):
        notice.version = "2"  # type: ignore[misc] - that it fails is the point
