"""Schedule expressions: when is it time again?

AWS: ``rate(5 minutes)``, ``cron(minutes hours day-of-month month day-of-week year)`` and, in EventBridge Scheduler,
``at(yyyy-mm-ddThh:mm:ss)`` ("Setting a schedule pattern for scheduled rules", EventBridge User Guide; "Schedule types
in EventBridge Scheduler", EventBridge Scheduler User Guide). In cron one of the two day fields is ``?``; ``L`` is the
last day, ``15W`` the weekday nearest to the 15th, ``6#3`` the third Friday, ``6L`` the last one. A time that a clock
change skips is skipped; one that it repeats comes once.
"""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate("SUN MON TUE WED THU FRI SAT".split(), 1)}
_NO_NAMES: dict[str, int] = {}
_SATURDAY = 7


class Schedule(Protocol):
    """When something happens; times are seconds since the epoch."""

    def after(self, moment: float) -> float | None:
        """Return the first time after ``moment``; None when there is none."""


@dataclass(frozen=True)
class Rate:
    """Every so often, counted from ``start``."""

    seconds: int
    start: float

    def after(self, moment: float) -> float | None:
        """Return the first time after ``moment``."""
        steps = max(0, math.floor((moment - self.start) / self.seconds) + 1)
        due = self.start + steps * self.seconds
        return due if due > moment else due + self.seconds  # rounding may lead back to the moment itself


@dataclass(frozen=True)
class At:
    """Once."""

    time: float

    def after(self, moment: float) -> float | None:
        """Return the time if it lies after ``moment``."""
        return self.time if self.time > moment else None


@dataclass(frozen=True)
class Cron:
    """At every minute that fits all fields, by the clocks of ``zone``."""

    minutes: frozenset[int]
    hours: frozenset[int]
    day_of_month: str
    months: frozenset[int]
    day_of_week: str
    years: frozenset[int]
    zone: ZoneInfo

    def after(self, moment: float) -> float | None:
        """Return the first time after ``moment``."""
        for local in self._from(datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None, microsecond=0)):
            there = local.replace(tzinfo=self.zone)
            skipped = there.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != local
            if not skipped and there.timestamp() > moment:
                return there.timestamp()
        return None

    def _from(self, start: datetime) -> Iterator[datetime]:
        """Yield the fitting local times from the day of ``start`` on."""
        for year in sorted(year for year in self.years if year >= start.year):
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in sorted(self._days(year, month)):
                    if (year, month, day) < (start.year, start.month, start.day):
                        continue
                    for hour in sorted(self.hours):
                        for minute in sorted(self.minutes):
                            if (local := datetime(year, month, day, hour, minute)) >= start.replace(second=0):
                                yield local

    def _days(self, year: int, month: int) -> set[int]:
        if self.day_of_week == "?":
            return {day for part in self.day_of_month.split(",") for day in _days_of_month(part, year, month)}
        return {day for part in self.day_of_week.split(",") for day in _days_of_week(part, year, month)}


def parse(expression: str, start: float, zone: str = "UTC") -> Schedule:
    """Return what a schedule expression means; ``start`` is when a rate begins, in seconds since the epoch.

    Raises
    ------
    ValueError
        It is no schedule expression, or there is no such time zone.
    """
    found = re.fullmatch(r"(rate|cron|at)\((.+)\)", expression.strip())
    if not found:
        raise ValueError(f"{expression} is no schedule expression")
    kind, text = found.groups()
    place = ZoneInfo(zone)
    if kind == "rate":
        return _rate(text, start)
    if kind == "at":
        return At(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=place).timestamp())
    return _cron(text, place)


def _rate(text: str, start: float) -> Rate:
    found = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", text)
    if not found or (found[1] == "1") == bool(found[3]):
        raise ValueError(f"rate({text}): a positive number and minute, hour or day, in the plural for more than one")
    return Rate(int(found[1]) * _UNITS[found[2]], start)


def _cron(text: str, zone: ZoneInfo) -> Cron:
    fields = text.upper().split()
    if len(fields) != 6:
        raise ValueError(f"cron({text}) has {len(fields)} fields, not 6")
    minutes, hours, day_of_month, months, day_of_week, years = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError(f"cron({text}): either day-of-month or day-of-week must be ?, and not both")
    for part in day_of_month.split(",") if day_of_week == "?" else day_of_week.split(","):
        list(_days_of_month(part, 2024, 1) if day_of_week == "?" else _days_of_week(part, 2024, 1))
    return Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        day_of_month=day_of_month,
        months=_numbers(months, 1, 12, _MONTHS),
        day_of_week=day_of_week,
        years=_numbers(years, 1970, 2199),
        zone=zone,
    )


def _numbers(field: str, least: int, most: int, names: dict[str, int] = _NO_NAMES) -> frozenset[int]:
    """Return the numbers that a field of lists, ranges and steps means; a range may go over the end (``FRI-MON``)."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = (str(least), "-", str(most)) if span == "*" else span.partition("-")
        low = names.get(first) or int(first)
        high = (names.get(last) or int(last)) if dash else most if slash else low
        every = int(step) if slash else 1
        if not (least <= low <= most and least <= high <= most and every >= 1):
            raise ValueError(f"{part} is not within {least}-{most}")
        length = high - low if low <= high else high - low + most - least + 1
        found |= {(low - least + offset) % (most - least + 1) + least for offset in range(0, length + 1, every)}
    return frozenset(found)


def _days_of_month(part: str, year: int, month: int) -> Iterator[int]:
    last = calendar.monthrange(year, month)[1]
    if part == "L":
        yield last
    elif found := re.fullmatch(r"L-(\d+)", part):
        yield from {last - int(found[1])} & set(range(1, last + 1))
    elif found := re.fullmatch(r"(\d+|L)W", part):
        day = last if found[1] == "L" else int(found[1])
        if day <= last:
            yield _nearest_weekday(datetime(year, month, day), last)
    else:
        yield from (day for day in _numbers(part, 1, 31) if day <= last)


def _nearest_weekday(date: datetime, last: int) -> int:
    """Return the weekday nearest to ``date`` within its month."""
    if date.weekday() == 5:
        return date.day - 1 if date.day > 1 else 3
    if date.weekday() == 6:
        return date.day + 1 if date.day < last else date.day - 2
    return date.day


def _days_of_week(part: str, year: int, month: int) -> Iterator[int]:
    last = calendar.monthrange(year, month)[1]
    if found := re.fullmatch(r"(\w+)#([1-5])", part):
        (weekday,) = _numbers(found[1], 1, 7, _DAYS)
        yield from _weekdays(weekday, year, month, last)[int(found[2]) - 1 : int(found[2])]
    elif found := re.fullmatch(r"([1-7]|[A-Z]{3})L", part):
        (weekday,) = _numbers(found[1], 1, 7, _DAYS)
        yield _weekdays(weekday, year, month, last)[-1]
    else:
        wanted = {_SATURDAY} if part == "L" else _numbers(part, 1, 7, _DAYS)
        for weekday in wanted:
            yield from _weekdays(weekday, year, month, last)


def _weekdays(weekday: int, year: int, month: int, last: int) -> list[int]:
    """Return the days of a month that are ``weekday``, where Sunday is 1."""
    first = datetime(year, month, 1)
    offset = (weekday - 1 - (first + timedelta(days=1)).weekday()) % 7
    return list(range(1 + offset, last + 1, 7))
