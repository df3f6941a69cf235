package library

import "strings"

// onWindows reports whether paths and names are those of Windows.
const onWindows = true

// Example is the path of a PKCS#11 library on this system, for hints.
const Example = `C:\Program Files\SoftHSM2\lib\softhsm2-x64.dll`

// lunaFile is the name of Luna's configuration file.
const lunaFile = "crystoki.ini"

// systemVariables are the system's own by which libraries find their files, folded.
// %PATH% is not among them: no library is looked for there.
var systemVariables = []string{
	"SYSTEMROOT", "WINDIR", "SYSTEMDRIVE", "PROGRAMDATA", "PROGRAMFILES", "COMMONPROGRAMFILES", "ALLUSERSPROFILE",
	"USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "COMPUTERNAME", "USERNAME",
}

// folded is a name as the system compares it: Windows knows no difference of case in
// the names of variables and files.
func folded(name string) string { return strings.ToUpper(name) }
