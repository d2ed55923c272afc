"""An estimate of the time to the first word: what is still to be read and thought, by the measured speeds."""

from phichat.chat.sampling import UNLIMITED
from phichat.i18n import tr

A_CHARACTER = 0.3  # tokens; English needs a quarter, other languages more
TELLING = 32  # tokens; the speed over fewer is not representative
NEWER = 0.4  # the weight of the latest measurement
WORTH_SAYING = 1.0  # seconds; less is not shown


class TimeEstimate:
    """Estimates from what is reported about prompts and the speed of reading them."""

    def __init__(self) -> None:
        self._rate = self._writing = self._thought = 0.0
        self._tokens = self._kept = self._length = 0

    def model_loaded(self, rate: float) -> None:
        """Start anew for a model that reads `rate` tokens a second; 0 if that is unknown."""
        self._rate = rate
        self._writing = self._thought = 0.0
        self.reset()

    def reset(self) -> None:
        """Forget the prompt, as another conversation is shown."""
        self._tokens = self._kept = self._length = 0

    def prompt_fitted(self, tokens: int, kept: int, length: int) -> None:
        """Note that a prompt with a draft of `length` characters has `tokens`, of which `kept` are in the KV cache."""
        self._tokens, self._kept, self._length = tokens, kept, length

    def tokens_read(self, tokens: int) -> None:
        """Note that the first `tokens` of the prompt are in the KV cache by now."""
        self._kept = max(self._kept, tokens)

    def record_speed(self, tokens: int, seconds: float) -> None:
        """Note how long it took to read `tokens`."""
        if tokens >= TELLING and seconds > 0:
            rate = tokens / seconds
            self._rate += NEWER * (rate - self._rate) if self._rate else rate

    def record_writing(self, rate: float, thought: int) -> None:
        """Note with how many tokens a second a reply was written, and how many of them were thinking."""
        if rate > 0:
            self._writing += NEWER * (rate - self._writing) if self._writing else rate
        if thought:
            self._thought += NEWER * (thought - self._thought) if self._thought else thought

    def seconds(self, length: int, budget: int = 0) -> float:
        """Return the time to the first word if a draft of `length` characters were sent now; 0 if unknown.

        Before it, up to `budget` tokens are thought; if that is UNLIMITED, as many as usual.
        """
        if not self._rate or not self._tokens:
            return 0.0
        added = A_CHARACTER * max(length - self._length, 0)
        thought = self._thought if budget == UNLIMITED else budget
        thinking = thought / self._writing if self._writing else 0.0
        return max(self._tokens + added - self._kept, 0.0) / self._rate + thinking


def estimate_text(seconds: float) -> str:
    """Return an estimate in words; empty below WORTH_SAYING."""
    if seconds < WORTH_SAYING:
        return ""
    if seconds > 50:
        return tr("about {minutes} min until the first word").format(minutes=max(round(seconds / 60), 1))
    step = 1 if seconds < 10 else 5 if seconds < 20 else 10  # coarse, so that the text does not flicker
    return tr("about {seconds} s until the first word").format(seconds=max(round(seconds / step), 1) * step)
