"""Qt speaks the application's language: its own words, its numbers, and from which side one reads."""

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from phichat import text


def follow_language(application: QApplication) -> None:
    """Have Qt use the language that `text` uses."""
    locale = QLocale(text.language())
    QLocale.setDefault(locale)
    for translator in application.findChildren(QTranslator):  # of another language, if there was one
        application.removeTranslator(translator)
        translator.deleteLater()
    if text.language() != "en":
        translator = QTranslator(application)
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if translator.load(locale, "qtbase", "_", folder):
            application.installTranslator(translator)
    application.setLayoutDirection(locale.textDirection())  # after that, as a translation says a direction too
