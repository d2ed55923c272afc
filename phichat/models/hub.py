"""A client for the Hugging Face Hub or a mirror: file metadata, file lists, downloads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from phichat.cancellation import CancelToken
from phichat.errors import HubError, HubForbidden, HubMissing, HubRefused, HubUnreachable
from phichat.i18n import tr
from phichat.models.base import FoundRepository, HubFile
from phichat.models.hub_access import HubAccess, endpoint, hub_host
from phichat.models.hub_answers import (
    FOUND_FACTS,
    MOST_FOUND,
    parse_files,
    parse_found,
    parse_number,
    parse_range,
    parse_revision,
    parse_sha256,
    seconds_to_wait,
)
from phichat.net.http import HttpClient, Response, is_offline, not_the_hub_message, proxy_password_message

_HEAD_NOT_SUPPORTED = {405, 501}  # from servers without HEAD; the API is asked instead
_TEMPORARY_STATUSES = {408, 425, 429, 500, 502, 503, 504, *range(520, 528), 529, 530}  # errors that may pass


class FileChanged(HubError):
    """The file on the Hub is not the one that the download began with."""


@dataclass(frozen=True)
class Body:
    """A file's bytes from an offset on. The first `surplus` of them lie before the requested offset."""

    chunks: Iterator[bytes]
    surplus: int


def load_lazy_imports(repo: str, file: str) -> str:
    """Import what is otherwise imported on demand, without a connection; return a file's URL made with it."""
    HubAccess().token()
    return _file_address(HubFile(_validated(repo), file))


class Hub:
    """Requests to the Hub, by the variables HF_ENDPOINT, HF_HUB_OFFLINE and HTTPS_PROXY at each call.

    All methods raise HubUnreachable for errors that may pass, HubRefused for others; `stop` cancels them.
    """

    def __init__(self, access: HubAccess | None = None) -> None:
        self._access = access or HubAccess()
        self._clients: dict[tuple[str | None, ...], HttpClient] = {}

    def file_info(self, repo: str, file: str, stop: CancelToken, revision: str = "main") -> HubFile:
        """Return the commit, size and SHA-256 of a file. Raise HubForbidden if the Hub gives no size or SHA-256."""
        remote = HubFile(repo, file, revision)
        with self._open("HEAD", _file_address(remote), stop, remote, follow=False) as answer:
            if answer.status < 300:
                _check_content_type(answer)
            sha256, size = _sha256(answer), _linked_size(answer)
            commit = parse_revision(answer.first_header("x-repo-commit") or revision)
        if size is None and sha256:
            with self._open("HEAD", _file_address(remote), stop, remote) as answer:
                size = _linked_size(answer)
        if size is None or sha256 is None:
            listed = next((other for other in self.list_files(repo, stop) if other.file == file), remote)
            size, sha256 = listed.bytes or size, listed.sha256 or sha256
        if size is None or sha256 is None:
            raise HubForbidden(
                tr(
                    "{host} doesn’t provide the size and checksum of {file}, so the file can’t be verified. "
                    "Use another mirror (HF_ENDPOINT), or download the file in a browser and add it."
                ).format(host=hub_host(), file=file)
            )
        return replace(remote, revision=commit, bytes=size, sha256=sha256)

    def list_files(self, repo: str, stop: CancelToken) -> list[HubFile]:
        """Return all GGUF files in `repo`, sorted by name."""
        address = f"{endpoint()}/api/models/{quote(_validated(repo), safe='/')}?blobs=true"
        with self._open("GET", address, stop, HubFile(repo, "")) as answer:
            described = answer.json()
        try:
            files = list(parse_files(repo, described))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HubUnreachable(not_the_hub_message(hub_host())) from error
        return sorted(files, key=lambda remote: remote.file)

    def search(self, words: str, stop: CancelToken) -> list[FoundRepository]:
        """Return the repositories with GGUF files that `words` find, the most downloaded first.

        The request is that of `HfApi.list_models(search=words, filter="gguf", sort="downloads", …)`.
        """
        query = {"search": words, "filter": "gguf", "sort": "downloads", "limit": MOST_FOUND, "expand": FOUND_FACTS}
        address = f"{endpoint()}/api/models?{urlencode(query, doseq=True)}"
        with self._open("GET", address, stop, HubFile("", "")) as answer:
            page = answer.json()
        if not isinstance(page, list):
            raise HubUnreachable(not_the_hub_message(hub_host()))
        return list(parse_found(page))

    @contextmanager
    def stream(self, remote: HubFile, start: int, stop: CancelToken) -> Iterator[Body]:
        """Yield the bytes of `remote` from offset `start` on. Raise FileChanged, too.

        Asks for the branch `main`, as mirrors may know no commits; the response says whether it is the same file.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        address = _file_address(replace(remote, revision="main"))
        with self._open("GET", address, stop, remote, headers) as answer:
            _check_content_type(answer)
            if _announced_size(answer) not in {None, remote.bytes}:
                self._check_still(remote, stop)
            yield Body(answer.iter_raw(), start - _first_byte(answer, start, remote))

    @contextmanager
    def _open(
        self,
        method: str,
        address: str,
        stop: CancelToken,
        remote: HubFile,
        headers: dict[str, str] | None = None,
        *,
        follow: bool = True,
    ) -> Iterator[Response]:
        if is_offline():
            raise HubRefused(
                tr("Phichat is set to work offline. Unset HF_HUB_OFFLINE, or add a model file that you already have.")
            )
        with self._client().stream(method, address, stop, headers, follow=follow) as answer:
            if remote.sha256:
                self._check_same(answer, remote, stop)
            is_look = method == "HEAD" and (answer.status < 400 or answer.status in _HEAD_NOT_SUPPORTED)
            if answer.status >= 300 and not is_look:
                raise _status_error(answer, remote)
            yield answer

    def _check_same(self, answer: Response, remote: HubFile, stop: CancelToken) -> None:
        """Raise FileChanged if `remote` has changed. A mirror may show that by status 416 only."""
        found = _sha256(answer) if answer.first_header("x-linked-etag") or len(answer.hops) == 1 else None
        if found and found != remote.sha256:
            raise FileChanged(_changed_message(remote))
        if answer.status == 416:
            self._check_still(remote, stop)

    def _check_still(self, remote: HubFile, stop: CancelToken) -> None:
        """Ask for the file's metadata again. Raise FileChanged if its checksum differs."""
        if self.file_info(remote.repo, remote.file, stop).sha256 != remote.sha256:
            raise FileChanged(_changed_message(remote))

    def _client(self) -> HttpClient:
        """Return a client, reused until the variables change: loading the certificates takes as long as a request."""
        token = self._access.token()
        wanted = (endpoint(), token, *(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))
        if wanted not in self._clients:
            self._clients = {wanted: HttpClient(endpoint(), token)}
        return self._clients[wanted]


def _validated(repo: str) -> str:
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415 - loads half the library
    from huggingface_hub.utils import validate_repo_id  # noqa: PLC0415

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise HubRefused(
            tr("{repo} isn’t a repository name. Enter a name in the form owner/repo.").format(repo=repo[:100])
        ) from error
    return repo


def _file_address(remote: HubFile) -> str:
    from huggingface_hub import hf_hub_url  # noqa: PLC0415 - slow to import

    return str(hf_hub_url(_validated(remote.repo), remote.file, revision=remote.revision, endpoint=endpoint()))


def _sha256(answer: Response) -> str | None:
    """Return the SHA-256, which is the ETag of a large file; None if it is something else."""
    return parse_sha256(answer.first_header("x-linked-etag", "etag"))


def _changed_message(remote: HubFile) -> str:
    return tr("{file} changed on the Hub.").format(file=remote.file)


def _linked_size(answer: Response) -> int | None:
    length = answer.first_header("x-linked-size") or (
        answer.headers.get("content-length", "") if answer.status < 300 else ""
    )
    return parse_number(length)


def _check_content_type(answer: Response) -> None:
    if answer.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml")):
        raise HubUnreachable(not_the_hub_message(answer.host))
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise HubRefused(
            tr(
                "{host} sends compressed files, so Phichat can’t resume the download. Use another mirror (HF_ENDPOINT)."
            ).format(host=answer.host)
        )


def _announced_size(answer: Response) -> int | None:
    """Return the whole file's size by Content-Range or Content-Length; None if neither says."""
    if answer.status == 206:
        found = _content_range(answer)
        return found[2] if found else None
    return parse_number(answer.headers.get("content-length", ""))


def _first_byte(answer: Response, start: int, remote: HubFile) -> int:
    """Return the offset at which the response begins, at most `start`. Raise HubUnreachable for another range."""
    length = answer.headers.get("content-length", "")
    if answer.status != 206:  # the whole file, or the range without a status that says so
        return start if remote.bytes and length == str(remote.bytes - start) else 0
    found = _content_range(answer)
    if found and found[0] <= start and found[2] in {None, remote.bytes}:
        spanned = str(found[1] - found[0] + 1)
        if length in {"", spanned}:
            return found[0]
    raise HubUnreachable(_wrong_range_message(answer.host, remote))


def _content_range(answer: Response) -> tuple[int, int, int | None] | None:
    return parse_range(answer.headers.get("content-range", ""))


def _wrong_range_message(name: str, remote: HubFile) -> str:
    return tr("{host} sent the wrong part of {file}. Use another mirror (HF_ENDPOINT).").format(
        host=name, file=remote.file
    )


def _status_error(answer: Response, remote: HubFile) -> HubRefused | HubUnreachable:
    """Return the error for a response without success."""
    if answer.status == 416:
        return HubUnreachable(_wrong_range_message(answer.host, remote))
    if answer.status in _TEMPORARY_STATUSES:
        return HubUnreachable(_unavailable_message(answer), seconds_to_wait(answer.headers))
    if answer.status == 407:
        return HubRefused(proxy_password_message())
    if not answer.is_home:  # a storage server: its links expire, and the next one differs
        sentence = tr(
            "{host}, which stores the file for the Hub, refused the request (error {status}). This usually "
            "clears up within a few minutes."
        )
        return HubUnreachable(sentence.format(host=answer.host, status=answer.status))
    kind = HubMissing if _is_missing(answer) else HubForbidden if answer.status in {401, 403, 451} else HubRefused
    sentence = _refusal_message(answer, remote).format(
        repo=remote.repo, file=remote.file, host=answer.host, status=answer.status
    )
    wants_token = answer.status == 401 or (_is_gated(answer) and not answer.is_authorized)
    return kind(sentence, wants_token=wants_token, page=_terms_page(remote) if _is_gated(answer) else "")


def _terms_page(remote: HubFile) -> str:
    """Return the address of the page on which people agree to the terms of a model."""
    return f"{endpoint()}/{remote.repo}"


def _is_missing(answer: Response) -> bool:
    """Return whether the file does not exist. Without a token, the Hub answers 401 for that too."""
    is_hidden = answer.status == 401 and not _is_gated(answer) and not answer.is_authorized
    return is_hidden or answer.status in {404, 410}


def _is_gated(answer: Response) -> bool:
    return answer.first_header("x-error-code") == "GatedRepo"


def _unavailable_message(answer: Response) -> str:
    if answer.status == 429:
        return tr(
            "{host} received too many requests from this network. The limit usually resets within a few minutes."
        ).format(host=answer.host)
    return tr("{host} is having problems (error {status}). They usually clear up within a few minutes.").format(
        host=answer.host, status=answer.status
    )


def _refusal_message(answer: Response, remote: HubFile) -> str:
    if not remote.repo:
        return _search_message(answer)
    if _is_gated(answer) or answer.status == 401:
        return _access_message(answer)
    if answer.status in {404, 410}:
        if answer.first_header("x-error-code") == "RepoNotFound" or not remote.file:
            return tr("{repo} doesn’t exist on {host}. Check the name.")
        return tr("There is no file named {file} in {repo}. To see what’s available, list the files in {repo}.")
    return tr("{host} refused access to {repo} (error {status}). Try again later, or use another mirror (HF_ENDPOINT).")


def _token_message() -> str:
    return tr(
        "{host} didn’t accept your access token. Create a new one there, then enter it in Preferences or set HF_TOKEN."
    )


def _search_message(answer: Response) -> str:
    """Return the message for a search that the Hub refuses, which it does with a token that it does not know."""
    if answer.status == 401 and answer.is_authorized:
        return _token_message()
    return tr("{host} rejected the search (error {status}). Try again later, or paste a model’s address.")


def _access_message(answer: Response) -> str:
    """Return the message for a model that is not for everybody, or not for this access token."""
    if _is_gated(answer) and answer.is_authorized:
        return tr(
            "Your account doesn’t have access to {repo} yet. Accept the terms at {host}/{repo}, wait "
            "for approval, then try again."
        )
    if _is_gated(answer):
        return tr(
            "To download {repo}, accept its terms at {host}/{repo}. Then enter your access token in "
            "Preferences, or set HF_TOKEN."
        )
    if answer.is_authorized:
        return _token_message()
    return tr(
        "{repo} doesn’t exist on {host}, or is private. Check the name. If the repository is private, enter "
        "your access token in Preferences or set HF_TOKEN."
    )
