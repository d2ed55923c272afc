"""The collections dialog: named sets of files and folders that any conversation can use."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from phichat.documents.library import Collection, FileStatus, Progress
from phichat.i18n import tr, tr_count
from phichat.ui.controllers.documents import DocumentsController
from phichat.ui.documents.chips import file_state, file_title
from phichat.ui.theme.scaling import resize_window, scaled
from phichat.ui.theme.theme import Theme
from phichat.ui.widgets.controls import add_heading, help_label, push_button
from phichat.ui.widgets.dialogs import (
    LinkDialog,
    ask_question,
    choose_file,
    choose_files,
    close_button_box,
    remember_folder,
    start_folder,
)
from phichat.ui.widgets.drops import accept_copy, files_in
from phichat.ui.widgets.foreign_text import keep_boxes_plain, tool_tip
from phichat.ui.widgets.text_input import LineEdit
from phichat.unicode import replace_surrogates, short_title

WIDTH, HEIGHT = 820, 560  # pixels


def _natural_order(status: FileStatus) -> list[tuple[int, str]]:
    """Return a key by which file 2 comes before file 10."""
    parts = re.split(r"([0-9]+)", status.path.name.casefold())
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]


class CollectionsDialog(QDialog):
    """Lists collections with their files; files and folders can be dropped on it.

    The first of those that are `used` is chosen to begin with.
    """

    def __init__(self, theme: Theme, parent: QWidget, documents: DocumentsController, used: Sequence[str] = ()) -> None:
        super().__init__(parent)
        self.setObjectName("collectionsDialog")
        self.setWindowTitle(tr("Collections"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self._theme, self._documents, self._used = theme, documents, used
        self._listed = ""  # the collection whose files are shown
        self._sources: Sequence[Path] = ()  # what was added to it
        self._paths: dict[str, Sequence[Path]] = {}  # what was added to each
        self._name = LineEdit()
        self._name.setObjectName("collectionName")
        self._name.setAccessibleName(tr("New collection name"))
        self._name.setPlaceholderText(tr("New collection name"))
        self._list = QListWidget()
        self._list.setObjectName("collectionList")
        self._list.setAccessibleName(tr("Collections"))
        self._files = QTreeWidget()
        self._files.setObjectName("collectionFiles")
        self._files.setAccessibleName(tr("Files in the collection"))
        self._files.setHeaderLabels([tr("File"), tr("Status")])
        self._files.setRootIsDecorated(False)
        self._files.setColumnWidth(0, scaled(320))
        theme.apply_stylesheet(self._list, "servers")
        theme.apply_stylesheet(self._files, "table")
        self._state = help_label("")
        self._state.setObjectName("collectionState")
        self._add_files = push_button("addFiles", tr("Add files…"))
        self._add_folder = push_button("addFolder", tr("Add folder…"))
        self._index = push_button("indexButton", tr("Update"))
        self._remove_file = push_button("removeFile", tr("Remove file"))
        self._remove = push_button("removeCollection", tr("Remove collection…"))
        self._models = push_button("embeddingButton", "")
        self._models.setAutoDefault(False)
        self._lay_out()
        self._connect()
        resize_window(self, WIDTH, HEIGHT)
        self._enable()
        self._reload()

    @property
    def chosen(self) -> str:
        """The name of the collection that is chosen; empty for none."""
        item = self._list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole)) if item else ""

    def _lay_out(self) -> None:
        left, right, lists = QVBoxLayout(), QVBoxLayout(), QHBoxLayout()
        left.addWidget(self._name)
        left.addWidget(self._list, 1)
        left.addWidget(self._remove)
        buttons = QHBoxLayout()
        for button in (self._add_files, self._add_folder, self._index, self._remove_file):
            buttons.addWidget(button)
        buttons.addStretch(1)
        right.addWidget(self._files, 1)
        right.addLayout(buttons)
        lists.addLayout(left, 1)
        lists.addLayout(right, 3)
        column = QVBoxLayout(self)
        column.addWidget(
            help_label(tr("You can ask about a collection in any conversation. The files stay where they are."))
        )
        column.addLayout(lists, 1)
        below = QHBoxLayout()
        below.addWidget(self._models)
        below.addWidget(self._state, 1)
        box = close_button_box(self)
        for close in box.findChildren(QPushButton):
            close.setAutoDefault(False)  # Enter makes a collection
        below.addWidget(box)
        column.addLayout(below)

    def _connect(self) -> None:
        self._name.returnPressed.connect(self._make)
        self._list.currentItemChanged.connect(self._show_files)
        self._files.currentItemChanged.connect(self._on_file)
        self._add_files.clicked.connect(self._choose_files)
        self._add_folder.clicked.connect(self._choose_folder)
        self._index.clicked.connect(self._on_index)
        self._remove_file.clicked.connect(self._on_remove_file)
        self._remove.clicked.connect(self._on_remove)
        self._models.clicked.connect(self._open_models)
        self._documents.changed.connect(self._reload)
        self._documents.progressed.connect(self._show_progress)
        self._documents.page_read.connect(self._show_page)

    @Slot()
    def _open_models(self) -> None:
        """Offer what passages can be found with; known models lead to their pages, and nothing is downloaded."""
        menu = QMenu(self)
        menu.setObjectName("embeddingMenu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen = self._documents.embedding_model
        for text, path in ((tr("Built in"), None), *([(Path(chosen).stem, Path(chosen))] if chosen else [])):
            action = menu.addAction(text.replace("&", "&&"), partial(self._documents.choose_model, path))
            action.setCheckable(True)
            action.setChecked(bool(chosen) is (path is not None))
        menu.addAction(tr("Choose file…"), self._choose_model)
        add_heading(menu, tr("Embedding models to download"))
        for text, page in self._documents.known_models():
            menu.addAction(text.replace("&", "&&"), partial(self._open_page, page))
        menu.popup(self._models.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    @Slot()
    def _choose_model(self) -> None:
        if file := choose_file(self, tr("Choose an embedding model"), tr("GGUF models (*.gguf)")):
            self._documents.choose_model(Path(file))

    def _open_page(self, page: str) -> None:
        LinkDialog(QUrl(page), self).open()

    @Slot()
    def _reload(self) -> None:
        chosen = self._documents.embedding_model
        name = short_title(replace_surrogates(Path(chosen).stem)) if chosen else tr("built in")
        self._models.setText(tr("Embedding model: {name}").format(name=name).replace("&", "&&"))
        self._models.setAccessibleName(tr("Embedding model: {name}").format(name=name))
        self._documents.list_collections(self._show_collections, self)

    def _show_collections(self, collections: Sequence[Collection]) -> None:
        chosen = self.chosen or next((each.name for each in collections if each.name in self._used), "")
        self._paths = {each.name: each.paths for each in collections}
        self._list.blockSignals(True)
        self._list.clear()
        for collection in collections:
            title = f"{short_title(collection.name)} · {tr_count('{count} file', '{count} files', collection.files)}"
            item = QListWidgetItem(title, self._list)
            item.setData(Qt.ItemDataRole.UserRole, collection.name)
            if collection.name == chosen:
                self._list.setCurrentItem(item)
        if self._list.currentItem() is None and collections:
            self._list.setCurrentRow(0)
        self._list.blockSignals(False)
        self._show_files()

    @Slot()
    def _show_files(self) -> None:
        self._enable()
        if self.chosen:
            self._documents.list_files(self.chosen, partial(self._show_states, self.chosen), self)
        else:
            self._files.clear()

    def _show_states(self, name: str, files: Sequence[FileStatus]) -> None:
        if name != self.chosen:
            return
        is_indexing = self._documents.is_indexing(name)
        current = self._files.currentItem()
        kept = current.data(0, Qt.ItemDataRole.UserRole) if current else None
        row = self._files.indexOfTopLevelItem(current) if current and name == self._listed else -1
        self._listed, self._sources = name, self._paths.get(name, ())
        self._files.blockSignals(True)  # so that no button loses the focus meanwhile
        self._files.clear()
        for status in sorted(files, key=_natural_order):
            sentence = " ".join(filter(None, (status.error, *status.notes)))
            state = file_state(status, is_indexing=is_indexing)
            item = QTreeWidgetItem(self._files, [file_title(status), sentence or state])
            item.setData(0, Qt.ItemDataRole.UserRole, str(status.path))
            item.setData(1, Qt.ItemDataRole.UserRole, sentence)
            item.setToolTip(1, tool_tip(sentence))
            if str(status.path) == kept:
                self._files.setCurrentItem(item)
        neighbor = self._files.topLevelItem(min(row, len(files) - 1))
        if neighbor and self._files.currentItem() is None:  # as the one before was removed
            self._files.setCurrentItem(neighbor)
        self._files.blockSignals(False)
        self._on_file()

    @Slot(str)
    def _show_progress(self, sentence: str) -> None:
        self._state.setText(sentence)

    @Slot(str, object)
    def _show_page(self, name: str, progress: Progress) -> None:
        """Show beside a file which of its pages was read; before the first one, all files are known by now."""
        if not progress.done and not progress.page:
            self._reload()
        for row in range(self._files.topLevelItemCount() if name == self.chosen and progress.place else 0):
            item = self._files.topLevelItem(row)
            if item and item.data(0, Qt.ItemDataRole.UserRole) == str(progress.path):
                item.setText(1, progress.place)

    @Slot()
    def _on_file(self) -> None:
        """Show all of what is wrong with the file that is chosen, for which its row has no room."""
        item = self._files.currentItem()
        if item and not self._documents.is_indexing(self.chosen):
            self._state.setText(str(item.data(1, Qt.ItemDataRole.UserRole) or ""))
        self._enable()

    @Slot()
    def _enable(self) -> None:
        for button in (self._add_files, self._add_folder, self._index, self._remove):
            button.setEnabled(bool(self.chosen))
        source = self._source()
        is_file = source is None or source == self._current_file()
        self._remove_file.setText(tr("Remove file") if is_file else tr("Remove folder…"))
        self._remove_file.setAccessibleName(self._remove_file.text())
        if source is None and self._remove_file.hasFocus():
            self._files.setFocus()
        self._remove_file.setEnabled(source is not None)
        is_indexing = self._documents.is_indexing(self.chosen)
        self._index.setText(tr("Pause") if is_indexing else tr("Update"))
        self._index.setAccessibleName(self._index.text())

    @Slot()
    def _make(self) -> None:
        """Make a collection of the name that was entered, and choose it."""
        name = " ".join(self._name.text().split())
        if name:
            self._name.clear()
            self._documents.add(name, [])
            item = QListWidgetItem(short_title(name), self._list)
            item.setData(Qt.ItemDataRole.UserRole, name)
            self._list.setCurrentItem(item)
            self._add_files.setFocus()

    @Slot()
    def _choose_files(self) -> None:
        self._add([Path(file) for file in choose_files(self, tr("Add files"))])

    @Slot()
    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, tr("Add folder"), start_folder())
        keep_boxes_plain(dialog)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.filesSelected.connect(self._on_folders)
        dialog.open()

    @Slot("QStringList")
    def _on_folders(self, folders: list[str]) -> None:
        remember_folder(next(iter(folders), ""))
        self._add([Path(folder) for folder in folders])

    def _add(self, paths: Sequence[Path]) -> None:
        if paths and self.chosen:
            self._documents.add(self.chosen, paths)

    @Slot()
    def _on_index(self) -> None:
        if self._documents.is_indexing(self.chosen):
            self._documents.pause(self.chosen)
        else:
            self._documents.index(self.chosen, retries=True)

    def _current_file(self) -> Path | None:
        item = self._files.currentItem()
        return Path(item.data(0, Qt.ItemDataRole.UserRole)) if item else None

    def _source(self) -> Path | None:
        """Return what was added to the collection: the file that is chosen, or the folder that it came with."""
        file = self._current_file()
        return next((each for each in (file, *file.parents) if each in self._sources), None) if file else None

    @Slot()
    def _on_remove_file(self) -> None:
        if (source := self._source()) is None:
            return
        remove = partial(self._documents.remove, self.chosen, [source])
        if source == self._current_file():
            remove()
            return
        question = tr("Remove the folder “{name}” from this collection? Its files won’t be deleted.")
        question = question.format(name=short_title(replace_surrogates(source.name or str(source))))
        ask_question(self._theme, self, "removeQuestion", question, tr("Remove"), tr("Cancel"), remove)

    @Slot()
    def _on_remove(self) -> None:
        question = tr("Remove the collection “{name}”? Its files won’t be deleted.")
        remove = partial(self._documents.remove, self.chosen)
        question = question.format(name=short_title(self.chosen))
        ask_question(self._theme, self, "removeQuestion", question, tr("Remove"), tr("Cancel"), remove)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.chosen and files_in(event.mimeData()):
            accept_copy(event)

    def dropEvent(self, event: QDropEvent) -> None:
        accept_copy(event)
        self._add(files_in(event.mimeData()))
