"""Payload, signature and their check, against the specification's published example and by properties."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.event import Event, EventType
from pectin.notifying.deliver import backoff
from pectin.notifying.webhook import TOLERANCE, headers, payload, sign, verify

# The example with which the libraries of the specification test themselves.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="



def event(**data: object) -> Event:
    return Event(id="evt_1", type=EventType.COMPLETED, job_id="0123456789", at=1_700_000_000.25, data=data)


def test_the_published_example_has_the_published_signature() -> None:
    assert sign(SECRET, ID, AT, BODY) == SIGNATURE


def test_the_headers_are_the_three_of_the_specification() -> None:
    assert headers(ID, AT + 0.9, BODY, SECRET) == {
        "content-type": "application/json", "webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in headers(ID, AT, BODY)


def test_while_a_secret_is_replaced_both_signatures_are_sent_and_either_is_enough() -> None:
    sent = headers(ID, AT, BODY, "new", SECRET)
    assert verify("new", sent, BODY, now=AT)
    assert verify(SECRET, sent, BODY, now=AT)
    assert not verify("other", sent, BODY, now=AT)


def test_the_payload_says_what_when_and_the_rest() -> None:
    assert json.loads(payload(event(name="Film.mkv"))) == {
        "type": "job.completed", "timestamp": "2023-11-14T22:13:20.250Z", "id": "evt_1", "data": {"name": "Film.mkv"}}


text = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(st.none() | st.booleans() | st.integers(-2**53, 2**53) | text,
                           lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(text, json_values, max_size=5))
def test_what_is_in_the_data_arrives(data: dict[str, object]) -> None:
    sent = Event(id="evt_1", type=EventType.FAILED, job_id="j", at=0.0, data=data)
    assert json.loads(payload(sent))["data"] == data


@given(st.text(st.characters()))
def test_a_name_that_is_no_unicode_still_makes_valid_json(name: str) -> None:
    assert isinstance(json.loads(payload(event(name=name)).decode("utf-8", "strict"))["data"]["name"], str)


@given(st.binary(), st.text(min_size=1), st.integers(0, 2**40), st.binary(min_size=1, max_size=64))
def test_what_we_sign_verifies(body: bytes, message_id: str, at: int, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    message_id = message_id.encode("utf-8", "replace").decode()
    assert verify(secret, headers(message_id, at, body, secret), body, now=at)


@given(st.binary(), st.integers(0))
def test_one_changed_byte_is_noticed(body: bytes, where: int) -> None:
    sent = headers(ID, AT, body, SECRET)
    place = where % (len(body) + 1)
    changed = body[:place] + bytes([(body[place] ^ 1) if place < len(body) else 0]) + body[place + 1:]
    assert not verify(SECRET, sent, changed, now=AT)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_not_genuine(missing: str) -> None:
    sent = headers(ID, AT, BODY, SECRET)
    del sent[missing]
    assert not verify(SECRET, sent, BODY, now=AT)


@pytest.mark.parametrize(("changes", "genuine"), [
    ({}, True),
    ({"webhook-timestamp": "yesterday"}, False),
    ({"webhook-timestamp": str(AT + 1)}, False),
    ({"webhook-id": "msg_other"}, False),
    ({"webhook-signature": ""}, False),
    ({"webhook-signature": "v1,"}, False),
    ({"webhook-signature": SIGNATURE[:-1]}, False),
    ({"webhook-signature": "v2," + SIGNATURE[3:]}, False),
    ({"webhook-signature": "v1,grün"}, False),
    ({"webhook-signature": f"v1,AAAA v1a,BBBB {SIGNATURE}"}, True),
])
def test_only_the_right_headers_are_genuine(changes: dict[str, str], genuine: bool) -> None:
    assert verify(SECRET, {**headers(ID, AT, BODY, SECRET), **changes}, BODY, now=AT) is genuine


@pytest.mark.parametrize(("later", "genuine"), [(0, True), (TOLERANCE, True), (-TOLERANCE, True), (TOLERANCE + 1, False),
                                                (-TOLERANCE - 1, False)])
def test_an_old_message_is_taken_for_a_replay(later: float, genuine: bool) -> None:
    assert verify(SECRET, headers(ID, AT, BODY, SECRET), BODY, now=AT + later) is genuine


def test_a_secret_without_the_prefix_is_the_key_itself() -> None:
    assert sign("plain text", ID, AT, BODY) == sign("whsec_" + base64.b64encode(b"plain text").decode(), ID, AT, BODY)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_abc"])
def test_an_empty_or_broken_secret_never_signs(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|base64"):
        sign(secret, ID, AT, BODY)
    assert not verify(secret, headers(ID, AT, BODY, SECRET), BODY, now=AT)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_pause_doubles_up_to_a_limit_and_never_vanishes(attempts: int, jitter: float) -> None:
    pause = backoff(attempts, jitter=jitter)
    assert 2.5 <= pause <= 3600
    assert pause <= backoff(attempts + 1, jitter=1)


def test_the_pauses_are_those_a_person_expects() -> None:
    assert [backoff(n, jitter=1) for n in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert backoff(1, jitter=0) == 2.5
    assert backoff(30, jitter=1, cap=60) == 60
