"""The style sheet that is collected looks like the files that it was made of."""

import pytest
from django.core.files.storage import FileSystemStorage

from orchestrator.storage import ENTRY, bundled, smaller
from tests.desk import a_row
from tests.vendor import STATIC

ONE = "/static/css/one.css"

# What differs once the page links the one file instead, as [element, before, after].
DIFFERENCES = """async one => {
  // What is folded has no size until somebody asks for it.
  document.querySelectorAll("details").forEach(each => { each.open = true; });
  await new Promise(requestAnimationFrame);
  const drawn = [...document.querySelectorAll("*")].flatMap(element =>
    [null, "::before", "::after"]
      .filter(part => !part || getComputedStyle(element, part).content !== "none")
      .map(part => [element, part]));
  const styles = () => drawn.map(([element, part]) => {
    const style = getComputedStyle(element, part);
    return [...style].map(name => {
      const value = style.getPropertyValue(name);
      // Of variables the text is kept as it was written, so its spaces say nothing.
      return `${name}: ${name.startsWith("--") ? value.replace(/\\s/g, "") : value}`;
    });
  });
  const before = styles();
  const link = document.querySelector("link[rel=stylesheet]");
  await new Promise((done, failed) => {
    link.onload = done;
    link.onerror = failed;
    link.href = one;
  });
  const found = [];
  styles().forEach((after, at) => after.forEach((said, n) => {
    const was = before[at][n];
    if (said !== was) found.push([drawn[at][0].outerHTML.slice(0, 80), was, said]);
  }));
  return {looked: drawn.length, found: found.slice(0, 9)};
}"""


@pytest.mark.parametrize(
    "look",
    [
        {"viewport": {"width": 1280, "height": 900}},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
        {"forced_colors": "active"},
        {"media": "print"},
    ],
    ids=["desktop", "phone", "forced colours", "paper"],
)
def test_every_element_is_styled_the_same(opened, people, look):
    media = look.get("media", "screen")
    options = {name: each for name, each in look.items() if name != "media"}
    row = a_row(people, quorum=2, previous={"amount": "100.00"}, details="**Why**")
    page = opened("mei", reduced_motion="reduce", **options).new_page()
    page.emulate_media(media=media)
    sheet = smaller(bundled(FileSystemStorage(STATIC), ENTRY))
    page.route(f"**{ONE}", lambda route: route.fulfill(body=sheet, content_type="text/css"))
    for path in (f"/inbox/{row.pk}/", f"/approvals/{row.pk}/", "/history/"):
        page.goto(path)
        page.wait_for_function("() => document.fonts.status === 'loaded'")
        told = page.evaluate(DIFFERENCES, ONE)
        assert told["looked"] > 200
        assert told["found"] == []
