package access

import (
	"os"

	"golang.org/x/sys/windows"
)

// exchanging are the rights by which a file is changed or another put in its place,
// and those of a folder by which that is done to what is in it. Whoever may do no
// more in a folder than add one below it, as users may in C:\, exchanges nothing.
const exchanging = changing&^windows.FILE_APPEND_DATA | fileDeleteChild

// fileDeleteChild is FILE_DELETE_CHILD of winnt.h.
const fileDeleteChild windows.ACCESS_MASK = 0x40

// Exchanger returns which account or group besides the system and its administrators
// can exchange an open file or what is in an open folder, for a person. This user is
// one unless trusted. It is empty where there is none.
func Exchanger(f *os.File, userTrusted bool) (who string, err error) {
	about, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return "", err
	}
	trusted, err := trustees()
	if err != nil {
		return "", err
	}
	if !userTrusted {
		trusted = trusted[1:]
	}
	owner, _, err := about.Owner()
	if err != nil {
		return "", err
	}
	if !among(trusted, owner) { // who may always change the list
		return nameOf(owner), nil
	}
	list, _, err := about.DACL()
	if err != nil || list == nil { // no list: no limit
		return "everyone", nil
	}
	return stranger(list, exchangingIn(f), trusted)
}

// exchangingIn is the mask of rights: to append to a file changes it.
func exchangingIn(f *os.File) windows.ACCESS_MASK {
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return exchanging
	}
	return changing
}
