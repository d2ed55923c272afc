; The uninstaller's question about models and conversations: they stay unless their boxes are ticked, and a silent one
; does not ask. Only the folder that Phichat made itself is meant, never one that the person chose.

Var modelsBox
Var talksBox
Var modelsGo ; 1 if they are to be deleted
Var talksGo

!define IS_LINK 0x400 ; to another place: a reparse point

Function un.askAboutData
  !insertmacro MUI_HEADER_TEXT "$(removal)" "$(removalWhat)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 24u "$(removedFrom)"
  Pop $0
  ${If} ${FileExists} "${DATA}\*.*"
    ${If} ${FileExists} "${DATA}\models\*.*"
      ${GetSize} "${DATA}\models" "/S=0M" $1 $2 $3
      ${NSD_CreateCheckbox} 0 30u 100% 12u "$(modelsToo)"
      Pop $modelsBox
    ${EndIf}
    ${NSD_CreateCheckbox} 0 46u 100% 12u "$(talksToo)"
    Pop $talksBox
    ${NSD_CreateLabel} 0 66u 100% 40u "$(whatStays)"
    Pop $0
  ${EndIf}
  GetDlgItem $0 $HWNDPARENT 1
  SendMessage $0 ${WM_SETTEXT} 0 "STR:$(^UninstallBtn)"
  nsDialogs::Show
FunctionEnd

Function un.noteAnswers
  ${NSD_GetState} $modelsBox $modelsGo
  ${NSD_GetState} $talksBox $talksGo
FunctionEnd

; Delete what was ticked.
Function un.removeData
  ${If} $modelsGo == 1
    Push "${DATA}\models"
    Call un.removeTree
  ${EndIf}
  ${If} $talksGo == 1
    FindFirst $0 $1 "${DATA}\*"
    ${DoUntil} $1 == ""
      ${If} $1 != "."
      ${AndIf} $1 != ".."
      ${AndIf} $1 != "models"
        Push "${DATA}\$1"
        Call un.removeTree
      ${EndIf}
      FindNext $0 $1
    ${Loop}
    FindClose $0
  ${EndIf}
  ${If} $modelsGo == 1
  ${OrIf} $talksGo == 1
    RMDir "${DATA}"
  ${EndIf}
FunctionEnd

; Delete the file or folder on the stack. NSIS's `RMDir /r` would go through links and delete what they lead to.
Function un.removeTree
  Exch $0
  Push $1
  Push $2
  System::Call 'kernel32::GetFileAttributesW(w r0) i .r1'
  IntOp $2 $1 & ${FILE_ATTRIBUTE_DIRECTORY}
  ${If} $1 = -1
    Goto gone
  ${ElseIf} $2 = 0
    Delete $0
    Goto gone
  ${EndIf}
  IntOp $2 $1 & ${IS_LINK}
  ${If} $2 = 0
    FindFirst $1 $2 "$0\*"
    ${DoUntil} $2 == ""
      ${If} $2 != "."
      ${AndIf} $2 != ".."
        Push "$0\$2"
        Call un.removeTree
      ${EndIf}
      FindNext $1 $2
    ${Loop}
    FindClose $1
  ${EndIf}
  RMDir $0
  gone:
  Pop $2
  Pop $1
  Pop $0
FunctionEnd
