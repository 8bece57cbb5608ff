"""Drawing a whole page or, for htmx, the part of it that changes."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def page(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """`template`, or its partial `part` where htmx asks."""
    name = f"{template}#{part}" if request.htmx else template  # type: ignore[attr-defined]
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
