//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/miekg/pkcs11"
	"github.com/rogpeppe/go-internal/testscript"
)

// objects lists the token's objects on stdout, a line each, sorted.
func objects(ts *testscript.TestScript, _ []string) {
	ts.Check(ts.Exec("token-objects", ts.Getenv("MODULE"), ts.MkAbs("secrets/pin")))
	_, err := fmt.Fprint(ts.Stdout(), of(ts).normal(ts.ReadFile("stdout")))
	ts.Check(err)
}

// tokenObjects is a program of its own, because a PKCS#11 library belongs to a
// process and reads its environment: token-objects LIBRARY PINFILE. It asks
// the library itself, without package hsm.
func tokenObjects() {
	lines, err := listObjects(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	slices.Sort(lines)
	fmt.Println(strings.Join(lines, "\n"))
}

func listObjects(library, pinFile string) ([]string, error) {
	pin, err := os.ReadFile(pinFile)
	if err != nil {
		return nil, err
	}
	p := pkcs11.New(library)
	if p == nil {
		return nil, fmt.Errorf("%s cannot be loaded", library)
	}
	defer p.Destroy()
	if err := p.Initialize(); err != nil {
		return nil, err
	}
	defer func() { _ = p.Finalize() }()
	slots, err := p.GetSlotList(true)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, slot := range slots {
		some, err := listSlot(p, slot, strings.TrimSpace(string(pin)))
		if err != nil {
			return nil, err
		}
		lines = append(lines, some...)
	}
	return lines, nil
}

// listSlot lists an initialised token's objects, which the user PIN opens.
func listSlot(p *pkcs11.Ctx, slot uint, pin string) ([]string, error) {
	info, err := p.GetTokenInfo(slot)
	if err != nil || info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
		return nil, err
	}
	session, err := p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return nil, err
	}
	if err := p.Login(session, pkcs11.CKU_USER, pin); err != nil {
		return nil, err
	}
	if err := p.FindObjectsInit(session, nil); err != nil {
		return nil, err
	}
	var handles []pkcs11.ObjectHandle
	for {
		some, _, err := p.FindObjects(session, 100)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		handles = append(handles, some...)
	}
	var lines []string
	for _, h := range handles {
		a, err := p.GetAttributeValue(session, h, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, nil), pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
		if err != nil {
			return nil, err
		}
		// SoftHSM keeps an empty object for every creation that it refuses.
		if label := string(a[1].Value); label != "" {
			lines = append(lines, class(a[0].Value)+" "+label)
		}
	}
	return lines, nil
}

func class(value []byte) string {
	names := map[byte]string{pkcs11.CKO_PUBLIC_KEY: "public", pkcs11.CKO_PRIVATE_KEY: "private", pkcs11.CKO_SECRET_KEY: "secret"}
	return names[value[0]]
}
