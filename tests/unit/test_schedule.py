"""Windows of time: what a person writes, what it means by the clock on the wall, and when it changes next."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pectin.model.schedule import DAYS, Schedule, WindowError, parse_window, schedule

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kolkata")]
DAY = 86400


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def test_no_window_means_always() -> None:
    assert Schedule().is_open(0.0)
    assert Schedule().next_change(0.0) is None


@pytest.mark.parametrize(("window", "moment", "is_open"), [
    ("mon-fri 22:00-07:00", "2026-11-20 22:00", True),   # a Friday
    ("mon-fri 22:00-07:00", "2026-11-20 21:59", False),
    ("mon-fri 22:00-07:00", "2026-11-21 06:59", True),   # Saturday morning belongs to Friday
    ("mon-fri 22:00-07:00", "2026-11-21 07:00", False),
    ("mon-fri 22:00-07:00", "2026-11-23 03:00", False),  # Monday morning would belong to Sunday
    ("sun 23:00-01:00", "2026-11-23 00:59", True),       # over the end of the week
    ("sat-sun", "2026-11-22 23:59", True),
    ("sat-sun", "2026-11-23 00:00", False),
    ("fri-mon", "2026-11-23 12:00", True),
    ("fri-mon", "2026-11-24 12:00", False),
    ("tue,thu 10:00-11:00", "2026-11-19 10:30", True),
    ("01:00-06:30", "2026-11-18 06:29", True),
    ("00:00-24:00", "2026-11-18 23:59", True),
    ("Mon-Fri  8:00-9:00 ", "2026-11-20 08:00", True),
])
def test_what_a_window_holds(window: str, moment: str, is_open: bool) -> None:
    assert schedule([window], BERLIN).is_open(at(moment)) is is_open


@pytest.mark.parametrize(("text", "why"), [
    ("", "days, times, or both"), ("mon 1:00-2:00 x", "days, times, or both"), ("mo-fr 22:00-07:00", "there is no day 'mo'"),
    ("mon-", "there is no day ''"), ("25:00-26:00", "there is no time '25:00'"), ("22:60-23:00", "there is no time '22:60'"),
    ("24:30-01:00", "there is no time"), ("24:00-01:00", "cannot begin at 24:00"), ("22-7", "there is no time '22'"),
    ("mon 22:00", "no range of times"), ("07:00-07:00", "begins when it ends"), ("٢٢:٠٠-٢٣:٠٠", "there is no time"),
])
def test_what_is_no_window_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(WindowError, match=why):
        parse_window(text)


def test_the_hour_that_is_left_out_in_spring_is_not_missed() -> None:
    """29 March 2026: after 01:59 comes 03:00."""
    nights = schedule(["02:30-05:00"], BERLIN)
    before = at("2026-03-29 01:59")
    assert nights.next_change(before) == before + 60, "the window begins where the clock jumps to"
    assert nights.is_open(at("2026-03-29 03:00"))


def test_the_hour_that_comes_twice_in_autumn_counts_twice() -> None:
    """25 October 2026: after the first 02:59 comes 02:00 again."""
    nights = schedule(["02:00-02:30"], BERLIN)
    first = at("2026-10-25 02:00")
    moments = [nights.next_change(first - 60)]
    for _ in range(3):
        moments.append(nights.next_change(moments[-1] or 0))
    assert moments == [first, first + 1800, first + 3600, first + 5400]


def test_windows_that_fill_the_week_never_change() -> None:
    assert schedule(["mon-fri", "sat-sun"], BERLIN).next_change(at("2026-11-20 12:00")) is None


def test_the_next_change_is_told_by_day_and_hour() -> None:
    nights = schedule(["mon-fri 22:00-07:00"], BERLIN)
    monday = nights.next_change(at("2026-11-21 08:00"))
    assert monday == at("2026-11-23 22:00")
    assert nights.told(monday or 0) == "Mon 22:00"


_TIMES = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
_WINDOWS = st.builds(lambda first, last, start, end: f"{first}-{last} {start}-{end}", st.sampled_from(DAYS),
                     st.sampled_from(DAYS), _TIMES, _TIMES).filter(lambda text: text[8:13] != text[14:])
_MOMENTS = st.integers(int(at("2026-03-20 00:00")), int(at("2026-11-10 00:00")))


@given(st.lists(_WINDOWS, min_size=1, max_size=3), st.sampled_from(ZONES), _MOMENTS)
def test_nothing_changes_before_the_next_change_and_then_it_does(windows: list[str], zone: ZoneInfo, moment: int) -> None:
    made = schedule(windows, zone)
    change = made.next_change(moment)
    now = made.is_open(moment)
    end = change if change is not None else moment + 8 * DAY
    assert moment < end <= moment + 8 * DAY
    assert all(made.is_open(one) is now for one in range(moment // 60 * 60 + 60, int(end), 600))
    if change is not None:
        assert made.is_open(change) is not now
        assert made.is_open(change - 1) is now


@given(st.text(alphabet="monfrisatuewdhy-,:0123456789 ", max_size=24))
def test_any_text_is_a_window_or_an_error_of_its_own(text: str) -> None:
    try:
        found = parse_window(text)
    except WindowError as error:
        assert str(error)
    else:
        assert found.days
        assert 0 < found.length <= 1440
