"""Qt speaks the application's language: its own words, its numbers, and from which side one reads."""

import os

from PySide6.QtWidgets import QApplication

from phichat import text


def follow_language(application: QApplication) -> None:
    """Have Qt use the language that `text` uses."""
    if text.language() == "en" and os.environ.get("LANG", "C").startswith(("en", "C")):
        return  # as Qt does anyway
    from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator  # noqa: PLC0415 - many languages, each a number

    locale = QLocale(text.language())
    QLocale.setDefault(locale)
    translator = QTranslator(application)
    if translator.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(translator)
    application.setLayoutDirection(locale.textDirection())
