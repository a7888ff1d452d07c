"""`pectin config show`, and the sentences about mistakes: nothing in them lets anybody speak in another's name."""

from __future__ import annotations

import json

import pytest
import yaml

from pectin.cli.configuration import shown
from pectin.settings.load import ConfigError, parse

TOKEN = "T0KEN-of-a-chat"


@pytest.mark.parametrize(("url", "seen"), [
    (f"https://hooks.example.org/services/{TOKEN}", "https://hooks.example.org/***"),
    (f"https://chat.example.org:8443/hook?key={TOKEN}", "https://chat.example.org:8443/***"),
    (f"http://anna:{TOKEN}@[::1]:80", "http://***@[::1]:80"),
    (f"http://{TOKEN}@chat/", "http://***@chat/"),
    ("http://chat.example.org", "http://chat.example.org"),
])
def test_of_a_webhooks_address_only_the_host_is_shown(url: str, seen: str) -> None:
    document = shown(parse(yaml.safe_dump({"webhooks": [{"name": "chat", "url": url}]}), "x"))
    assert document["webhooks"][0]["url"] == seen
    assert TOKEN not in json.dumps(document)


def test_jellyfins_base_path_is_shown_and_its_password_is_not() -> None:
    text = yaml.safe_dump({"jellyfin": {"url": f"https://anna:{TOKEN}@films.example.org/jelly", "key_file": "/etc/key"}})
    assert shown(parse(text, "x"))["jellyfin"]["url"] == "https://***@films.example.org/jelly"


def test_what_was_shown_is_not_taken_for_an_address() -> None:
    with pytest.raises(ConfigError, match="an http:// or https:// address"):
        parse("webhooks: [{name: chat, url: 'https://hooks.example.org/***'}]", "x")


@pytest.mark.parametrize("line", [f"url: htps://chat/{TOKEN}", f"url: https://chat/, secret_file: {TOKEN}"])
def test_a_mistake_is_told_without_the_token_that_stands_there(line: str) -> None:
    with pytest.raises(ConfigError, match="what stands there is not allowed") as told:
        parse(f"webhooks: [{{name: chat, {line}}}]", "x")
    assert TOKEN not in str(told.value)
