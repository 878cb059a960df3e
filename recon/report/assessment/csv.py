"""An assessment as CSV, in the columns and by the rules of a verification's CSV."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from recon.report.csv import BYTE_ORDER_MARK, HEADER, check_lines, fact
from recon.report.text import timestamp

if TYPE_CHECKING:
    from recon.model import Assessment


def render(assessment: Assessment) -> str:
    """The whole report."""
    text = StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    about = (("Verdict", assessment.verdict), ("Started", timestamp(assessment.started_at)))
    writer.writerows(fact(label, value, kind=assessment.kind) for label, value in about)
    for part in assessment.parts:
        writer.writerows(fact(f"{part.title}: {one.label}", one.value, kind=assessment.kind) for one in part.facts)
        for check in part.checks:
            writer.writerows(check_lines(check))
    writer.writerows(fact("Next step", step, kind=assessment.kind) for step in assessment.next_steps)
    return text.getvalue()
