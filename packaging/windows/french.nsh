; The installer's own words in French; NSIS has the rest.
!define LANG ${LANG_FRENCH}

LangString description ${LANG} "Parlez avec des modèles de langage sur votre propre ordinateur"
LangString openingModels ${LANG} "Proposer d’ouvrir les fichiers .gguf"
LangString openingModelsWhat ${LANG} "« Ouvrir avec » propose Phichat pour les modèles. Le programme qui les ouvre aujourd’hui reste le même."
LangString inConsole ${LANG} "« phichat » dans une console"
LangString inConsoleWhat ${LANG} "Ajoute Phichat à votre PATH : « phichat ask » fonctionne dans toute console ouverte ensuite."
LangString desktopLink ${LANG} "Un raccourci sur le bureau"
LangString desktopLinkWhat ${LANG} "En plus de celui du menu Démarrer."
LangString modelFile ${LANG} "Modèle de langage (GGUF)"
LangString tooOld ${LANG} "Phichat a besoin de Windows 10, version 1809 ou plus récente."
LangString otherProcessor ${LANG} "Ce Phichat est fait pour les ordinateurs à processeur ARM. Prenez plutôt l’installateur pour x64."
LangString isOpen ${LANG} "Phichat est ouvert. OK le ferme ; tout ce qu’il affiche est déjà enregistré."
LangString stillOpen ${LANG} "Phichat est encore ouvert, peut-être dans une console. Quittez-le, puis réessayez."
LangString nothingDone ${LANG} "Phichat est ouvert, et rien n’a été changé."

LangString removal ${LANG} "Désinstaller Phichat"
LangString removalWhat ${LANG} "Le programme part ; vos modèles et vos conversations restent, sauf si vous en décidez autrement."
LangString removedFrom ${LANG} "Phichat sera retiré de $INSTDIR."
LangString modelsToo ${LANG} "Supprimer aussi les &modèles ($1 Mo)"
LangString talksToo ${LANG} "Supprimer aussi les &conversations et les réglages, définitivement"
LangString whatStays ${LANG} "Tout cela se trouve dans ${DATA}. Un nouveau Phichat y retrouvera ce qui reste. Les modèles que vous gardez ailleurs ne sont pas touchés."

!undef LANG
