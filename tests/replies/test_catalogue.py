"""The catalogue and the folder of templates say the same, in three languages."""

from pathlib import Path

import pytest

import replies
from replies.catalogue import TEMPLATES, answers_to
from replies.notice import LANGUAGES
from store.dossier.matters import TOPICS as TOPICS_OF_THE_STORE
from store.models import STATUTORY, RequestKind

FOLDER = Path(replies.__file__).parent / "templates"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_has_a_file_and_every_file_is_in_the_catalogue(language: str):
    files = {path.stem for path in (FOLDER / language).glob("*.j2") if not path.name.startswith("_")}
    assert files == set(TEMPLATES)


@pytest.mark.parametrize("kind", RequestKind)
def test_every_kind_of_request_has_its_plain_first_answer(kind: RequestKind):
    assert answers_to(kind)[0] == kind.value
    assert "identity" in answers_to(kind)


def test_only_access_and_topics_hold_data_and_nothing_automatic_does():
    holding = {name for name, entry in TEMPLATES.items() if entry.holds_data}
    assert {name for name in holding if not TEMPLATES[name].topic} == {"access", "portability_copy"}
    assert {name for name in holding if TEMPLATES[name].topic} == set(TOPICS_OF_THE_STORE)
    assert not any(entry.automatic and entry.holds_data for entry in TEMPLATES.values())


def test_every_answer_to_a_rights_request_tells_how_to_complain():
    for kind in STATUTORY:
        assert all(TEMPLATES[name].rights for name in answers_to(kind))
