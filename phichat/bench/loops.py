"""llama.cpp without the app: a plain loop with the app's settings, and llama-cpp-python with its defaults.

echo '{"what": "same", …}' | python -m phichat.bench.loops
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import llama_cpp

from phichat.bench.runs import Clock, Figures, is_enough, print_figures
from phichat.chat.sampling import Sampling
from phichat.engine.base import EngineSettings
from phichat.engine.llama.bindings import lib
from phichat.engine.llama.context import GGML_TYPES, start_library
from phichat.engine.llama.sampler import plain_chain


def measure(order: dict[str, Any]) -> Figures:
    """Decode `tokens`, then generate `count` more, for `seconds` at most."""
    loops: dict[str, Callable[[dict[str, Any]], Clock]] = {"same": _same, "bare": _bare}
    return loops[order["what"]](order).figures(len(order["tokens"]))


def _same(order: dict[str, Any]) -> Clock:
    """Run a plain loop with the app's settings and llama.cpp's own samplers."""
    settings, sampling = EngineSettings(**order["settings"]), Sampling(**order["sampling"])
    start_library(settings.variant)
    model, context = _loaded(order["model"], settings)
    for warm_up in ([0] * 4, [0]):
        _decode(context, warm_up)
    lib.llama_memory_clear(lib.llama_get_memory(context), True)
    asked, tokens, ticks = time.perf_counter(), order["tokens"], []
    for start in range(0, len(tokens), settings.batch):
        _decode(context, tokens[start : start + settings.batch])
    chain = plain_chain(sampling, sampling.seed or 0, lib.llama_model_get_vocab(model))
    while True:
        token = lib.llama_sampler_sample(chain, context, -1)
        ticks.append(time.perf_counter())
        if is_enough(ticks, order):
            return Clock(asked, ticks)
        _decode(context, [token])


def _loaded(path: str, settings: EngineSettings) -> tuple[Any, Any]:
    parameters = lib.llama_model_default_params()
    parameters.n_gpu_layers = settings.gpu_layers
    parameters.use_extra_bufts = settings.repacking
    model = lib.llama_model_load_from_file(path.encode(), parameters)
    wanted = lib.llama_context_default_params()
    wanted.n_ctx = settings.context
    wanted.n_batch = wanted.n_ubatch = settings.batch
    wanted.n_threads = wanted.n_threads_batch = settings.threads
    wanted.flash_attn_type = int(settings.flash_attention)
    wanted.type_k, wanted.type_v = GGML_TYPES[settings.cache_type]
    return model, lib.llama_init_from_model(model, wanted)


def _decode(context: Any, tokens: list[int]) -> None:
    array = (lib.llama_token * len(tokens))(*tokens)
    if lib.llama_decode(context, lib.llama_batch_get_one(array, len(tokens))):
        sys.exit("llama_decode failed")


def _bare(order: dict[str, Any]) -> Clock:
    """Run llama-cpp-python with its defaults and a context that the prompt fits into."""
    start_library(order["settings"]["variant"])  # llama-cpp-python loads no variant by itself
    llama = llama_cpp.Llama(order["model"], n_ctx=order["settings"]["context"], verbose=False)
    llama.eval([0] * 4)
    llama.reset()  # type: ignore[no-untyped-call]
    asked, ticks = time.perf_counter(), []
    for _ in llama.generate(order["tokens"]):
        ticks.append(time.perf_counter())
        if is_enough(ticks, order):
            break
    return Clock(asked, ticks)


if __name__ == "__main__":
    print_figures(measure)
