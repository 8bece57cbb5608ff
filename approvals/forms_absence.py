"""The form of an absence: from when to when, who decides meanwhile, and where."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from approvals.models import Delegation, Queue
from approvals.models.people import name_of, same_person


class Somebody(forms.ModelChoiceField):
    def label_from_instance(self, person: Any) -> str:
        return f"{name_of(person)} ({person.get_username()})"


class AbsenceForm(forms.ModelForm):
    """Of the person who fills it in; times are in their zone."""

    class Meta:
        model = Delegation
        fields = ["starts", "ends", "to", "queues"]
        labels = {
            "starts": _("From"),
            "ends": _("Until"),
            "to": _("Who decides for you"),
            "queues": _("In which queues"),
        }
        help_texts = {
            "to": _("They see what you see in these queues, and their decisions say “on behalf of "
                    "you”. They cannot pass it on, and never decide what they asked for."),
            "queues": _("None chosen: in all of yours."),
        }  # fmt: skip
        field_classes = {"to": Somebody}
        widgets = {
            **dict.fromkeys(
                ("starts", "ends"),
                forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            ),
            "queues": forms.CheckboxSelectMultiple,
        }

    def __init__(self, away: Any, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, instance=Delegation(away=away), **kwargs)
        to: Any = self.fields["to"]
        others = User.objects.filter(is_active=True).exclude(pk__in=same_person(away))
        to.queryset = others.order_by("first_name", "last_name", "username")
        to.empty_label = gettext("Choose somebody")
        queues: Any = self.fields["queues"]
        queues.queryset = Queue.objects.staffed_by(away)
        zone = gettext("In your time zone, %s.") % timezone.get_current_timezone()
        self.fields["starts"].help_text = self.fields["ends"].help_text = zone

    def clean_starts(self) -> Any:
        """Not earlier than now: what was decided before was decided without it."""
        return max(self.cleaned_data["starts"], timezone.now())

    def clean_ends(self) -> Any:
        ends = self.cleaned_data["ends"]
        if ends <= timezone.now():
            raise forms.ValidationError(gettext("This is over already."))
        return ends
