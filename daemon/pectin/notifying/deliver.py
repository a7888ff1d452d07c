"""One HTTP request, one outcome. When to try again is not decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import httpx

from pectin import __version__
from pectin.notifying.outcome import Outcome, Reason

MAX_RETRY_AFTER = 86_400.0  # seconds: a receiver may ask us to wait a day, not for ever
_SAID = 200  # bytes of a receiver's answer that are worth showing to a person
_NAMES = {401: "it does not accept the key", 403: "it does not accept the key", 404: "there is nothing at this address",
          413: "the message is too large for it"}

FIRST_DELAY = 5.0    # seconds: a receiver that restarts is back by then
LONGEST_DELAY = 3600.0


def new_client() -> httpx.AsyncClient:
    """The one client for all deliveries. Redirects are not followed: a signed event, or a key, goes where the configuration
    says or nowhere. Proxies of the environment are not used: receivers are at home."""
    return httpx.AsyncClient(follow_redirects=False, trust_env=False, headers={"user-agent": f"pectin/{__version__}"},
                             limits=httpx.Limits(max_connections=20, max_keepalive_connections=5))


async def post(client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Outcome:
    """POST `body`; `timeout` is seconds for the whole exchange, however slowly it drips."""
    outcome, _ = await exchange(client, "POST", url, body=body, headers=headers, timeout=timeout, keep=_SAID)
    return outcome


async def exchange(client: httpx.AsyncClient, method: str, url: str, *, headers: Mapping[str, str], timeout: float, keep: int,
                   body: bytes = b"") -> tuple[Outcome, bytes]:
    """One request; the outcome and at most `keep` bytes of the answer."""
    try:
        async with (asyncio.timeout(timeout),
                    client.stream(method, url, content=body, headers={**headers, "accept-encoding": "identity"},
                                  follow_redirects=False, timeout=timeout) as response):
            answer = await _beginning(response, keep)
            return _judge(response, answer), answer
    except (TimeoutError, httpx.TimeoutException):
        return Outcome(Reason.TIMEOUT, f"no complete answer within {timeout:g} s"), b""
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return Outcome(Reason.UNREACHABLE, f"cannot be reached: {error or type(error).__name__}"), b""


def backoff(attempts: int, *, first: float = FIRST_DELAY, cap: float = LONGEST_DELAY, jitter: float) -> float:
    """Seconds to wait after `attempts` tries in vain: doubling from `first` up to `cap`, of which `jitter` (0 to 1, random,
    the caller's) spreads the upper half, so that what failed together does not come back together."""
    longest = min(cap, first * 2.0 ** min(max(attempts - 1, 0), 60))
    return longest * (0.5 + 0.5 * jitter)


async def _beginning(response: httpx.Response, size: int) -> bytes:
    """Raw, not decompressed, and no more than asked for: an endless or exploding answer must not fill our memory."""
    kept = b""
    async for chunk in response.aiter_raw():
        kept += chunk[:size - len(kept)]
        if len(kept) >= size:
            break
    return kept


def _judge(response: httpx.Response, answer: bytes) -> Outcome:
    code = response.status_code
    if 200 <= code < 300:
        return Outcome(Reason.DELIVERED, f"answered {code}")
    said = " ".join(answer[:_SAID].decode("utf-8", "replace").split())
    because = "; ".join(part for part in (_NAMES.get(code, ""), f"it said: {said}" if said else "") if part)
    sentence = f"answered {code}" + (f": {because}" if because else "")
    return Outcome(_reason(code), sentence, _retry_after(response))


def _reason(code: int) -> Reason:
    special = {410: Reason.GONE, 429: Reason.BUSY, 503: Reason.BUSY, 408: Reason.TIMEOUT, 504: Reason.TIMEOUT}
    if code in special:
        return special[code]
    if 300 <= code < 400:
        return Reason.REDIRECTED
    return Reason.REFUSED if 400 <= code < 500 else Reason.SERVER_ERROR


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds. A date is measured against the receiver's own Date header: our clocks may differ."""
    stated = response.headers.get("retry-after", "").strip()
    try:
        if stated.isascii() and stated.isdigit():
            seconds = float(stated)
        else:
            seconds = (parsedate_to_datetime(stated) - parsedate_to_datetime(response.headers.get("date", ""))).total_seconds()
    except (ValueError, TypeError):  # TypeError: one date with a zone, one without
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
