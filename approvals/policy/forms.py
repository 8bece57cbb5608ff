"""What administrators type about policy: a draft as YAML, and how far to simulate it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from approvals.models.policy import NOTE_LENGTH, PolicyVersion
from approvals.policy.differences import Change, changes
from approvals.policy.draft import Draft
from approvals.policy.simulator import MOST
from approvals.policy.table import Table
from approvals.policy.written import LONGEST

MOST_FAULTS = 50
YAML = forms.Textarea(attrs={"class": "mono", "rows": 20, "spellcheck": "false"})


class DraftForm(forms.Form):
    """A table of rules. `seen` names the difference that was looked at before saving."""

    text = forms.CharField(
        label=_("Rules"),
        max_length=LONGEST,
        strip=False,
        widget=YAML,
        help_text=_("YAML: a list of rules under “rules:”. Nothing is saved while you check it."),
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=NOTE_LENGTH,
        required=False,
        help_text=_("Why you change it, for those who come later."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    draft = Draft()

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        self.draft = Draft.read(text)
        if self.draft.faults:
            raise ValidationError([str(each) for each in self.draft.faults[:MOST_FAULTS]])
        return text

    def changes(self, now: Table) -> list[Change]:
        return changes(now.rules, self.draft.rules)

    def difference(self, now: Table) -> str:
        """A name for the difference between the draft and what is in force."""
        return f"{now.number}:{self.draft.table.sha256}"

    def save(self, now: Table, by: Any) -> PolicyVersion:
        """Raises Superseded."""
        return PolicyVersion.make(
            self.draft.table.stored,
            after=now.number,
            by=by,
            note=self.cleaned_data["note"],
            changes=[str(each) for each in self.changes(now)],
        )


class SimulatorForm(forms.Form):
    """A draft, and how many of the last requests it is tried on."""

    text = DraftForm.base_fields["text"]
    last = forms.IntegerField(
        label=_("Requests"),
        min_value=1,
        max_value=MOST,
        initial=MOST,
        required=False,
        help_text=_("The newest ones; %(most)d at most.") % {"most": MOST},
    )

    draft = Draft()
    clean_text = DraftForm.clean_text

    def clean_last(self) -> int:
        return self.cleaned_data["last"] or MOST
