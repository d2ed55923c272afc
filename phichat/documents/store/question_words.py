"""The words that questions are made of, in several languages: they say how something is asked, not about what."""

from phichat.documents.store.words import words_of

ASKING = frozenset(
    """
    a about am an and any are be can could did do does for from had has have how i if in is it me my of on or should
    tell that the there this to was were what when where which who why will with would you your
    a au aux avec ce ces cette combien comment d dans de des du elle en est et il j je l la le les ma me mes mon n on ou
    par peut peux pour pourquoi puis qu quand que quel quelle quelles quels qui quoi s sa se ses son sont sur un une y
    auf bei bin das dem den der des die ein eine einen einer er es fur hat ich im in ist kann man mein meine mit muss
    sind um und von vor wann war warum was welche welchem welchen welcher welches wer wie wird wo womit zu zum zur
    al como con cual cuando de del donde el en es la las los mi por que quien se un una y
    che chi come con cosa da di dove e gli i il la le lo mi non per quale quando si un una
    """.split()  # noqa: SIM905 - a list of strings would take a page
)
"""Folded: whether a passage has them says nothing."""


def subject_of(question: str) -> str:
    """Return `question` without the words that only ask; all of it if it has no others."""
    telling = (word for word in question.replace("?", " ").split() if not ASKING.issuperset(words_of(word)))
    return " ".join(telling) or question
