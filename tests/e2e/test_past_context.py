"""A conversation that outgrows its model's context: the window, the model's process, and back."""

from phichat.engine.base import Done, PromptReady
from phichat.ui.controllers.generation import GenerationState
from tests.ui.chat.test_context_marker import line
from tests.ui.conftest import Person


def test_it_goes_on_with_what_is_pinned_and_the_newest_turns(with_small_context: Person) -> None:
    person = with_small_context
    prompts: list[PromptReady] = []
    done: list[Done] = []
    person.window.generation.prompt_made.connect(prompts.append)
    person.window.generation.measured.connect(done.append)
    while len(done) < 12:
        person.ask(f"Number {len(done)}")
        person.wait_for(GenerationState.IDLE)
        if len(done) == 1:
            person.choose_in(0, "Pin")
    first = line(person)
    assert first.startswith("Number ")
    assert prompts[-1].text.startswith(f"<s><|user|> Number 0<|end|><|user|> {first}<|end|>")
    before = int(first.removeprefix("Number ")) - 1
    assert f"Number {before}<" not in prompts[-1].text
    assert done[-1].prompt_tokens - done[-1].cached_tokens < 12, "what was said before is not read again"
    assert person.find("pinMark").isVisible()
