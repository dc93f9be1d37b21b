"""Schedule expressions, compared with a plain scan of all minutes."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.dataplane.schedules import Rate, parse

DAYS = "SUN MON TUE WED THU FRI SAT".split()
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda each: each.replace(tzinfo=UTC))


def numbers(least: int, most: int, names: list[str] | None = None) -> st.SearchStrategy[str]:
    """Return fields of cron with numbers (or names) from ``least`` to ``most``."""
    one = st.integers(least, most).map(str)
    if names:
        one = one | st.sampled_from(names)
    ordered = st.tuples(st.integers(least, most), st.integers(least, most)).map(sorted)
    span = ordered.map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.tuples(st.one_of(st.just("*"), one, span), st.integers(1, most)).map(lambda both: f"{both[0]}/{both[1]}")
    return st.just("*") | st.lists(one | span | step, min_size=1, max_size=3).map(",".join)


crons = st.tuples(
    numbers(0, 59),
    numbers(0, 23),
    st.one_of(
        st.tuples(
            numbers(1, 31) | st.sampled_from(["L", "LW", "L-2"]) | st.integers(1, 31).map("{}W".format), st.just("?")
        ),
        st.tuples(
            st.just("?"),
            numbers(1, 7, DAYS) | st.sampled_from(["L", "FRIL", "2L", "MON#1", "7#5", "WED#3"]),
        ),
    ),
    numbers(1, 12, MONTHS),
).map(lambda parts: f"cron({parts[0]} {parts[1]} {parts[2][0]} {parts[3]} {parts[2][1]} *)")


def plain_numbers(field: str, names: list[str], least: int, most: int) -> set[int]:
    """Return what a field means, by its definition."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = least if first == "*" else names.index(first) + 1 if first in names else int(first)
        high = most if first == "*" or (step and not last) else int(last) if last else low
        found |= set(range(low, high + 1, int(step or 1)))
    return found


def plain_days(field: str, day: date) -> bool:
    """Return whether a day fits the day-of-month field."""
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L" or field.startswith("L-"):
        return day.day == last - int(field[2:] or 0)
    if not field.endswith("W"):
        return day.day in plain_numbers(field, [], 1, 31)
    wanted = last if field == "LW" else int(field[:-1])
    if wanted > last:
        return False
    weekdays = [each for each in range(1, last + 1) if date(day.year, day.month, each).weekday() < 5]
    return day.day == min(weekdays, key=lambda each: abs(each - wanted))


def plain_weekdays(field: str, day: date) -> bool:
    """Return whether a day fits the day-of-week field."""
    last = calendar.monthrange(day.year, day.month)[1]
    weekday = day.isoweekday() % 7 + 1
    if field == "L":
        return weekday == 7
    if field.endswith("L"):
        wanted = field[:-1]
        return weekday in plain_numbers(wanted, DAYS, 1, 7) and day.day > last - 7
    if "#" in field:
        wanted, _, place = field.partition("#")
        return weekday in plain_numbers(wanted, DAYS, 1, 7) and (day.day - 1) // 7 + 1 == int(place)
    return weekday in plain_numbers(field, DAYS, 1, 7)


class Plain:
    """A cron expression, field by field."""

    def __init__(self, expression: str) -> None:
        minutes, hours, self.day_of_month, months, self.day_of_week, _ = expression[5:-1].split()
        self.minutes, self.hours = plain_numbers(minutes, [], 0, 59), plain_numbers(hours, [], 0, 23)
        self.months = plain_numbers(months, MONTHS, 1, 12)

    def fits_day(self, day: date) -> bool:
        """Return whether a day fits the three fields about days."""
        return day.month in self.months and (
            plain_days(self.day_of_month, day) if self.day_of_week == "?" else plain_weekdays(self.day_of_week, day)
        )

    def fits(self, moment: datetime) -> bool:
        """Return whether a minute fits all fields."""
        clock = (moment.hour in self.hours, moment.minute in self.minutes, moment.second == 0)
        return all(clock) and self.fits_day(moment)

    def scan(self, start: datetime, days: int) -> datetime | None:
        """Return the first minute after ``start`` that fits, by looking at all minutes of ``days`` days."""
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        for day in (midnight + timedelta(days=number) for number in range(days)):
            if self.fits_day(day):
                for moment in (day + timedelta(minutes=number) for number in range(1440)):
                    if moment > start and self.fits(moment):
                        return moment
        return None


@given(crons, moments)
@settings(max_examples=100, deadline=None)
def test_cron_is_the_first_fitting_minute(expression: str, start: datetime) -> None:
    found = parse(expression, 0).after(start.timestamp())
    scanned = Plain(expression).scan(start, 400)
    if scanned:
        assert found == scanned.timestamp()
    else:
        assert found is None or found - start.timestamp() > 399 * 86400


@given(crons, moments)
@settings(max_examples=100, deadline=None)
def test_cron_goes_forward(expression: str, start: datetime) -> None:
    schedule, plain, moment = parse(expression, 0), Plain(expression), start.timestamp()
    for _ in range(4):
        following = schedule.after(moment)
        if following is None:
            return
        assert following > moment
        assert plain.fits(datetime.fromtimestamp(following, UTC))
        moment = following


@given(st.integers(1, 999), st.sampled_from(["minute", "hour", "day"]), st.floats(0, 2e9), st.floats(0, 2e9))
def test_rate_goes_forward_in_equal_steps(count: int, unit: str, start: float, moment: float) -> None:
    schedule = parse(f"rate({count} {unit}{'s' if count > 1 else ''})", start)
    assert isinstance(schedule, Rate)
    one = schedule.after(moment)
    assert one is not None and one > moment
    two = schedule.after(one)
    assert two is not None and two - one == pytest.approx(schedule.seconds)
    assert (one - start) / schedule.seconds == pytest.approx(round((one - start) / schedule.seconds))
    assert moment < start or one - moment <= schedule.seconds + 1e-3


@pytest.mark.parametrize(
    ("expression", "zone", "start", "following"),
    [
        ("cron(0 8 ? * MON-FRI *)", "UTC", "2026-11-20T09:00", "2026-11-23T08:00"),
        ("cron(0 0 ? * FRI-MON *)", "UTC", "2026-11-23T09:00", "2026-11-27T00:00"),
        ("cron(0 0 29 2 ? *)", "UTC", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("cron(0 0 LW * ? *)", "UTC", "2027-01-01T00:00", "2027-01-29T00:00"),
        ("cron(0 0 1W * ? *)", "UTC", "2026-07-31T00:00", "2026-08-03T00:00"),
        ("cron(30 9 * * ? *)", "Europe/Berlin", "2026-07-01T00:00", "2026-07-01T07:30"),
        ("cron(30 9 * * ? *)", "Europe/Berlin", "2026-12-01T00:00", "2026-12-01T08:30"),
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T12:00", "2026-03-30T00:30"),
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T00:29", "2026-10-25T00:30"),
        ("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("at(2026-07-01T12:00:00)", "America/New_York", "2026-07-01T00:00", "2026-07-01T16:00"),
    ],
)
def test_examples(expression: str, zone: str, start: str, following: str) -> None:
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    found = parse(expression, 0, zone).after(moment)
    assert found is not None
    assert f"{datetime.fromtimestamp(found, ZoneInfo('UTC')):%Y-%m-%dT%H:%M}" == following


@pytest.mark.parametrize("expression", ["cron(0 0 1 1 ? 2020)", "at(2020-01-01T00:00:00)", "cron(0 0 31 2 ? *)"])
def test_never_again(expression: str) -> None:
    assert parse(expression, 0).after(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) is None


@given(st.text(max_size=20) | st.tuples(st.sampled_from(["cron", "rate", "at"]), st.text("0123456789*?,-/LW# ", max_size=20)).map(lambda both: f"{both[0]}({both[1]})"))  # fmt: skip  # noqa: E501
@settings(max_examples=300)
def test_anything_else_is_a_value_error(text: str) -> None:
    try:
        parse(text, 0).after(0)
    except ValueError:
        return
