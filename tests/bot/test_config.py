"""The configuration: each mistake one sentence that names the place and the mend, and never a secret."""

import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import ConfigError, load_settings, read_secret, resolve, split_listen

PLAIN = """
[controller]
name = "Kalajoen Lämpö Oy"
domain = "lampo.test"
addresses = ["asiakaspalvelu@lampo.test"]

[relay]
host = "relay.lampo.test"
"""
SECRET = "salainen-hevonen-7"


def written(folder: Path, text: str) -> Path:
    """A configuration file of this text."""
    path = folder / "kirjaamo.toml"
    path.write_text(text, "utf-8")
    return path


def sentence(folder: Path, text: str) -> str:
    """What is said of a configuration that cannot be used."""
    with pytest.raises(ConfigError) as caught:
        load_settings(written(folder, text))
    return str(caught.value)


def test_a_small_configuration_has_every_default(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, PLAIN))
    assert settings.controller.name == "Kalajoen Lämpö Oy"
    assert settings.store.url == "sqlite:///kirjaamo.db"
    assert settings.policy.hold_seconds == 60
    assert (settings.smtp, settings.letters, settings.telegram) == (None, None, None)


def test_signed_addresses_need_room_in_the_first_address(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, PLAIN))
    assert (settings.controller.subaddresses, settings.relay.envelope) == (False, "signed")
    signed = PLAIN.replace("addresses = ", "subaddresses = true\naddresses = ")
    assert load_settings(written(tmp_path, signed)).controller.subaddresses
    assert "at most 31 letters before the @" in sentence(tmp_path, signed.replace("asiakaspalvelu", "a" * 32))
    assert load_settings(written(tmp_path, PLAIN.replace("asiakaspalvelu", "a" * 32)))
    assert "[relay] envelope" in sentence(tmp_path, f'{PLAIN}envelope = "null"\n')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN + 'tsl = "none"\n', "[relay] has no key tsl; did you mean tls?"),
        (PLAIN + "[telegrm]\ntoken_file = 'x'\n", "there is no table [telegrm]; did you mean telegram?"),
        (PLAIN + "[qqqqqq]\nx = 1\n", "there is no table [qqqqqq]"),
        (PLAIN + "zzzzzz = 1\n", "[relay] has no key zzzzzz"),
        (
            PLAIN + '[telegram]\ntoken = "1"\nstaf_chat = 5\n',
            "[telegram] has no key staf_chat; did you mean staff_chat?",
        ),
    ],
)
def test_an_unknown_word_is_refused_with_the_nearest_known_one(tmp_path: Path, text: str, said: str) -> None:
    assert sentence(tmp_path, text).endswith(said)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (PLAIN + "port = 'many'\n", "[relay] port"),
        (PLAIN + "port = 70000\n", "[relay] port"),
        (PLAIN + "tls = 'perhaps'\n", "[relay] tls"),
        (PLAIN.replace('["asiakaspalvelu@lampo.test"]', "[]"), "[controller] addresses"),
        (PLAIN.replace('["asiakaspalvelu@lampo.test"]', '["Asiakaspalvelu <a@lampo.test>"]'), "[controller] addresses"),
        (PLAIN.replace("[relay]", 'time_zone = "Kalajoki"\n[relay]'), "[controller] time_zone"),
        (PLAIN.replace("[relay]", 'language = "de"\n[relay]'), "[controller] language"),
        (PLAIN.replace('name = "Kalajoen Lämpö Oy"', ""), "[controller] name"),
        (PLAIN.replace('host = "relay.lampo.test"', ""), "[relay]"),
        (PLAIN.partition("[relay]")[0], "[relay]"),
        ("relay = 5\n" + PLAIN.partition("[relay]")[0], "[relay]"),
        (PLAIN + "[smtp]\npeers = ['everyone']\n", "[smtp] peers"),
        (PLAIN + "[smtp]\nsize_limit = 3\n", "[smtp] size_limit"),
        (PLAIN + "[policy]\ncustomer_number_pattern = '('\n", "[policy] customer_number_pattern"),
        (PLAIN + "[policy]\nhold_seconds = -1\n", "[policy] hold_seconds"),
        (PLAIN + "[store]\nurl = 'mysql://root@host/db'\n", "[store] url"),
        (PLAIN + "[store]\nurl = 'sqlite:///'\n", "[store] url"),
        (PLAIN + "[telegram]\ntoken = '1:x'\nrehearsal = 'here'\n", "[telegram]"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_its_place(tmp_path: Path, text: str, place: str) -> None:
    said = sentence(tmp_path, text)
    assert said.startswith(f"{tmp_path / 'kirjaamo.toml'}: {place}")
    assert "\n" not in said


def test_every_mistake_has_a_line_of_its_own(tmp_path: Path) -> None:
    said = sentence(tmp_path, PLAIN + "port = 0\ntls = 'x'\n[policy]\nhold_seconds = 'x'\n")
    assert len(said.splitlines()) == 3


def test_a_file_that_is_not_there_or_not_readable_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_settings(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path)
    (tmp_path / "kirjaamo.toml").write_bytes(b"\xff\xfe[controller]")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "kirjaamo.toml")
    assert "this is not TOML" in sentence(tmp_path, "[controller\nname = ")


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRJAAMO_RELAY__PASSWORD", SECRET)
    monkeypatch.setenv("KIRJAAMO_RELAY__PORT", "2500")
    settings = load_settings(written(tmp_path, PLAIN + f'password = "{SECRET[::-1]}"\n'))
    assert settings.relay.password.get_secret_value() == SECRET
    assert (settings.relay.port, settings.relay.host) == (2500, "relay.lampo.test")


def test_a_secret_comes_from_its_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n", "utf-8")
    path = written(tmp_path, PLAIN + 'password_file = "secret"\npassword = "other"\n')
    table = load_settings(path).relay
    assert read_secret(path, table.password, table.password_file, "[relay] password_file") == SECRET
    assert read_secret(path, table.password, None, "[relay] password_file") == "other"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_secret_that_cannot_be_read_is_one_sentence_that_tells_nothing(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=r"\[relay\] password_file: the file secret cannot be read"):
        read_secret(tmp_path / "kirjaamo.toml", SecretStr(""), Path("secret"), "[relay] password_file")


@pytest.mark.parametrize(
    "more",
    [
        f'password = "{SECRET}"\nport = "x"\n',
        f'password = ["{SECRET}"]\n',
        f'password = "{SECRET}"\npasword = "{SECRET}"\n',
        f'user = ["{SECRET}"]\n',
        f'[telegram]\ntoken = "{SECRET}"\nrehearsal = "here"\n',
        f'[store]\nurl = "mysql://user:{SECRET}@host/db"\n',
    ],
)
def test_no_error_tells_a_secret_not_even_where_it_came_from(tmp_path: Path, more: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(written(tmp_path, PLAIN + more))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_neither_does_an_environment_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIRJAAMO_RELAY", f'{{"password": "{SECRET}"')
    with pytest.raises(ConfigError, match="environment") as caught:
        load_settings(written(tmp_path, PLAIN))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_settings_shown_show_no_secret(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, PLAIN + f'password = "{SECRET}"\n'))
    assert SECRET not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("listen", "split"),
    [("127.0.0.1:2525", ("127.0.0.1", 2525)), ("[::1]:25", ("::1", 25)), ("localhost:0", ("localhost", 0))],
)
def test_a_place_to_listen_is_host_and_port(listen: str, split: tuple[str, int]) -> None:
    assert split_listen(listen) == split


@pytest.mark.parametrize("listen", ["2525", ":2525", "host:", "host:x", "host:65536", "", "host:-1", "host:2 5"])
def test_anything_else_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="write host:port"):
        split_listen(listen)


def test_a_relative_path_is_relative_to_its_file(tmp_path: Path) -> None:
    assert resolve(tmp_path / "kirjaamo.toml", Path("scans")) == tmp_path / "scans"
    assert resolve(tmp_path / "kirjaamo.toml", tmp_path / "x") == tmp_path / "x"


@pytest.mark.parametrize(
    ("address", "addresses"),
    [
        ('"asiakaspalvelu@lampo.test"', ("asiakaspalvelu@lampo.test",)),
        ('["asiakaspalvelu@lampo.test", "asiakaspalvelu@lampo.test"]', ("asiakaspalvelu@lampo.test",)),
    ],
)
def test_a_canary_flies_to_one_address_or_several(tmp_path: Path, address: str, addresses: tuple[str, ...]) -> None:
    settings = load_settings(written(tmp_path, PLAIN + f"[canary]\naddress = {address}\n"))
    assert settings.canary is not None
    assert settings.canary.addresses == addresses
    assert (settings.canary.every_minutes, settings.canary.alarm_after_minutes) == (60, 15)


@pytest.mark.parametrize("address", ['"seija@tuntematon.test"', "[]"])
def test_a_canary_flies_to_nobody_else_and_not_nowhere(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"\[canary\] address"):
        load_settings(written(tmp_path, PLAIN + f"[canary]\naddress = {address}\n"))


def test_without_its_table_there_is_no_canary(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, PLAIN)).canary is None
