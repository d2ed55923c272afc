; The installer's own words in English; NSIS has the rest.
!define LANG ${LANG_ENGLISH}

LangString description ${LANG} "Talk with language models on your own computer"
LangString openingModels ${LANG} "Offer to open .gguf files"
LangString openingModelsWhat ${LANG} "“Open with” offers Phichat for model files. What opens them now stays as it is."
LangString inConsole ${LANG} "“phichat” in a console"
LangString inConsoleWhat ${LANG} "Adds Phichat to your PATH, so that “phichat ask” works in every console opened from then on."
LangString desktopLink ${LANG} "A link on the desktop"
LangString desktopLinkWhat ${LANG} "Besides the one in the Start menu."
LangString modelFile ${LANG} "Language model (GGUF)"
LangString tooOld ${LANG} "Phichat needs Windows 10, version 1809, or newer."
LangString otherProcessor ${LANG} "This Phichat is for computers with an ARM processor. Please take the installer for x64 instead."
LangString isOpen ${LANG} "Phichat is open. OK closes it; all that it shows is stored already."
LangString stillOpen ${LANG} "Phichat is still open, perhaps in a console. Please end it, then retry."
LangString nothingDone ${LANG} "Phichat is open, and nothing was changed."

LangString removal ${LANG} "Remove Phichat"
LangString removalWhat ${LANG} "The program goes; your models and conversations stay, unless you choose otherwise."
LangString removedFrom ${LANG} "Phichat will be removed from $INSTDIR."
LangString modelsToo ${LANG} "Delete the &models, too ($1 MB)"
LangString talksToo ${LANG} "Delete the &conversations and settings, too, for good"
LangString whatStays ${LANG} "They are in ${DATA}. A new Phichat finds what stays there. Models that you keep in other folders are not touched."

!undef LANG
