"""What Ollama and LM Studio answer beside the chat itself, as they do, for a ChatServer."""

from typing import Any

from tests.support.servers.chat import ChatServer

OLLAMA_MODELS = ("qwen3:8b", "nomic-embed-text:latest")
LM_STUDIO_MODELS = ("qwen3-8b", "gemma-3-12b", "text-embedding-nomic")


def as_ollama(server: ChatServer, context: int = 16_384) -> ChatServer:
    """Have it answer as Ollama, with a model in memory and one for embeddings."""
    server.owner, server.models = "library", [{"id": name, "object": "model"} for name in OLLAMA_MODELS]
    details = {"parent_model": "", "format": "gguf", "family": "qwen3", "parameter_size": "8B"}
    entries = [
        {"name": name, "model": name, "size": 5_200_000_000, "digest": "5" * 64, "details": details}
        for name in OLLAMA_MODELS
    ]
    loaded = {**entries[0], "size_vram": 5_200_000_000, "context_length": context, "expires_at": "2026-11-30T12:00:00Z"}
    server.pages = {
        "/api/version": {"version": "0.40.1"},
        "/api/tags": {"models": entries},
        "/api/ps": {"models": [loaded]},
        "/api/show": {
            "parameters": "temperature                    0.6\nnum_ctx                        9000",
            "template": "{{ .Prompt }}",
            "details": details,
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40_960},
            "capabilities": ["completion", "thinking"],
        },
    }
    return server


def as_lm_studio(server: ChatServer) -> ChatServer:
    """Have it answer as LM Studio, with one model that is loaded. It answers every address with status 200."""
    server.owner, server.models = "organization_owner", [{"id": name, "object": "model"} for name in LM_STUDIO_MODELS]
    chat, other, embedding = LM_STUDIO_MODELS
    entries: list[dict[str, Any]] = [
        {"id": chat, "type": "llm", "state": "loaded", "loaded_context_length": 8192, "max_context_length": 40_960},
        {"id": other, "type": "vlm", "state": "not-loaded", "max_context_length": 131_072},
        {"id": embedding, "type": "embeddings", "state": "not-loaded", "max_context_length": 2048},
    ]
    strange = ("/props", "/version", "/api/version", "/tokenize", "/chat/completions/input_tokens")
    server.pages = {
        "/api/v0/models": {"object": "list", "data": entries},
        **{f"/api/v0/models/{each['id']}": {"object": "model", **each} for each in entries},
        **{page: {"error": f"Unexpected endpoint or method. (GET {page})"} for page in strange},
    }
    return server
