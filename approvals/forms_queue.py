"""The form of a queue: every rule, in the words of who has to decide about it."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approvals.form_fields import Days, Length, Lines, Rows
from approvals.forms import _zones
from approvals.models.change import GROUPS, NAMED, PEOPLE, PLAIN, plain, rules_of
from approvals.models.people import name_of
from approvals.models.queue import Queue
from approvals.models.queue_rules import Rules
from approvals.queue_words import LABELS, MEANS
from orchestrator.contract import SLUG

SECTIONS = (
    (_("What it is"), ("name", "slug", "description")),
    (_("Who"), ("groups", "reviewers", "viewer_groups", "viewers")),
    (_("How many"), ("quorum", "required_groups", "reject_quorum", "unverified_costs_one_more")),
    (_("What people may answer"), (
        "offers_changes", "comment_to_approve", "answers", "quick_reasons",
    )),
    (_("By when"), (
        "due_seconds", "on_timeout", "escalations", "silence_words", "remind_before_seconds",
        "remind_every_seconds", "work_days", "work_starts", "work_ends", "time_zone",
    )),
    (_("How carefully"), (
        "undo_seconds", "confirm_risk", "password_risk", "bulk_limit", "most_a_minute",
    )),
)  # fmt: skip
HELP = {
    "slug": _("What workflows name it by, such as payments. It stays once requests have come."),
    "description": _("One line, for who chooses a queue."),
    "groups": _("Everybody in them may decide. Who asks for something never decides it."),
    "reviewers": _("People who decide without being in one of the groups."),
    "viewer_groups": _("They see everything here, and decide nothing."),
    "viewers": _("They see everything here, and decide nothing."),
    "quorum": _("A request may ask for more approvals, never for fewer."),
    "required_groups": _(
        "One of Finance and one of Security, say: each must be represented among who approves, "
        "and nobody stands for two of them."
    ),
    "reject_quorum": _("1: every rejection is a veto. More need a deadline, so that it ends."),
    "unverified_costs_one_more": _(
        "Where a workflow only claims who asks, and the desk has not seen them."
    ),
    "offers_changes": _("It ends the request, and says what to do otherwise."),
    "answers": _(
        "Beside a plain yes and no. The workflow is told the name. Approvals with different "
        "answers do not add up. Empty a row to remove it; save and come back for more rows."
    ),
    "quick_reasons": _(
        "One a line, at most six; a click writes it into the reason of a rejection. Empty: the "
        "usual ones."
    ),
    "due_seconds": _(
        "The longest time to decide; a request may ask for less. Empty: no deadline. With working "
        "hours only working time counts, so 8 hours may be a day."
    ),
    "on_timeout": _("What becomes of a request when its time is over."),
    "escalations": _(
        "In this order, each group for so long; whoever could decide before still can. It needs "
        "“Ask the next group” above. Empty a row to remove it."
    ),
    "silence_words": _(
        "Only for “Approve”: then what is asked for HAPPENS although nobody looked at it. Write "
        "why that is right here; every approval that comes of it says so."
    ),
    "remind_before_seconds": _("Empty: none."),
    "remind_every_seconds": _("At most ten of them. Empty: none."),
    "work_days": _("None: time runs day and night. Deadlines count only working time."),
    "time_zone": _("In which the working hours are meant."),
    "undo_seconds": _("How long a decision is held before it takes effect; 0: not at all."),
    "confirm_risk": _("Who approves is shown once more what they approve."),
    "password_risk": _("Who approves proves once more who they are."),
    "bulk_limit": _("In one go, at most 50; 0: each for itself."),
    "most_a_minute": _("More by one person need the password, and leave an audit entry."),
}
ANSWER = {
    "name": forms.RegexField(
        SLUG, label=_("Name"), error_messages={"invalid": _("A name is a slug: half-of-it.")}
    ),
    "label": forms.CharField(label=_("Label"), max_length=60),
    "means": forms.ChoiceField(label=_("Meaning"), choices=[("", "–"), *MEANS.items()]),
}
STEP = {
    "group": forms.ModelChoiceField(
        Group.objects.order_by("name"), label=_("Group"), empty_label="–"
    ),
    "time": Length(label=_("Time")),
}


class Person(forms.ModelMultipleChoiceField):
    def label_from_instance(self, person: Any) -> str:
        return f"{name_of(person)} ({person.get_username()})"


class QueueForm(forms.ModelForm):
    """Read strictly, and never saved by itself: `rules()` are what a Change makes of it."""

    due_seconds = Length(required=False)
    remind_before_seconds = Length(required=False)
    remind_every_seconds = Length(required=False)
    work_days = Days(required=False)
    time_zone = forms.ChoiceField()
    answers = Rows(ANSWER)
    quick_reasons = Lines(required=False)
    escalations = Rows(STEP)

    class Meta:
        model = Queue
        fields = [*PLAIN, *PEOPLE, *GROUPS]
        field_classes = {"reviewers": Person, "viewers": Person}
        widgets = {
            **dict.fromkeys((*PEOPLE, *GROUPS), forms.CheckboxSelectMultiple),
            **dict.fromkeys(
                ("work_starts", "work_ends"), forms.TimeInput({"type": "time"}, format="%H:%M")
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queue = self.instance
        for name, field in self.fields.items():
            field.label, field.help_text = LABELS[name], HELP.get(name, "")
        zone = self.fields["time_zone"]
        zone.choices = _zone_choices(queue.time_zone)  # type: ignore[attr-defined]
        self.fields["slug"].disabled = bool(queue.pk) and queue.slug_is_fixed
        self.initial["escalations"] = _steps(queue) if queue.pk else []
        self._offer_people()

    def _offer_people(self) -> None:
        """Who may sign in; and who is named already, so that they can be taken out."""
        for name in ("reviewers", "viewers"):
            named = getattr(self.instance, name).values("pk") if self.instance.pk else []
            people = User.objects.filter(is_active=True) | User.objects.filter(pk__in=named)
            field: Any = self.fields[name]
            field.queryset = people.order_by("first_name", "last_name", "username")
        for name in ("groups", "viewer_groups", "required_groups"):
            groups: Any = self.fields[name]
            groups.queryset = Group.objects.order_by("name")

    @property
    def sections(self) -> list[tuple[Any, list[Any]]]:
        return [(title, [self[name] for name in names]) for title, names in SECTIONS]

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if slug == "new":  # the address of this form
            raise forms.ValidationError(gettext("Choose another one; this is taken."))
        return slug

    def rules(self) -> Rules:
        """The rules that a valid form asks for."""
        given = self.cleaned_data
        rules = rules_of(Queue()) | {name: plain(getattr(self.instance, name)) for name in PLAIN}
        for name, model in (PEOPLE | GROUPS).items():
            rules[name] = sorted(getattr(each, NAMED[model]) for each in given[name])
        rules["escalations"] = [[each["group"].name, each["time"]] for each in given["escalations"]]
        return rules


def _steps(queue: Queue) -> list[dict[str, Any]]:
    return [{"group": each.group_id, "time": each.seconds} for each in queue.escalations.all()]


def _zone_choices(current: str) -> list[tuple[str, Any]]:
    """Those of the profile, without "as the browser says"; and the one that is set."""
    _unset, *rest = _zones()
    named = {name for _region, places in rest[1:] for name, _place in places} | {"UTC"}
    return rest if current in named else [(current, current), *rest]
