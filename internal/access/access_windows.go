package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"byok/internal/printable"
)

// trustedInstaller owns what Windows itself installs.
const trustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// masks lists the rights of an access list's entry, for each [Right]: winnt.h,
// "File access rights".
var masks = map[Right]windows.ACCESS_MASK{
	Any:    windows.FILE_READ_DATA | windows.FILE_EXECUTE | windows.GENERIC_READ | windows.GENERIC_EXECUTE | changing,
	Change: changing,
}

const changing = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.DELETE | windows.WRITE_DAC |
	windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// Others returns which account or group besides this user, the system and its
// administrators has a right to an open file, for a person: "BUILTIN\Users". It
// is empty where none has. A file system that keeps no access lists, such as FAT,
// gives everyone every right.
func Others(f *os.File, right Right) (who string, err error) {
	about, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return "", err
	}
	trusted, err := trustees()
	if err != nil {
		return "", err
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
	return stranger(list, masks[right], trusted)
}

// Owned reports whether an open file belongs to the user who runs this program, or
// to the administrators, as the files of one who is an administrator do. On a file
// system without access lists every file does.
func Owned(f *os.File) (bool, error) {
	about, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION)
	if err != nil || !keepsLists(f) {
		return err == nil, err
	}
	owner, _, err := about.Owner()
	if err != nil {
		return false, err
	}
	trusted, err := trustees()
	return among(trusted, owner), err
}

// stranger returns the first in a list, besides those trusted, to whom it gives a
// right of the mask. Entries that deny are left out of account: one that comes
// too late denies nothing.
func stranger(list *windows.ACL, mask windows.ACCESS_MASK, trusted []*windows.SID) (string, error) {
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &entry); err != nil {
			return "", err
		}
		if entry.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || entry.Mask&mask == 0 ||
			entry.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		if sid := (*windows.SID)(unsafe.Pointer(&entry.SidStart)); !among(trusted, sid) {
			return nameOf(sid), nil
		}
	}
	return "", nil
}

// trustees lists who has every right anyhow, this user first.
func trustees() ([]*windows.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	all := []*windows.SID{user.User.Sid}
	for _, known := range []windows.WELL_KNOWN_SID_TYPE{
		windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid, windows.WinCreatorOwnerRightsSid,
	} {
		sid, err := windows.CreateWellKnownSid(known)
		if err != nil {
			return nil, err
		}
		all = append(all, sid)
	}
	installer, err := windows.StringToSid(trustedInstaller)
	return append(all, installer), err
}

func among(all []*windows.SID, sid *windows.SID) bool {
	for _, s := range all {
		if s.Equals(sid) {
			return true
		}
	}
	return false
}

// nameOf names an account or a group as Windows does.
func nameOf(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	switch {
	case err != nil:
		return sid.String()
	case domain == "":
		return account
	}
	return domain + `\` + account
}

// Cure says how to keep others from a file: a command, as a rule.
func Cure(f *os.File) string {
	trusted, err := trustees()
	if err != nil || !keepsLists(f) {
		return "its file system keeps no access lists; put a copy on an NTFS volume of this computer"
	}
	us := printable.Quote(nameOf(trusted[0]) + ":F")
	return "icacls " + printable.Quote(f.Name()) + " /inheritance:r /grant:r " + us
}

// keepsLists reports whether files have access lists on the file's file system.
func keepsLists(f *os.File) bool {
	var flags uint32
	err := windows.GetVolumeInformationByHandle(windows.Handle(f.Fd()), nil, 0, nil, nil, &flags, nil, 0)
	return err != nil || flags&windows.FILE_PERSISTENT_ACLS != 0
}

// Create makes a new file for writing, which can be renamed while it is open. With a
// mode that gives others nothing it is this user's, the system's and its
// administrators' from the start.
func Create(path string, perm fs.FileMode) (*os.File, error) {
	name, ours, err := restricted(path)
	if err != nil {
		return nil, err
	}
	if perm&0o077 != 0 {
		ours = nil
	}
	const shared = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE, shared, ours, windows.CREATE_NEW,
		windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// Mkdir makes a folder. With a mode that gives others nothing, it and what is made
// below it are this user's, the system's and its administrators' alone.
func Mkdir(path string, perm fs.FileMode) error {
	if perm&0o077 != 0 {
		return os.Mkdir(path, perm)
	}
	name, ours, err := restricted(path)
	if err != nil {
		return err
	}
	if err := windows.CreateDirectory(name, ours); err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// MkdirAll is [Mkdir] with every folder on the way that is missing.
func MkdirAll(path string, perm fs.FileMode) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	}
	if above := filepath.Dir(path); above != path {
		if err := MkdirAll(above, perm); err != nil {
			return err
		}
	}
	if err := Mkdir(path, perm); !errors.Is(err, fs.ErrExist) { // another process was faster
		return err
	}
	return nil
}

// restricted returns a path, and who may reach what is made there. A file system
// without access lists leaves that out of account.
func restricted(path string) (*uint16, *windows.SecurityAttributes, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	trusted, err := trustees()
	if err != nil {
		return nil, nil, err
	}
	list := "D:P"
	for _, sid := range trusted[:3] {
		list += "(A;OICI;FA;;;" + sid.String() + ")" // inherited by files and folders; all access to files
	}
	about, err := windows.SecurityDescriptorFromString(list)
	if err != nil {
		return nil, nil, err
	}
	ours := &windows.SecurityAttributes{SecurityDescriptor: about}
	ours.Length = uint32(unsafe.Sizeof(*ours))
	return name, ours, nil
}
