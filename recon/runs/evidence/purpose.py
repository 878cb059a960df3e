"""What a signature over a folder is for."""

from __future__ import annotations

from recon.errors import EvidenceError
from recon.rollback.approval import SigningPurpose

NAMESPACE = "recon-evidence"
APPROVAL = SigningPurpose(
    namespace=NAMESPACE,
    thing="result",
    signed="this statement",
    maker="produced",
    sign_again="Have another person look at the folder and sign it: recon evidence sign FOLDER --key FILE --by NAME",
    make_again="Run again under an account that has a name",
    error=EvidenceError,
)
