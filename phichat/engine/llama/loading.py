"""What is known of a model before it is loaded: whether it can be, with which settings, and what its states are of."""

from dataclasses import replace

from phichat import gguf
from phichat.engine.base import EngineSettings, Loaded
from phichat.engine.hardware import EXACT, available_memory, choose_cache_type, memory_needed, needs_flash
from phichat.engine.llama import hardware
from phichat.engine.prompt_cache import fingerprint, make_key


def fit_settings(head: gguf.Head, settings: EngineSettings) -> EngineSettings:
    """Return `settings` as the model and the memory allow."""
    context = min(settings.context, head.context or settings.context)
    layers = hardware.gpu_layers(head, context) if settings.gpu_layers < 0 else settings.gpu_layers
    kind = settings.cache_type if settings.cache_type != EXACT else choose_cache_type(head, context)
    flash = settings.flash_attention or layers != 0 or needs_flash(head, context, settings.batch, kind)
    repacking = settings.repacking and memory_needed(head, context, repacking=True) <= available_memory()
    settings = replace(settings, context=context, cache_type=kind, repacking=repacking)
    return replace(settings, gpu_layers=layers, flash_attention=flash)


def names(head: gguf.Head) -> str:
    """Return what the makers call the model."""
    return " ".join(str(head.metadata.get(f"general.{key}", "")) for key in ("name", "basename", "finetune"))


def cache_key(loaded: Loaded) -> str:
    """Return a hash of all that the KV cache depends on, which threads and step sizes are no part of."""
    ignored = {"threads", "batch", "looks_up", "follows_load", "step_prices", "variant"}  # the last is in `machine`
    settings = {name: value for name, value in loaded.settings.as_json().items() if name not in ignored}
    return make_key(model=fingerprint(loaded.model.path), settings=settings, library=loaded.library, machine=loaded.cpu)


def loads_for_ever(head: gguf.Head) -> bool:
    """Return whether llama.cpp would rotate no dimensions of each head without end."""
    kind = head.architecture
    is_hybrid = f"{kind}.ssm.state_size" in head.metadata  # which may do without any
    keys = (f"{kind}.rope.{name}" for name in ("dimension_count", "dimension_count_swa"))
    return not is_hybrid and any(head.metadata.get(key) == 0 for key in keys)
