"""Nothing from outside is compiled, nothing that is missing is printed as nothing, and the sandbox holds."""

import ast
from dataclasses import fields
from pathlib import Path

import jinja2
import jinja2.meta
import pytest
from jinja2.sandbox import SecurityError

import replies
from replies.catalogue import TEMPLATES
from replies.context import ReplyContext
from replies.notice import LANGUAGES
from replies.render import environment

PACKAGE = Path(replies.__file__).parent


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ held.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(held) }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% set _ = shared.append(1) %}",
    ],
)
def test_a_template_cannot_climb_out(escape: str):
    shared: list[int] = []
    with pytest.raises((SecurityError, jinja2.UndefinedError)):
        environment("fi").from_string(escape).render(held=object(), shared=shared)
    assert shared == []


def test_a_missing_name_is_an_error_and_so_is_none():
    with pytest.raises(jinja2.UndefinedError):
        environment("fi").from_string("{{ nothing_of_the_kind }}").render()
    with pytest.raises(TypeError):
        environment("fi").from_string("{{ due_on }}").render(due_on=None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_templates_name_only_what_a_context_has(language: str):
    known = {field.name for field in fields(ReplyContext)}
    speaker = environment(language)
    for path in (PACKAGE / "templates" / language).glob("*.j2"):
        names = jinja2.meta.find_undeclared_variables(speaker.parse(path.read_text("utf-8")))
        assert names <= known, path.name
        assert "held" not in names or TEMPLATES[path.stem].holds_data, path.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_templates_stay_in_their_own_language(language: str):
    for path in (PACKAGE / "templates" / language).glob("*.j2"):
        tree = environment(language).parse(path.read_text("utf-8"))
        for other in jinja2.meta.find_referenced_templates(tree):
            assert other.startswith(f"{language}/")


def test_no_module_of_replies_compiles_or_formats_text_from_outside():
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"from_string", "format_map"}, path.name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
                assert isinstance(node.func.value, ast.Constant), path.name
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                assert not isinstance(node.left, (ast.Constant, ast.Name)), path.name
