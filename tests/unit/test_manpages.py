"""The manual pages say what the program says, and no reader of roff has a word against them."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from needs import missing
from pectin.model.statuses import STATUSES
from pectin.program import app
from pectin.settings.explain import inner_model, keys

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("man1/pectin.1", "man5/pectin.yaml.5")


@pytest.fixture(scope="module")
def manpages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("manpages", ROOT / "tools" / "manpages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(manpages: ModuleType) -> Mapping[str, str]:
    return {name: make() for name, make in manpages.PAGES.items()}


def plain(page: str) -> str:
    """The words of a page, without what roff makes of them."""
    text = page.replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\&", "")
    return " ".join(re.sub(r"\\f.", "", text).split())


def test_every_command_is_in_the_page_with_what_it_says_of_itself(pages: Mapping[str, str]) -> None:
    page = plain(pages["man1/pectin.1"])
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for path, one in [(f"{name} {n}", c) for n, c in getattr(command, "commands", {}).items()] or [(name, command)]:
            assert f".SS pectin {path}" in page
            assert " ".join((one.help or "").replace("`", "").split()) in page
            assert not [word for option in one.params if option.param_type_name == "option" for word in option.opts
                        if word not in page]


def test_every_exit_status_and_every_key_of_the_configuration_is_there(pages: Mapping[str, str]) -> None:
    for status in STATUSES:
        assert f".TP\n\\fB{status.value}\\fR\n" in pages["man1/pectin.1"]
    page = plain(pages["man5/pectin.yaml.5"])
    sections = {path for path, field in keys() if inner_model(field) and "." not in path}
    assert not [path for path, _ in keys() if (f".SS {path} " if path in sections else path) not in page]
    assert ".TP intake.linger: 2s How long a complete file is left alone" in page


def test_a_page_is_the_same_whenever_it_is_made_for_a_package(manpages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert '.TH PECTIN 1 "1970-01-02"' in manpages.pectin_1()


def test_words_that_mean_something_to_roff_are_only_words(manpages: ModuleType) -> None:
    assert manpages._text(".mp4 of `--x` and 'y' \\z") == r"\&.mp4 of \fB\-\-x\fR and \(aqy\(aq \ez"
    assert manpages._text("One. Two.") == "One.\nTwo."
    assert manpages._plain("Köln") == r"K\[u00F6]ln"


@pytest.mark.parametrize("reader", [("groff", "-ww", "-man", "-Tutf8", "-z"), ("mandoc", "-Tlint")], ids=lambda argv: argv[0])
@pytest.mark.parametrize("name", NAMES)
def test_readers_of_roff_warn_of_nothing(pages: Mapping[str, str], name: str, reader: tuple[str, ...]) -> None:
    if shutil.which(reader[0]) is None:
        if reader[0] == "mandoc":
            pytest.skip("mandoc is not here, which is a second opinion: apt-get install mandoc")
        missing("groff", "apt-get install groff-base")
    done = subprocess.run(reader, input=pages[name], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
