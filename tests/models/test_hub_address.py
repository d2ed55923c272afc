"""How people name what is on the Hub."""

import pytest

from phichat.models.hub_address import HubAddress, parse_hub_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("owner/repo", HubAddress("owner/repo")),
        (" owner/repo-GGUF ", HubAddress("owner/repo-GGUF")),
        ("owner/repo/", HubAddress("owner/repo")),
        ("owner/repo:file.gguf", HubAddress("owner/repo", "file.gguf")),
        ("owner/repo:deep/er/file.gguf", HubAddress("owner/repo", "deep/er/file.gguf")),
        ("https://huggingface.co/owner/repo", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo/", HubAddress("owner/repo")),
        ("huggingface.co/owner/repo", HubAddress("owner/repo")),
        ("https://hf.co/owner/repo/tree/main", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo?show_file_info=x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("https://huggingface.co/owner/repo?show_file_info=d%2Fx.gguf&a=b", HubAddress("owner/repo", "d/x.gguf")),
        ("https://huggingface.co/owner/repo/tree/main?show_file_info=x.gguf", HubAddress("owner/repo", "x.gguf")),
        (
            "https://huggingface.co/owner/repo/blob/main/folder/a%20b.gguf#L1",
            HubAddress("owner/repo", "folder/a b.gguf"),
        ),
        ("https://huggingface.co/api/models/owner/repo", HubAddress("owner/repo")),
        ("https://huggingface.co/api/models/owner/repo/tree/main", HubAddress("owner/repo")),
        ("https://HuggingFace.co/owner/repo", HubAddress("owner/repo")),
        ("https://hf-mirror.com/owner/repo/resolve/main/x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("HF.co/owner/repo:Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("hf.co/owner/repo:Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("https://hf.co/owner/repo:Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("https://hf.co/owner/repo:x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("owner/repo:Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("owner/repo:latest", HubAddress("owner/repo", tag="latest")),
        ("owner/repo/x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("owner/repo/d/x.GGUF", HubAddress("owner/repo", "d/x.GGUF")),
        ("owner/repo/blob/main/x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("owner/repo/resolve/v1/d/x.gguf", HubAddress("owner/repo", "d/x.gguf", "v1")),
        ("hf://owner/repo/d/x.gguf", HubAddress("owner/repo", "d/x.gguf")),
        ("hf://owner/repo", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo.git", HubAddress("owner/repo")),
        ('"https://huggingface.co/owner/repo"', HubAddress("owner/repo")),
        ("“owner/repo:Q8_0”", HubAddress("owner/repo", tag="Q8_0")),
        ("'owner/repo'", HubAddress("owner/repo")),
        ("`owner/repo/x.gguf`", HubAddress("owner/repo", "x.gguf")),
        ("<https://huggingface.co/owner/repo>", HubAddress("owner/repo")),
        ("«\N{NARROW NO-BREAK SPACE}owner/repo\N{NARROW NO-BREAK SPACE}»", HubAddress("owner/repo")),
        ("https://huggingface.co/owner/repo,", HubAddress("owner/repo")),
        ("(https://huggingface.co/owner/repo).", HubAddress("owner/repo")),
        ("\N{ZERO WIDTH SPACE}owner/repo\N{RIGHT-TO-LEFT MARK}", HubAddress("owner/repo")),
        ("[the model](https://huggingface.co/owner/repo/blob/main/x.gguf)", HubAddress("owner/repo", "x.gguf")),
        ("Try https://huggingface.co/owner/repo, it is good", HubAddress("owner/repo")),
        ("ollama run hf.co/owner/repo:Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("llama-server -hf owner/repo:Q4_K_M --port 8080", HubAddress("owner/repo", tag="Q4_K_M")),
        ("./llama-cli -hf owner/repo -p Hi", HubAddress("owner/repo")),
        ("hf download owner/repo x.gguf --local-dir .", HubAddress("owner/repo", "x.gguf")),
        ("llama-server -hf=owner/repo:Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("owner/repo x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("owner/repo Q4_K_M", HubAddress("owner/repo", tag="Q4_K_M")),
        ("owner/repo@q4_k_m", HubAddress("owner/repo", tag="q4_k_m")),
        ("owner/repo@v1:Q4_K_M", HubAddress("owner/repo", revision="v1", tag="Q4_K_M")),
        ("git@hf.co:owner/repo", HubAddress("owner/repo")),
        ("git clone git@hf.co:owner/repo.git", HubAddress("owner/repo")),
        ("ollama://hf.co/owner/repo:Q8_0", HubAddress("owner/repo", tag="Q8_0")),
        ("hf://models/owner/repo/x.gguf", HubAddress("owner/repo", "x.gguf")),
        (
            'Llama.from_pretrained(\n    repo_id="owner/repo",\n    filename="*q8_0.gguf",\n    verbose=False\n)',
            HubAddress("owner/repo", tag="q8_0"),
        ),
        ("hf_hub_download(repo_id='owner/repo', filename='d/x.gguf')", HubAddress("owner/repo", "d/x.gguf")),
        ("huggingface-cli download owner/repo d/x.gguf", HubAddress("owner/repo", "d/x.gguf")),
        (
            "curl -L -o x.gguf 'https://huggingface.co/owner/repo/resolve/main/d/x.gguf'",
            HubAddress("owner/repo", "d/x.gguf"),
        ),
        ("git clone https://huggingface.co/owner/repo.git", HubAddress("owner/repo")),
        ("phichat models download owner/repo:x.gguf", HubAddress("owner/repo", "x.gguf")),
        ("owner/repo:my model.gguf", HubAddress("owner/repo", "my model.gguf")),
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
        "https://huggingface.co/datasets/owner/repo",
        "https://huggingface.co/spaces/owner/repo/tree/main",
        "", "/", "phi-3", "owner/", "/repo", "a/b/c", "owner/re po", "../..", "..:x", "owner/repo:../x.gguf",
        "owner/repo:a//b.gguf", "owner/repo:/etc/x.gguf", "owner/repo:a\nb.gguf", "C:\\models\\x.gguf", "owner/re..po",
        "https://example.org/owner/repo", "https://huggingface.co", "https://huggingface.co/owner", "https://[::1",
        "file:///owner/repo", "ſ/repo", "https://huggingface.co/owner/repo/blob/main/%2E%2E/x.gguf",
        "https://huggingface.co/owner/repo/blob/%1b[31m/x.gguf", "https://huggingface.co/owner%2Frepo/a",
        "owner/repo:what is this", "owner/repo/../x.gguf", "https://huggingface.co/owner/repo?show_file_info=../x.gguf",
        "hf://owner", "ollama run llama3", "rm -rf a/b", "x" * 20_000, '""', "[]()", "://",
        "owner/repo:" + "x" * 2000 + ".gguf",
    ],
)  # fmt: skip
def test_anything_else_is_nothing(text: str) -> None:
    assert parse_hub_address(text) is None


def test_a_mirror_has_addresses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example.org/")
    assert parse_hub_address("https://mirror.example.org/owner/repo") == HubAddress("owner/repo")
    assert parse_hub_address("https://huggingface.co/owner/repo") == HubAddress("owner/repo")
