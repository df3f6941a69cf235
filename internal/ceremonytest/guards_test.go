//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/pkcs11"
	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/kmdata"
)

// paper sets $PAPER to what the card holders wrote down of the last statement:
// KMDATA.
func paper(ts *testscript.TestScript, args []string) {
	chain, err := kmdata.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	last := chain.Last()
	ts.Setenv("PAPER", fmt.Sprint(last.Number(), " ", last.Sum.FirstWords(1)))
}

// officer has the crypto officer trust every KM that is on the token: PINFILE
// FOLDER, which the shim's SHIM_TOOL names.
func officer(ts *testscript.TestScript, args []string) {
	ts.Check(ts.Exec("trust-km", ts.Getenv("MODULE"), ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// trustKM is a program of its own, as tokenObjects is: trust-km LIBRARY PINFILE
// FOLDER.
func trustKM() {
	if err := trustEachKM(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func trustEachKM(library, pinFile, folder string) error {
	pin, err := os.ReadFile(pinFile)
	if err != nil {
		return err
	}
	p := pkcs11.New(library)
	if p == nil {
		return fmt.Errorf("%s cannot be loaded", library)
	}
	defer p.Destroy()
	if err := p.Initialize(); err != nil {
		return err
	}
	defer func() { _ = p.Finalize() }()
	slots, err := p.GetSlotList(true)
	if err != nil {
		return err
	}
	session, err := p.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return err
	}
	if err := p.Login(session, pkcs11.CKU_USER, strings.TrimSpace(string(pin))); err != nil {
		return err
	}
	public := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY)}
	if err := p.FindObjectsInit(session, public); err != nil {
		return err
	}
	handles, _, err := p.FindObjects(session, 100)
	if err != nil {
		return err
	}
	for _, h := range handles {
		a, err := p.GetAttributeValue(session, h,
			[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil)})
		if err != nil {
			return err
		}
		if !strings.HasPrefix(string(a[0].Value), "byok-km-") {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%x", a[1].Value)), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}
