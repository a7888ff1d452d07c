"""The configuration: what it takes, what it says when it does not, and that the generated files are current."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pectin.settings.example import example_text, schema_text
from pectin.settings.load import ConfigError, find, load, parse, search_order
from pectin.settings.quantities import format_duration, parse_duration
from pectin.settings.sections import Settings

CONFIG = Path(__file__).resolve().parents[2] / "config"

ROUTE = "routes:\n  - {name: a, inbox: /in, library: /lib}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.yaml")
    return [p.sentence for p in caught.value.problems]


def test_the_example_in_config_is_what_the_schema_generates() -> None:
    assert (CONFIG / "pectin.yaml").read_text() == example_text(), "run `make generate`"


def test_the_editor_schema_in_config_is_what_the_schema_generates() -> None:
    assert (CONFIG / "pectin.schema.json").read_text() == schema_text(), "run `make generate`"


def test_the_example_means_the_defaults() -> None:
    assert parse(example_text(), "example") == Settings()


def test_the_example_fits_the_editor_schema() -> None:
    jsonschema.validate(yaml.safe_load(example_text()), json.loads(schema_text()))


def test_every_commented_out_key_of_the_example_is_right_when_it_is_uncommented() -> None:
    lines = example_text().splitlines()
    uncommented = []
    for line in lines:
        bare = line.lstrip()
        is_key = bare.startswith("#") and not bare.startswith("# ") and not bare.startswith("##")
        uncommented.append(line.replace("#", "", 1) if is_key or bare.startswith(("#    ", "#  - ", "#  ")) else line)
    stays = ("ignore", "languages", "extra")
    text = "\n".join(line for line in uncommented if not line.endswith(": []") or line.lstrip().startswith(stays))
    text = text.replace("    #secret_file", "    secret_file")
    settings = parse(text, "uncommented")
    assert settings.webhooks[0].secret_file == "/etc/pectin/webhook.secret"
    assert settings.jellyfin.map[0].theirs == "/media/films"
    assert settings.hooks[0].name == "film-log"
    assert settings.publish.group == "jellyfin"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems("""
paths: {wrok: /x}
routes:
  - {name: Films!, inbox: in, library: /lib}
  - {name: b, inbox: /srv, library: /srv/lib, profile: nope}
intake: {quite: 3s, linger: soon}
encoder: {threads: many, jobs: 99}
webhooks: [{name: x, url: 'ftp://x'}]
jellyfin: {url: 'http://j'}
profils: {}
""")
    assert found == [
        "line 2: paths.wrok: unknown key -- did you mean paths.work?",
        "line 4: routes[0].inbox: 'in' is not allowed -- allowed: an absolute path without '..'",
        "line 4: routes[0].name: 'Films!' is not allowed -- allowed: a short name of a-z, 0-9, - and _, "
        "beginning with a letter or digit",
        "line 5: routes[1].library: /srv/lib lies inside routes[1].inbox (/srv) -- put them side by side",
        "line 5: routes[1].profile: there is no profile 'nope' -- known profiles: archive-av1, copy, original, universal, "
        "universal-hevc",
        "line 6: intake.linger: 'soon' is not allowed -- allowed: a duration such as 500ms, 15s, 2min, 1h30m or 14d",
        "line 6: intake.quite: unknown key -- did you mean intake.quiet?",
        "line 7: encoder.jobs: 99 is not allowed -- allowed: a whole number from 1 to 16",
        "line 7: encoder.threads: 'many' is not allowed -- allowed: a whole number from 1 to 256 or auto",
        "line 8: webhooks[0].url: what stands there is not allowed -- allowed: an http:// or https:// address",
        "line 9: jellyfin.key_file: url and key_file are needed together -- give both, or neither",
        "line 10: profils: unknown key -- did you mean profiles?",
    ]


def test_a_key_in_the_wrong_section_is_pointed_to_its_own() -> None:
    assert problems("encoder: {linger: 3s}") == ["line 1: encoder.linger: unknown key -- did you mean intake.linger?"]


def test_a_name_that_may_not_be_is_told_what_names_may_be() -> None:
    assert problems("profiles:\n  My Films: {crf: 20}\n") == [
        "line 2: profiles.My Films: 'My Films' is not allowed -- allowed: a short name of a-z, 0-9, - and _, "
        "beginning with a letter or digit"]


def test_a_key_that_stands_twice_is_a_mistake() -> None:
    assert problems("log:\n  level: info\n  level: debug\n") == [
        "line 3: log.level: this key stands twice -- keep one of them: only the last would count"]


def test_text_that_is_not_yaml_names_the_line() -> None:
    assert problems("log: {level: info\npaths:\n") == [
        "line 2: not valid YAML: expected ',' or '}', but got ':' -- check indentation, colons and quotes on this line "
        "and the one before"]


def test_a_list_at_the_top_is_a_mistake() -> None:
    assert "the top level must be sections" in problems("- a\n")[0]


def test_an_empty_file_means_the_defaults() -> None:
    assert parse("", "x") == Settings()


@pytest.mark.parametrize("inner", ["work", "originals", "rejected"])
def test_our_own_folders_inside_an_inbox_are_refused(inner: str) -> None:
    assert "lies inside routes[0].inbox" in problems(ROUTE + f"paths: {{{inner}: /in/deep/x}}\n")[0]


def test_an_inbox_inside_another_inbox_is_refused() -> None:
    text = "routes:\n - {name: a, inbox: /in, library: /l1}\n - {name: b, inbox: /in/b, library: /l2}\n"
    assert "routes[1].inbox: /in/b lies inside routes[0].inbox" in problems(text)[0]


def test_two_routes_may_share_a_library() -> None:
    assert len(parse("routes:\n - {name: a, inbox: /a, library: /l}\n - {name: b, inbox: /b, library: /l}\n", "x").routes) == 2


def test_names_of_routes_and_endpoints_must_differ() -> None:
    text = ROUTE + """
webhooks: [{name: x, url: 'http://a'}, {name: x, url: 'http://b'}]
hooks: [{name: x, run: /bin/true}, {name: jellyfin, run: /bin/true}]
"""
    found = problems(text)
    assert [f.split(": ")[1] for f in found] == ["webhooks[1].name", "hooks[0].name", "hooks[1].name"]


@pytest.mark.parametrize(("text", "seconds"), [("15s", 15), ("2min", 120), ("1h30m", 5400), ("14d", 1209600), ("500ms", .5),
                                               ("1.5 h", 5400), (3, 3), ("7", 7), ("1 week", 604800), ("0", 0)])
def test_durations_are_read_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3s", "3 fortnights", "1e99", True, None, [], "s", "12s later", float("nan")])
def test_what_is_not_a_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_written_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from([*Settings.model_fields, "name", "inbox", "x"]), inner, max_size=4),
                    max_leaves=12))
def test_whatever_the_yaml_holds_the_answer_is_settings_or_problems(data: object) -> None:
    try:
        parse(yaml.safe_dump(data), "x")
    except ConfigError as error:
        assert error.problems


def test_an_octal_mode_means_the_same_with_and_without_quotes() -> None:
    assert parse(ROUTE + "publish: {file_mode: 0640}", "x").publish == parse(ROUTE + 'publish: {file_mode: "0640"}', "x").publish
    assert parse(ROUTE + "publish: {file_mode: 0640}", "x").publish.file_mode == 0o640


def test_metrics_can_be_switched_off_as_people_write_it() -> None:
    assert parse(ROUTE + "metrics: {listen: off}", "x").metrics.listen == "off"


def test_the_named_file_wins_then_the_environment_then_home_then_etc(tmp_path: Path) -> None:
    assert search_order({"PECTIN_CONFIG": "/x.yaml", "HOME": "/h"}) == (Path("/x.yaml"),)
    assert search_order({"HOME": "/h"}) == (Path("/h/.config/pectin/pectin.yaml"), Path("/etc/pectin/pectin.yaml"))
    named = tmp_path / "a.yaml"
    named.touch()
    assert find(named, {"PECTIN_CONFIG": "/nowhere"}) == named


def test_no_configuration_at_all_tells_how_to_make_one() -> None:
    with pytest.raises(ConfigError, match="pectin config example"):
        find(None, {"PECTIN_CONFIG": "/nowhere/x.yaml"})


def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"\xe4: 1\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(latin)
