"""How long it will be until the first word: what is still to be read, by how fast it was read here."""

from phichat.i18n import tr

A_CHARACTER = 0.3  # tokens; English takes a quarter of one, other languages more
TELLING = 32  # tokens that must have been read before their speed says something
NEWER = 0.4  # the weight of the latest measurement
WORTH_SAYING = 1.0  # seconds


class TimeEstimate:
    """Hears how prompts fit and are read, and says how long the rest will take."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._tokens = self._kept = self._length = 0

    def model_loaded(self, rate: float) -> None:
        """A model that reads so many tokens a second was loaded; 0 if that is not known."""
        self._rate = rate
        self.reset()

    def reset(self) -> None:
        """Another conversation: nothing is known of it yet."""
        self._tokens = self._kept = self._length = 0

    def prompt_fitted(self, tokens: int, kept: int, length: int) -> None:
        """With a draft of that `length` in characters the prompt has so many tokens, of which some are `kept`."""
        self._tokens, self._kept, self._length = tokens, kept, length

    def tokens_read(self, tokens: int) -> None:
        """So many of them have been read, what was kept included."""
        self._kept = max(self._kept, tokens)

    def record_speed(self, tokens: int, seconds: float) -> None:
        """So many tokens were read in that time."""
        if tokens >= TELLING and seconds > 0:
            rate = tokens / seconds
            self._rate += NEWER * (rate - self._rate) if self._rate else rate

    def seconds(self, length: int) -> float:
        """Until the first word, if a draft of that `length` were sent now; 0 where nothing is known."""
        if not self._rate or not self._tokens:
            return 0.0
        added = A_CHARACTER * max(length - self._length, 0)
        return max(self._tokens + added - self._kept, 0.0) / self._rate


def estimate_text(seconds: float) -> str:
    """That forecast in words; empty where it is not worth a word."""
    if seconds < WORTH_SAYING:
        return ""
    if seconds > 50:
        return tr("about {minutes} min to the first word").format(minutes=max(round(seconds / 60), 1))
    return tr("about {seconds} s to the first word").format(seconds=_rounded(seconds))


def _rounded(seconds: float) -> int:
    """In steps that do not flicker: 1, 2, … 10, 15, 20, 30, 40, 50."""
    step = 1 if seconds < 10 else 5 if seconds < 20 else 10
    return max(round(seconds / step), 1) * step
