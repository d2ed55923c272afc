"""Qt speaks the application's language: its own words, its numbers, and from which side one reads."""

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from phichat import i18n


def follow_language(application: QApplication) -> None:
    """Have Qt use the language that `text` uses."""
    locale = QLocale(i18n.language())
    QLocale.setDefault(locale)
    for translator in application.findChildren(QTranslator):  # of another language, if there was one
        application.removeTranslator(translator)
        translator.deleteLater()
    if i18n.language() != "en":
        translator = QTranslator(application)
        if reads_qt(translator, locale):
            application.installTranslator(translator)
    application.setLayoutDirection(locale.textDirection())  # after that, as a translation says a direction too


def reads_qt(translator: QTranslator, locale: QLocale) -> bool:
    """Have `translator` know Qt's own words in the language of `locale`; False where there is no such file."""
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    return translator.load(locale, "qtbase", "_", folder)
