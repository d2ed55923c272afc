"""Citations in a terminal: printed as the answer grows, they stand where they would after its end."""

import random

import pytest

from phichat.chat.sources import Source
from phichat.cli.cited_text import CitedText
from phichat.documents.citations import cite

PASSAGES = [
    Source("owls.md", "The tawny owl broods for thirty days, see page 12. It hunts voles in old forests."),
    Source("lease.txt", "Rent is due on the third of each month. Pets are allowed; dogs need a collar."),
]
ANSWER = r"""The tawny owl broods for thirty days (p. 12). Cats purr, i.e. they hum loudly! It hunts
voles in old forests. “Rent is due on the third of each month.” Is that so?

1. Pets are allowed
2. Dogs need a collar…
   it is said

| owl | broods thirty days |
| --- | --- |
| tawny | hunts voles in old forests. |

Type `dogs collar . Pets need` for dogs. It costs $5. Then \(hunts voles . old\) it hunts voles in old forests.
$$
hunts voles in old forests .
= hunts voles
$$

```
Rent is due on the third. Pets are allowed.
```
Und Hunde brauchen dogs collar. 猫头鹰。Pets are allowed
"""


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_pieces_the_numbers_stand_where_they_belong(seed: int) -> None:
    rng = random.Random(seed)
    cited, printed, at = CitedText(PASSAGES), "", 0
    while at < len(ANSWER):
        size = rng.choice((1, 1, 2, 3, 8, 40))
        printed += cited.add(ANSWER[at : at + size])
        at += size
    assert printed + cited.end() == cite(ANSWER, PASSAGES).text


def test_no_more_than_a_word_is_held_back() -> None:
    cited = CitedText(PASSAGES)
    for at in range(len(ANSWER)):
        cited.add(ANSWER[at])
        held = ANSWER[cited.shown : at + 1]
        assert len(held.split()) <= 1
    for held in ("第一段。\n第二段很长没有空格", "Und:\nhttps://example.org/a/long/address"):
        cited = CitedText(PASSAGES)
        assert len(held) - len("".join(cited.add(letter) for letter in held)) <= 4
