; Puts a folder on this person's PATH and takes it away. NSIS's own strings end at 1,024 characters, and many a PATH
; is longer, so that it is read, changed and written in memory of the system's.

!define KEY_READ_WRITE 0x2001F
!define REG_EXPAND_SZ_ 2

!macro onPath un
; Open the person's environment: $1 is its key, $2 the kind of value, $3 memory with `;`, the PATH, `;` and room for $0.
Function ${un}readPath
  System::Call 'advapi32::RegOpenCurrentUser(i ${KEY_READ_WRITE}, *p .r2)'
  System::Call 'advapi32::RegCreateKeyExW(p r2, w "Environment", i 0, p 0, i 0, i ${KEY_READ_WRITE}, p 0, *p .r1, p 0)'
  System::Call 'advapi32::RegCloseKey(p r2)'
  System::Call 'advapi32::RegQueryValueExW(p r1, w "Path", p 0, *i .r2, p 0, *i .r4) i .r5'
  ${If} $5 <> 0
    StrCpy $2 ${REG_EXPAND_SZ_}
    StrCpy $4 0
  ${EndIf}
  StrLen $6 $0
  IntOp $6 $6 * 2
  IntOp $6 $6 + $4
  IntOp $6 $6 + 16
  System::Alloc $6
  Pop $3
  System::Call 'kernel32::lstrcpyW(p r3, w ";")'
  ${If} $4 > 0
    IntPtrOp $6 $3 + 2
    System::Call 'advapi32::RegQueryValueExW(p r1, w "Path", p 0, p 0, p r6, *i r4)'
  ${EndIf}
  System::Call 'kernel32::lstrcatW(p r3, w ";")'
FunctionEnd

; Write what readPath gave, if it was changed ($7), and let go of it.
Function ${un}writePath
  ${If} $7 = 1
    System::Call 'kernel32::lstrlenW(p r3) i .r4'
    ${If} $4 < 2
      System::Call 'advapi32::RegDeleteValueW(p r1, w "Path")'
    ${Else}
      IntOp $4 $4 - 1
      IntOp $4 $4 * 2
      IntPtrOp $6 $3 + $4
      System::Call '*$6(&i2 0)' ; in place of the last `;`
      IntPtrOp $6 $3 + 2
      System::Call 'advapi32::RegSetValueExW(p r1, w "Path", i 0, i r2, p r6, i r4)'
    ${EndIf}
  ${EndIf}
  System::Free $3
  System::Call 'advapi32::RegCloseKey(p r1)'
FunctionEnd

; Take the folder on the stack away from the PATH, however often it is there.
Function ${un}removeFromPath
  Exch $0
  !insertmacro keepRegisters
  Call ${un}readPath
  StrCpy $7 0
  StrLen $8 $0
  IntOp $8 $8 * 2
  IntOp $8 $8 + 2 ; bytes of `;` and the folder
  ${Do}
    System::Call 'shlwapi::StrStrIW(p r3, w ";$0;") p .r5'
    ${If} $5 P= 0
      ${ExitDo}
    ${EndIf}
    IntPtrOp $6 $5 + $8
    System::Call 'kernel32::lstrlenW(p r6) i .r4'
    IntOp $4 $4 * 2
    IntOp $4 $4 + 2
    System::Call 'kernel32::RtlMoveMemory(p r5, p r6, p r4)'
    StrCpy $7 1
  ${Loop}
  Call ${un}writePath
  !insertmacro giveRegistersBack
  Pop $0
FunctionEnd
!macroend

!macro keepRegisters
  Push $1
  Push $2
  Push $3
  Push $4
  Push $5
  Push $6
  Push $7
  Push $8
!macroend

!macro giveRegistersBack
  Pop $8
  Pop $7
  Pop $6
  Pop $5
  Pop $4
  Pop $3
  Pop $2
  Pop $1
!macroend

!insertmacro onPath ""
!insertmacro onPath "un."

; Put the folder on the stack at the end of the PATH, unless it is there.
Function addToPath
  Exch $0
  !insertmacro keepRegisters
  Call readPath
  StrCpy $7 0
  System::Call 'shlwapi::StrStrIW(p r3, w ";$0;") p .r5'
  ${If} $5 P= 0
    System::Call 'kernel32::lstrlenW(p r3) i .r4'
    IntOp $4 $4 - 2
    IntOp $4 $4 * 2
    IntPtrOp $6 $3 + $4
    System::Call '*$6(&w2 .r5)'
    ${If} $5 == ";;" ; it is empty or ends with one
      IntPtrOp $6 $6 + 2
      System::Call '*$6(&i2 0)'
    ${EndIf}
    System::Call 'kernel32::lstrcatW(p r3, w "$0;")'
    StrCpy $7 1
  ${EndIf}
  Call writePath
  !insertmacro giveRegistersBack
  Pop $0
FunctionEnd
