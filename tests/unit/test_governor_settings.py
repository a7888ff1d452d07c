"""The section `governor` of the configuration: what it means, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pectin.model.governor import OnBattery, Outside, Rules, YieldBy, YieldTo
from pectin.model.schedule import schedule
from pectin.policies import governing
from pectin.settings.load import ConfigError, Loaded, parse
from pectin.settings.sections import Settings


def rules(text: str, folder: Path) -> Rules:
    (folder / "key").write_text("0123456789abcdef\n")
    jellyfin = yaml.safe_dump({"jellyfin": {"url": "http://127.0.0.1:8096", "key_file": str(folder / "key")}})
    return governing(Loaded(folder / "c", parse(f"governor: {text}\n{jellyfin}", "c"))).rules


def test_by_default_nothing_is_governed_and_nobody_is_asked(tmp_path: Path) -> None:
    made = governing(Loaded(tmp_path, Settings()))
    assert (made.rules, made.jellyfin) == (Rules(), None)


def test_every_key_becomes_a_rule(tmp_path: Path) -> None:
    made = rules('{schedule: ["sat-sun"], outside: finish, yield_to: playing, yield_by: slow, quiet: 2min, max_load: 0.5,'
                 ' max_pressure: 40, max_temperature: 80, on_battery: pause}', tmp_path)
    assert made == Rules(schedule=schedule(["sat-sun"]), outside=Outside.FINISH, yield_to=YieldTo.PLAYING, yield_by=YieldBy.SLOW,
                         quiet=120.0, max_load=0.5, max_pressure=40.0, max_temperature=80.0, on_battery=OnBattery.PAUSE)


def test_off_means_off_although_yaml_reads_it_as_false(tmp_path: Path) -> None:
    assert rules("{yield_to: off, max_load: off, max_pressure: 'off', max_temperature: false}", tmp_path) == Rules()


@pytest.mark.parametrize(("text", "told"), [
    ('{schedule: ["mon-fri 25:00-07:00"]}', "there is no time '25:00'"), ('{schedule: ["mo-fr"]}', "there is no day 'mo'"),
    ("{schedule: [7]}", 'a window such as "mon-fri 22:00-07:00"'), ("{max_load: 2}", "a number from 0.05 to 1 or off"),
    ("{yield_to: transcode}", "off, transcoding, playing"), ("{max_temp: 80}", "did you mean governor.max_temperature?")])
def test_a_mistake_is_told_with_what_is_allowed(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(f"governor: {text}", "c")
    assert told in str(error.value)


def test_whom_to_yield_to_must_be_known() -> None:
    with pytest.raises(ConfigError, match=r"governor\.yield_to: there is no Jellyfin to make room for"):
        parse("governor: {yield_to: playing}", "c")


def test_a_key_that_cannot_be_read_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    text = f"governor: {{yield_to: playing}}\njellyfin: {{url: 'http://127.0.0.1:1', key_file: {tmp_path / 'none'}}}"
    with pytest.raises(ConfigError, match=r"jellyfin\.key_file"):
        governing(Loaded(tmp_path, parse(text, "c")))


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://127.0.0.1:0/", "http://a..b/", "http://[::1/", "http://:8096/",
                                 f"http://{'x' * 64}.lan/"])
def test_an_address_at_which_nobody_can_ever_be_asked_is_a_mistake(url: str) -> None:
    """It would be found out by the first event, and end the daemon."""
    with pytest.raises(ConfigError, match="an http:// or https:// address"):
        parse(yaml.safe_dump({"webhooks": [{"name": "chat", "url": url}]}), "c")


@pytest.mark.parametrize("url", ["http://jellyfin:8096/base", "https://[::1]:8920", "http://10.0.0.2", "https://films.example."])
def test_an_address_of_any_kind_of_host_is_right(url: str) -> None:
    assert parse(yaml.safe_dump({"webhooks": [{"name": "chat", "url": url}]}), "c").webhooks[0].url == url
