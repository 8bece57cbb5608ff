"""OPA, where OPA_URL names one: its word counts like a rule's, and its silence like a no."""

import json
import time
from typing import Any

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from approvals.policy.finding import Said
from approvals.policy.rules import LONGEST, ONLY_ASK, Rule, Unfit, value
from orchestrator.contract import ALLOW, ASK, DENY

SECONDS = 2.0  # for all of it
LIMITS = httpx.Timeout(SECONDS / 2, connect=SECONDS / 4)  # for each step
PLAIN = {"Accept-Encoding": "identity"}
ANSWER_BYTES = 64 * 1024
NAMED = "opa"


class Silent(Exception):
    """OPA did not say anything that could be used; the message says why."""


def is_used() -> bool:
    return bool(settings.OPA_URL)


def ask(variables: dict[str, Any]) -> tuple[Rule, Said]:
    """Its decision, as a rule that matched. Raises Silent."""
    result = _result(variables)
    rule = _rule(result)
    return rule, Said(rule.name, rule.then, True, rule.reason, rule.source, asks=rule.asks)


def _result(variables: dict[str, Any]) -> dict[str, Any]:
    answer = _posted({"input": variables})
    if not isinstance(answer, dict) or "result" not in answer:
        raise Silent(_("OPA has no decision at %(path)s.") % {"path": settings.OPA_PATH})
    result = answer["result"]
    if not isinstance(result, dict) or result.get("verdict") not in (DENY, ASK, ALLOW):
        raise Silent(_("OPA's verdict is none of deny, ask, allow."))
    return result


def _posted(body: dict[str, Any]) -> Any:
    address = f"{settings.OPA_URL.rstrip('/')}/v1/data/{settings.OPA_PATH.strip('/')}"
    until = time.monotonic() + SECONDS
    text = b""
    try:
        with httpx.stream("POST", address, json=body, headers=PLAIN, timeout=LIMITS) as response:
            if response.status_code != 200:
                said = {"status": response.status_code}
                raise Silent(_("OPA answered with %(status)d.") % said)
            for piece in response.iter_raw(4096):
                text += piece
                if time.monotonic() > until or len(text) > ANSWER_BYTES:
                    raise Silent(_("OPA's answer is too long, or came too slowly."))
        return json.loads(text)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Silent(_("OPA did not answer.")) from error
    except (ValueError, RecursionError) as error:
        raise Silent(_("OPA's answer is not JSON.")) from error


def _rule(result: dict[str, Any]) -> Rule:
    """Raises Silent for what the desk does not understand: it might have been stricter."""
    known = {"verdict", "rule", "reason", *ONLY_ASK}
    if unknown := sorted(str(each)[:40] for each in result.keys() - known):
        raise Silent(_("OPA's answer has unknown fields: %s.") % ", ".join(unknown))
    given = {name: each for name, each in result.items() if each is not None}
    source = f"{NAMED}:{settings.OPA_PATH}"
    try:
        asked = {name: value(name, _as_written(given[name])) for name in ONLY_ASK if name in given}
    except Unfit as error:
        raise Silent(_("OPA's answer cannot be used: %s") % error) from error
    reason = str(given.get("reason", ""))[: LONGEST["reason"]]
    name = f"{NAMED}:{given['rule']}"[:100] if given.get("rule") else NAMED
    return Rule(name=name, then=result["verdict"], reason=reason, source=source, **asked)


def _as_written(given: Any) -> Any:
    """Numbers as YAML has them: text."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given
