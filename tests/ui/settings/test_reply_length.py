"""A reply may be as long as the context, by slider and by spin box."""

from phichat.ui.settings.panel import SettingsPanel
from tests.ui.conftest import Person


def test_slider_and_spin_box_go_up_to_the_context(person: Person) -> None:
    slider, spin = person.find("maxTokensSlider"), person.find("maxTokensSpin")
    assert spin.maximum() == 4096
    person.find("contextSpin").setValue(131_072)
    person.wait(lambda: spin.maximum() == 131_072)
    slider.setValue(slider.maximum())
    assert spin.value() == 131_072
    spin.setValue(5000)
    assert slider.value() + 1 == 5000
    panel = person.find("settingsPanel")
    assert isinstance(panel, SettingsPanel)
    assert panel.sampling.max_tokens == 5000
    person.find("contextSpin").setValue(2048)
    person.wait(lambda: spin.maximum() == 5000)
    assert spin.value() == 5000, "what was chosen stays"
