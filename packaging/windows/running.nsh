; Ends a Phichat that is open, with leave: its files cannot be replaced while it runs.

!macro running un
; Whether a program in the folder on the stack runs: 1 or 0 on the stack.
Function ${un}isRunning
  Exch $0
  Push $1
  Push $2
  StrCpy $2 0
  !insertmacro isInUse "$0\Phichat.exe"
  !insertmacro isInUse "$0\${COMMAND}"
  StrCpy $0 $2
  Pop $2
  Pop $1
  Exch $0
FunctionEnd

; Close what runs in the folder on the stack, or abort. A window that is closed loses nothing: all it shows is stored.
Function ${un}closeRunning
  Exch $0
  Push $1
  Push $2
  again:
  Push $0
  Call ${un}isRunning
  Pop $1
  ${If} $1 = 1
    MessageBox MB_OKCANCEL|MB_ICONQUESTION "$(isOpen)" /SD IDOK IDOK close
    Abort "$(nothingDone)"
    close:
    nsExec::Exec '"$SYSDIR\taskkill.exe" /IM Phichat.exe'
    Pop $1
    ${For} $2 1 40
      Sleep 250
      Push $0
      Call ${un}isRunning
      Pop $1
      ${If} $1 = 0
        ${ExitFor}
      ${EndIf}
    ${Next}
    ${If} $1 = 1
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(stillOpen)" /SD IDCANCEL IDRETRY again
      Abort "$(nothingDone)"
    ${EndIf}
  ${EndIf}
  Pop $2
  Pop $1
  Pop $0
FunctionEnd
!macroend

; Windows lets nobody write to a program that runs.
!macro isInUse FILE
  ${If} ${FileExists} "${FILE}"
    ClearErrors
    FileOpen $1 "${FILE}" a
    ${If} ${Errors}
      StrCpy $2 1
    ${Else}
      FileClose $1
    ${EndIf}
  ${EndIf}
!macroend

!insertmacro running ""
!insertmacro running "un."
