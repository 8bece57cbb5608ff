"""What requests are about in money, where their payloads say it in a way that cannot be misread."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

# "€1,140.00", "EUR 48200.00", "89.00 USD", "312.4". Anything else could be read in two ways.
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d+(?:\.\d{1,2})?"
AMOUNT = re.compile(
    rf"(?P<before>[A-Z]{{3}}|[€$£¥])?\s?(?P<number>{NUMBER})\s?(?P<after>[A-Z]{{3}}|[€$£¥])?"
)
CURRENCY = re.compile(r"[A-Z]{3}|[€$£¥]")
Amount = tuple[Decimal, str]


def amount(payload: Any) -> Amount | None:
    """(number, currency) of the field `amount`, beside a field `currency` where it names none."""
    if not isinstance(payload, dict):
        return None
    value = payload.get("amount")
    found = AMOUNT.fullmatch(str(value).strip()) if isinstance(value, str | int | float) else None
    if found is None or isinstance(value, bool):
        return None
    named = {found["before"], found["after"], payload.get("currency")} - {None, ""}
    if len(named) != 1:
        return None
    currency = str(named.pop())
    if not CURRENCY.fullmatch(currency):
        return None
    return Decimal(found["number"].replace(",", "")), currency


def total(payloads: Iterable[Any]) -> str:
    """The sum in words, where every payload has an amount and all are of one currency; else ""."""
    found = [amount(each) for each in payloads]
    currencies = {each[1] for each in found if each}
    if None in found or len(currencies) != 1:
        return ""
    number = f"{sum((each[0] for each in found if each), Decimal(0)):,.2f}"
    currency = currencies.pop()
    return f"{number} {currency}" if len(currency) > 1 else f"{currency}{number}"
