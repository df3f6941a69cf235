// Command calls makes one PKCS#11 call after another of a YubiHSM's library, as
// two logins, and prints what each returns as the rows of a table. They are the
// calls that byok-offline makes, each as it makes it and, where the library
// refuses that, as the library takes it.
//
// It is for a simulated device: it generates, exports and deletes keys.
// scripts/hsms/yubihsm.sh runs it and compares.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/native"
	"byok/internal/hsm/p11"
)

func main() {
	module := flag.String("module", "", "the `LIBRARY` to load")
	operator := flag.String("operator", "", "`PIN` of the login that may not export")
	quorum := flag.String("quorum", "", "`PIN` of the login that may")
	flag.Parse()
	if err := run(*module, *operator, *quorum); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "calls:", err)
		os.Exit(1)
	}
}

func run(module, operator, quorum string) error {
	ctx := pkcs11.New(module)
	if ctx == nil {
		return fmt.Errorf("%s cannot be loaded", module)
	}
	defer ctx.Destroy()
	if err := ctx.Initialize(); err != nil {
		return err
	}
	defer ctx.Finalize() //nolint:errcheck // the process ends
	wrapper, err := native.Open(module)
	if err != nil {
		return err
	}
	defer wrapper.Close()
	b, err := newBench(ctx, wrapper)
	if err != nil {
		return err
	}
	logins := []struct {
		name, pin string
		trials    []trial
	}{
		{"none", "", withoutLogin(operator)},
		{"quorum", quorum, b.asQuorum()},
		{"operator", operator, b.asOperator()},
	}
	for _, l := range logins {
		if err := b.as(l.name, l.pin, l.trials); err != nil {
			return fmt.Errorf("as %s: %w", l.name, err)
		}
	}
	return nil
}

// trial is one call. What it returns beside an error is worth a remark.
type trial struct {
	call string
	do   func(*bench) (remark string, err error)
}

// as logs in, unless the PIN is empty, and makes every call.
func (b *bench) as(name, pin string, trials []trial) error {
	if pin != "" {
		if err := b.ctx.Login(b.Handle, pkcs11.CKU_USER, pin); err != nil {
			return err
		}
		defer b.ctx.Logout(b.Handle) //nolint:errcheck // the next login shows it
	}
	for _, t := range trials {
		remark, err := t.do(b)
		if _, err := fmt.Printf("| %s | %s | %s | %s |\n", name, t.call, outcome(err), remark); err != nil {
			return err
		}
	}
	return nil
}

// outcome is the name of a return value, or what else went wrong.
func outcome(err error) string {
	if err == nil {
		return "CKR_OK"
	}
	var code pkcs11.Error
	if errors.As(err, &code) {
		return fmt.Sprintf("%v (0x%X)", p11.Named(err), uint(code))
	}
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}
