"""No personal data in what is trained on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wildgraph.gates.verdicts import failed, passed
from wildgraph.masking import mask
from wildgraph.records import Pair, Verdict

#: Addresses that are nobody's: reserved for documentation (RFC 2606, 5737, 3849), private networks, fictitious telephone numbers.
_NOBODYS = re.compile(
    r"[\w.%+-]+@(?:[\w-]+\.)*(?:example\.(?:com|org|net|edu)|[\w-]+\.(?:example|test|invalid|localhost))\b"
    r"|\b(?:10|127)(?:\.\d{1,3}){3}\b|\b192\.168(?:\.\d{1,3}){2}\b|\b172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}\b"
    r"|\b(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}\b|\b0\.0\.0\.0\b|\b2001:db8:[0-9a-f:]*"
    r"|(?:(?:\+?1[ .-]?)?\(?\b\d{3}\)?[ .-])?\b555[ .-]01\d\d\b",
    re.IGNORECASE,
)


class PersonalDataGate(BaseModel):
    """No instruction and no answer gives away what identifies or reaches a person, wherever it comes from. [ours].

    What :mod:`wildgraph.masking` finds by its form: e-mail addresses, telephone, card, account and social security numbers, keys, credentials,
    network addresses, account names. It counts also when it stands in a document: a document that is public does not make its contact data
    worth repeating. Names are no secrets: a document's people are what questions are about. Addresses reserved for examples are nobody's.

    Attributes:
        kinds: which kinds count, by the masker's names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str] = "personal_data"

    kinds: tuple[str, ...] = ("EMAIL", "PHONE", "CARD", "IBAN", "SSN", "KEY", "CREDENTIALS", "IP", "MAC", "USER")

    def judge(self, pair: Pair, texts: Mapping[str, str]) -> Verdict:
        """Fails with ``personal_data``; the detail names kinds, never what was found."""
        for turn in pair.turns:
            counts = mask(_NOBODYS.sub("nobody", turn.content)).counts
            found = [f"{kind} {counts[kind]}" for kind in self.kinds if counts.get(kind)]
            if found:
                return failed(self.name, "personal_data", f"{turn.role} turn: {', '.join(found)}")
        return passed(self.name)
