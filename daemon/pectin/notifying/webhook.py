"""Webhooks as the Standard Webhooks specification wants them: the body, the three headers, and the check a receiver makes.

Source: https://github.com/standard-webhooks/standard-webhooks (spec/standard-webhooks.md), symmetric signatures `v1`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pectin.model.event import Event

PREFIX = "whsec_"
TOLERANCE = 300.0  # seconds: how far a receiver lets the sender's clock be off before it suspects a replay

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # a byte of a file name that was no UTF-8; strict JSON readers refuse it


def payload(event: Event) -> bytes:
    """The body: `type`, `timestamp` (ISO 8601, UTC), `id` (as the webhook-id header: for telling repeats) and `data`."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = json.dumps({"type": event.type, "timestamp": at, "id": event.id, "data": dict(event.data)}, ensure_ascii=False)
    return _LONE_SURROGATE.sub("\ufffd", text).encode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, `v1,<base64>`. `secret` is `whsec_<base64>`, or any text, which is then the key itself.
    Raises ValueError for a secret that is empty or whose base64 is broken."""
    digest = hmac.new(_key(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def headers(event_id: str, timestamp: float, body: bytes, *secrets: str) -> dict[str, str]:
    """The headers of one attempt. `timestamp` is the time of the attempt, so that late retries are not taken for replays.
    Several secrets give several signatures (while one is being replaced); none gives an unsigned message."""
    seconds = int(timestamp)
    result = {"content-type": "application/json", "webhook-id": event_id, "webhook-timestamp": str(seconds)}
    if secrets:
        result["webhook-signature"] = " ".join(sign(secret, event_id, seconds, body) for secret in secrets)
    return result


def verify(secret: str, received: Mapping[str, str], body: bytes, *, now: float, tolerance: float = TOLERANCE) -> bool:
    """Whether a message is genuine and fresh, as a receiver must ask before believing it. Header names in lower case."""
    try:
        timestamp = int(received["webhook-timestamp"])
        expected = sign(secret, received["webhook-id"], timestamp, body)
        offered = received["webhook-signature"].split(" ")
    except (KeyError, ValueError):
        return False
    fresh = abs(now - timestamp) <= tolerance
    # compare_digest: the time it takes must not tell how much of a guess was right
    return fresh and any(hmac.compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in offered)


def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError(f"what follows {PREFIX} is not base64") from error
    else:
        key = secret.encode()
    if not key:
        raise ValueError("the secret is empty")  # an empty key would sign, and anybody could sign the same
    return key
