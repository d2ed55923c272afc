; Removes what an installer put there, and nothing else: the file it left says what that is.

!macro removing un
; Remove the program from the folder on the stack; a folder goes if that leaves it empty.
Function ${un}removeProgram
  Exch $0
  Push $1
  Push $2
  Push $3
  ClearErrors
  FileOpen $1 "$0\installed.txt" r
  ${IfNot} ${Errors}
    ${Do}
      FileReadUTF16LE $1 $2
      ${If} ${Errors}
        ${ExitDo}
      ${EndIf}
      StrCpy $2 $2 -2 ; without the end of the line
      StrCpy $3 $2 1 -1
      ${If} $3 == "\"
        RMDir "$0\$2"
      ${Else}
        Delete "$0\$2"
      ${EndIf}
      ClearErrors
    ${Loop}
    FileClose $1
    Delete "$0\installed.txt"
    Delete "$0\uninstall.exe"
  ${EndIf}
  SetOutPath $TEMP ; a folder in use stays
  RMDir $0
  Pop $3
  Pop $2
  Pop $1
  Pop $0
FunctionEnd

; Model files are no longer offered to be opened with Phichat.
Function ${un}removeOpening
  DeleteRegKey HKCU "${CLASSES}\${KIND}"
  DeleteRegValue HKCU "${CLASSES}\.gguf\OpenWithProgids" "${KIND}"
  DeleteRegKey /ifempty HKCU "${CLASSES}\.gguf\OpenWithProgids"
  DeleteRegKey /ifempty HKCU "${CLASSES}\.gguf"
FunctionEnd

; Tell the desktop and the programs that are open.
Function ${un}announce
  System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
  SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=500
FunctionEnd
!macroend

!macro noteChoice SECTION
  ${If} ${SectionIsSelected} ${${SECTION}}
    WriteRegStr HKCU "${ENTRY}" "With ${SECTION}" yes
  ${Else}
    WriteRegStr HKCU "${ENTRY}" "With ${SECTION}" no
  ${EndIf}
!macroend

!insertmacro removing ""
!insertmacro removing "un."
