"""How people name what is on the Hub."""

import pytest

from phichat.models.hub_address import HubAddress, parse_hub_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("owner/repo", HubAddress("owner/repo")),
        (" owner/repo-GGUF ", HubAddress("owner/repo-GGUF")),
        ("owner/repo:file.gguf", HubAddress("owner/repo", "file.gguf")),
        ("owner/repo:deep/er/file.gguf", HubAddress("owner/repo", "deep/er/file.gguf")),
        ("https://huggingface.co/owner/repo", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo/", HubAddress("owner/repo")),
        ("huggingface.co/owner/repo", HubAddress("owner/repo")),
        ("https://hf.co/owner/repo/tree/main", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo?show_file_info=x.gguf", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo/blob/main/a%20b.gguf", HubAddress("owner/repo", "a b.gguf")),
        ("https://huggingface.co/owner/repo/resolve/main/d/x.gguf?download=true", HubAddress("owner/repo", "d/x.gguf")),
        ("https://huggingface.co/owner/repo/resolve/v1.0/x.gguf", HubAddress("owner/repo", "x.gguf", "v1.0")),
        (
            "https://huggingface.co/owner/repo/blob/refs%2Fpr%2F1/d/x.gguf",
            HubAddress("owner/repo", "d/x.gguf", "refs/pr/1"),
        ),
        ("https://huggingface.co/owner/repo/tree/v1.0/deep", HubAddress("owner/repo", "", "v1.0")),
        ("https://huggingface.co/owner/repo/tree/main/deep", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo/discussions/3", HubAddress("owner/repo")),
    ],
)
def test_what_people_paste_is_understood(text: str, address: HubAddress) -> None:
    assert parse_hub_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "phi-3", "owner/", "/repo", "a/b/c", "owner/re po", "../..", "..:x", "owner/repo:../x.gguf",
        "owner/repo:a//b.gguf", "owner/repo:/etc/x.gguf", "owner/repo:a\nb.gguf", "C:\\models\\x.gguf", "owner/re..po",
        "https://example.org/owner/repo", "https://huggingface.co", "https://huggingface.co/owner", "https://[::1",
        "file:///owner/repo", "ſ/repo", "https://huggingface.co/owner/repo/blob/main/%2E%2E/x.gguf",
        "https://huggingface.co/owner/repo/blob/%1b[31m/x.gguf", "https://huggingface.co/owner%2Frepo/a",
    ],
)  # fmt: skip
def test_anything_else_is_nothing(text: str) -> None:
    assert parse_hub_address(text) is None


def test_a_mirror_has_addresses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example.org/")
    assert parse_hub_address("https://mirror.example.org/owner/repo") == HubAddress("owner/repo")
    assert parse_hub_address("https://huggingface.co/owner/repo") == HubAddress("owner/repo")
