; Installs Phichat for one person, without an administrator. `build.py nsis` compiles it and defines:
; VERSION, NUMBERS (four of them), COMMAND (the program for consoles), FILES (a generated list), LISTED (their names),
; SIZE (kB), ICON, SIDE (a picture), RESULT, STUB (the kind of installer), and where they apply HOMEPAGE, ARM64
; and SIGN (a command that signs a file).

Unicode true
Target ${STUB}
RequestExecutionLevel user
ManifestDPIAware true
SetCompressor /SOLID lzma
SetCompressorDictSize 64
SetDateSave off          ; or two builds would differ
AllowSkipFiles off       ; half a program is none
CRCCheck force

Name "Phichat"
OutFile "${RESULT}"
BrandingText "Phichat ${VERSION}"
InstallDir ""            ; decided in .onInit, so that /D= can be told from a default
ShowInstDetails nevershow
ShowUninstDetails nevershow

!define PUBLISHER "The Phichat authors"
!define ENTRY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Phichat"
!define APP_PATH "Software\Microsoft\Windows\CurrentVersion\App Paths\Phichat.exe"
!define CLASSES "Software\Classes"
!define KIND "Phichat.gguf"
!define DATA "$LOCALAPPDATA\Phichat" ; what the program writes
!define OLDEST_BUILD 17763 ; of Windows 10, which Qt needs

VIProductVersion "${NUMBERS}"
VIAddVersionKey ProductName "Phichat"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "Phichat Setup"
VIAddVersionKey CompanyName "${PUBLISHER}"
VIAddVersionKey LegalCopyright "${PUBLISHER}, MIT"

!include LogicLib.nsh
!include WinVer.nsh
!include x64.nsh
!include WinMessages.nsh
!include WinCore.nsh
!include Sections.nsh
!include FileFunc.nsh
!include nsDialogs.nsh
!include MUI2.nsh

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${SIDE}"
!define MUI_COMPONENTSPAGE_SMALLDESC
!define MUI_FINISHPAGE_RUN "$INSTDIR\Phichat.exe"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
UninstPage custom un.askAboutData un.noteAnswers
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE French
!include english.nsh
!include french.nsh

!ifdef SIGN
  !uninstfinalize '${SIGN} "%1"' = 0
!endif

!include running.nsh
!include removing.nsh
!include console.nsh
!include data.nsh
!include "${FILES}"

Var previous ; where another version is

Section "Phichat" program
  SectionIn RO
  SetDetailsPrint textonly
  Push $INSTDIR
  Call closeRunning
  ${If} $previous != ""
  ${AndIf} $previous != $INSTDIR
    Push $previous
    Call closeRunning
    Push $previous
    Call removeProgram
  ${EndIf}
  Push $INSTDIR
  Call removeProgram

  ; What removes everything comes first: it must be there if something goes wrong on the way.
  SetOutPath $INSTDIR
  WriteUninstaller "$INSTDIR\uninstall.exe"
  File "/oname=installed.txt" "${LISTED}"
  WriteRegStr HKCU "${ENTRY}" DisplayName "Phichat"
  WriteRegStr HKCU "${ENTRY}" DisplayVersion "${VERSION}"
  WriteRegStr HKCU "${ENTRY}" DisplayIcon "$INSTDIR\Phichat.exe"
  WriteRegStr HKCU "${ENTRY}" Publisher "${PUBLISHER}"
  WriteRegStr HKCU "${ENTRY}" InstallLocation "$INSTDIR"
  WriteRegStr HKCU "${ENTRY}" UninstallString '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${ENTRY}" QuietUninstallString '"$INSTDIR\uninstall.exe" /S'
  !ifdef HOMEPAGE
    WriteRegStr HKCU "${ENTRY}" URLInfoAbout "${HOMEPAGE}"
  !endif
  WriteRegDWORD HKCU "${ENTRY}" EstimatedSize ${SIZE}
  WriteRegDWORD HKCU "${ENTRY}" NoModify 1
  WriteRegDWORD HKCU "${ENTRY}" NoRepair 1

  !insertmacro INSTALL_FILES
  SetOutPath $INSTDIR ; the folder that shortcuts start in
  CreateShortcut "$SMPROGRAMS\Phichat.lnk" "$INSTDIR\Phichat.exe" "" "" "" "" "" "$(description)"
  WriteRegStr HKCU "${APP_PATH}" "" "$INSTDIR\Phichat.exe"
SectionEnd

Section "$(openingModels)" opening
  WriteRegStr HKCU "${CLASSES}\${KIND}" "" "$(modelFile)"
  WriteRegStr HKCU "${CLASSES}\${KIND}\DefaultIcon" "" "$INSTDIR\Phichat.exe,0"
  WriteRegStr HKCU "${CLASSES}\${KIND}\shell\open\command" "" '"$INSTDIR\Phichat.exe" "%1"'
  WriteRegNone HKCU "${CLASSES}\.gguf\OpenWithProgids" "${KIND}" ; one of those offered, not the one in use
SectionEnd

Section "$(inConsole)" console
  Push $INSTDIR
  Call addToPath
SectionEnd

Section /o "$(desktopLink)" desktop
  CreateShortcut "$DESKTOP\Phichat.lnk" "$INSTDIR\Phichat.exe" "" "" "" "" "" "$(description)"
SectionEnd

Section -rest
  ; What is not wanted any more goes, and what was chosen is the proposal of the next version.
  ${IfNot} ${SectionIsSelected} ${opening}
    Call removeOpening
  ${EndIf}
  ${IfNot} ${SectionIsSelected} ${console}
    Push $INSTDIR
    Call removeFromPath
  ${EndIf}
  ${If} $previous != ""
  ${AndIf} $previous != $INSTDIR
    Push $previous
    Call removeFromPath
  ${EndIf}
  ${IfNot} ${SectionIsSelected} ${desktop}
    Delete "$DESKTOP\Phichat.lnk"
  ${EndIf}
  !insertmacro noteChoice opening
  !insertmacro noteChoice console
  !insertmacro noteChoice desktop
  Call announce
SectionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
  !insertmacro MUI_DESCRIPTION_TEXT ${program} $(description)
  !insertmacro MUI_DESCRIPTION_TEXT ${opening} $(openingModelsWhat)
  !insertmacro MUI_DESCRIPTION_TEXT ${console} $(inConsoleWhat)
  !insertmacro MUI_DESCRIPTION_TEXT ${desktop} $(desktopLinkWhat)
!insertmacro MUI_FUNCTION_DESCRIPTION_END

!macro proposePrevious SECTION
  ReadRegStr $0 HKCU "${ENTRY}" "With ${SECTION}"
  ${If} $0 == "yes"
    !insertmacro SelectSection ${${SECTION}}
  ${ElseIf} $0 == "no"
    !insertmacro UnselectSection ${${SECTION}}
  ${EndIf}
!macroend

Function .onInit
  SetShellVarContext current
  SetRegView 64
  ${IfNot} ${AtLeastWin10}
  ${OrIfNot} ${AtLeastBuild} ${OLDEST_BUILD}
    MessageBox MB_ICONSTOP "$(tooOld)" /SD IDOK
    Abort
  ${EndIf}
  !ifdef ARM64
    ${IfNot} ${IsNativeARM64}
      MessageBox MB_ICONSTOP "$(otherProcessor)" /SD IDOK
      Abort
    ${EndIf}
  !endif
  ReadRegStr $previous HKCU "${ENTRY}" InstallLocation
  ${If} $INSTDIR == ""
    StrCpy $INSTDIR $previous
  ${EndIf}
  ${If} $INSTDIR == ""
    GetKnownFolderPath $INSTDIR ${FOLDERID_UserProgramFiles}
    ${If} $INSTDIR == ""
      StrCpy $INSTDIR "$LOCALAPPDATA\Programs"
    ${EndIf}
    StrCpy $INSTDIR "$INSTDIR\Phichat"
  ${EndIf}
  ${If} $previous != ""
    !insertmacro proposePrevious opening
    !insertmacro proposePrevious console
    !insertmacro proposePrevious desktop
  ${EndIf}
FunctionEnd

Section Uninstall
  SetDetailsPrint textonly
  Push $INSTDIR
  Call un.closeRunning
  Delete "$SMPROGRAMS\Phichat.lnk"
  Delete "$DESKTOP\Phichat.lnk"
  Call un.removeOpening
  Push $INSTDIR
  Call un.removeFromPath
  DeleteRegKey HKCU "${APP_PATH}"
  Push $INSTDIR
  Call un.removeProgram
  Call un.removeData
  DeleteRegKey HKCU "${ENTRY}"
  Call un.announce
SectionEnd

Function un.onInit
  SetShellVarContext current
  SetRegView 64
FunctionEnd
