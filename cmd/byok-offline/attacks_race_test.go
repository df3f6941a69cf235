package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" // of RSA-OAEP
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/keywrap"
	"byok/internal/quorum"
	"byok/internal/statement"
)

// TestSecondProcess holds commands of the quorum at calls into the library,
// while a second process with the user PIN looks around and exchanges labels
// and identifiers of two keys. It never sees an object of the session, or a
// trusted one that is not the world's; what is wrapped under an approved name
// is the key that was approved, or nothing; and the backup of every key is its
// own. Some calls are held, or all with BYOK_FAULTS=all.
func TestSecondProcess(t *testing.T) {
	root := inState(t, generated)
	root.must(t, "key generate --ident root --type EC --without-quorum"+withPINs)
	for _, c := range []struct{ line, key, cards string }{
		{thenModify, "key_simple_ec", oldCards}, {thenMake, "key_simple_new", oldCards},
		{thenFreeze, "key_simple_ec", oldCards},
		{strings.Replace(thenRestore, "--ident ec", "--ident rsa", 1), "key_simple_rsa", oldCards},
		{thenReplace, "key_simple_ec", newCards},
	} {
		t.Run(strings.Join(strings.Fields(c.line)[:2], " "), func(t *testing.T) {
			from := root.copied(t)
			if strings.HasPrefix(c.line, "key restore") {
				from.destroyKey(t, "key_simple_rsa")
			}
			from.raced(t, c.line, c.key, strings.Fields(c.cards))
		})
	}
}

// raced tries the command with an exchange of its key's names, or of those of
// the public half alone, at some of its calls; with BYOK_FAULTS=all with both at
// each. The cards are those that are in force once it is done.
func (s *stage) raced(t *testing.T, line, key string, cards []string) {
	count, held := map[exitcode.Code]int{}, 0
	calls := s.callsMade(t, line)
	numbers := callsToHold(calls)
	for i, nth := range numbers {
		for j, halves := range [][]uint{{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY}, {pkcs11.CKO_PUBLIC_KEY}} {
			if (everyFault() || i%2 == j) && s.racedAt(t, line, nth, cards, count, func(a *attacker) {
				a.looksAround(t)
				if !a.exchangeAll(t, key, "key_simple_root", halves) { // there is none yet, or no longer
					a.exchangeAll(t, "key_simple_ec", "key_simple_root", halves)
				}
			}) {
				held++
			}
		}
	}
	t.Logf("%d runs, by exit status %v; calls held: %d of %d", held, count, len(numbers), len(calls))
	if count[exitcode.Done] == 0 {
		t.Error("no command ended well: the test shows little")
	}
	if strings.HasPrefix(line, "acl modify") && len(count) < 2 {
		t.Error("no exchange was ever met: the test shows nothing")
	}
}

// racedAt holds one run at its nth call, and reports whether it got there.
func (s *stage) racedAt(t *testing.T, line string, nth int, cards []string, count map[exitcode.Code]int,
	work func(*attacker)) bool {
	t.Helper()
	in := s.copied(t)
	line = in.filled(t, line)
	before := in.files(t)
	status, text, held := in.heldAt(t, line, nth, work)
	if !held {
		return false
	}
	count[status]++
	if status == exitcode.Done {
		in.wrappedAsApproved(t, nth)
		in.backupsAreTheirOwn(t, nth, cards)
		return true
	}
	if left := differences(in.files(t), before); strings.Contains(strings.Join(left, " "), "xferacld") {
		t.Errorf("at call %d: status %d, and left %q\n%s", nth, status, left, text)
	}
	return true
}

// everyFault reports whether nothing is to be left out.
func everyFault() bool { return os.Getenv(faultVariable) == "all" }

// someCalls is how many calls of a command are held, at least.
const someCalls = 6

// callsMade lists the calls that a command makes.
func (s *stage) callsMade(t *testing.T, line string) []string {
	t.Helper()
	in := s.copied(t)
	log := in.path("calls")
	in.must(t, in.filled(t, line), "BYOK_SHIM_LOG="+log)
	return shim.Calls(t, log)
}

// callsToHold lists calls by their numbers: the first of those that decide what
// is wrapped, and others between them; or all.
func callsToHold(calls []string) (numbers []int) {
	seen := map[string]int{}
	for i, call := range calls {
		decides := slices.Contains([]string{"C_CopyObject", "C_WrapKey", "C_UnwrapKey", "C_Login", "C_SetPIN"}, call)
		seen[call]++
		if decides && seen[call] <= 2 || i%(len(calls)/someCalls+1) == 0 && i > 0 || everyFault() {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// heldAt stops the command before its nth call, and lets it go on after the
// attacker's work.
func (s *stage) heldAt(t *testing.T, line string, nth int, work func(*attacker)) (status exitcode.Code, text string,
	held bool) {
	t.Helper()
	cmd := s.command(nil, line, fmt.Sprintf("BYOK_SHIM_AT=%d", nth), "BYOK_SHIM_DO=stop")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var state syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &state, syscall.WUNTRACED, nil); err != nil {
		t.Fatal(err)
	}
	if state.Stopped() {
		held = true
		func() {
			defer func() { _ = cmd.Process.Signal(syscall.SIGCONT) }()
			s.besiege(t, work)
		}()
		err := cmd.Wait()
		if exit, failed := err.(*exec.ExitError); failed {
			status = exitcode.Code(exit.ExitCode())
		}
	}
	return status, said.String(), held
}

// looksAround sees the world's objects and probes, none of a session's, and
// nothing else that is trusted.
func (a *attacker) looksAround(t *testing.T) {
	t.Helper()
	a.meanwhile = true
	a.targets(t)
	for _, o := range a.found(t) {
		if !slices.Contains(a.found(t, attr(pkcs11.CKA_TOKEN, true)), o) && a.value(t, o, pkcs11.CKA_LABEL) != nil {
			if label := string(a.value(t, o, pkcs11.CKA_LABEL)); label != "" {
				t.Errorf("BREACH: an object of the session is seen: %q", label)
			}
		}
	}
}

// exchangeAll exchanges the names of two keys' halves, and reports whether both
// keys had one.
func (a *attacker) exchangeAll(t *testing.T, one, other string, halves []uint) (exchanged bool) {
	t.Helper()
	for _, class := range halves {
		first := a.found(t, attr(pkcs11.CKA_LABEL, one), attr(pkcs11.CKA_CLASS, class))
		second := a.found(t, attr(pkcs11.CKA_LABEL, other), attr(pkcs11.CKA_CLASS, class))
		if len(first) == 1 && len(second) == 1 {
			a.exchange(t, a.seen(t, first[0]), a.seen(t, second[0]))
			exchanged = true
		}
	}
	return exchanged
}

// wrappedAsApproved opens every wrapped copy as the vault does.
func (s *stage) wrappedAsApproved(t *testing.T, nth int) {
	t.Helper()
	chain := s.chain(t)
	for _, path := range mustDo(filepath.Glob(s.path("kmdata/local/key_xferacld_*")))(t) {
		if strings.HasSuffix(path, ".sig") {
			continue
		}
		k := mustDo(chain.KeyFile(path))(t)
		_, authorization, err := chain.Authorization(k.Copy.Number)
		if err != nil {
			t.Fatal(err)
		}
		key := mustDo(parsePKCS8(s.kek.open(t, k.Copy.Ciphertext)))(t)
		opened := mustDo(statement.IdentityOf(&key.PublicKey, 0, nil))(t)
		if !authorization.Pairs[k.Copy.Index].Identity.Same(opened) {
			t.Errorf("BREACH: at call %d: another key was wrapped than was approved", nth)
		}
	}
}

// backupsAreTheirOwn opens every backup as K card holders do by hand.
func (s *stage) backupsAreTheirOwn(t *testing.T, nth int, cards []string) {
	t.Helper()
	chain, km := s.chain(t), s.openedKM(t, cards)
	for _, k := range mustDo(chain.Keys())(t) {
		backup := unbase64(k.Backup)
		layer, err := km.Decrypt(nil, backup[:km.Size()], &rsa.OAEPOptions{Hash: crypto.SHA1})
		if err != nil || k.CardSet != chain.Set().Cards.Number {
			t.Errorf("at call %d: the backup of %s is under card set %d, and does not open: %v", nth, k.Name(), k.CardSet, err)
			continue
		}
		plain := mustDo(keywrap.Unwrap(layer, backup[km.Size():]))(t)
		if k.Secret() {
			if checkValue(t, plain) != k.CheckValue {
				t.Errorf("BREACH: at call %d: the backup of %s is another key's", nth, k.Name())
			}
			continue
		}
		private := mustDo(anyPKCS8(plain))(t)
		if opened := mustDo(statement.IdentityOf(private.Public(), 0, nil))(t); !k.Identity.Same(opened) {
			t.Errorf("BREACH: at call %d: the backup of %s is another key's", nth, k.Name())
		}
	}
}

// openedKM is KM's private half, as the cards open it.
func (s *stage) openedKM(t *testing.T, folders []string) *rsa.PrivateKey {
	t.Helper()
	set := s.chain(t).Set()
	reader := mustDo(quorum.NewReader(set.Cards))(t)
	for _, folder := range folders {
		if err := reader.Add(folder, s.opened(t, folder, s.text(t, "secrets/"+folder))); err != nil {
			t.Fatal(err)
		}
	}
	world := mustDo(reader.Secret())(t)
	der := mustDo(quorum.Unseal(world, set.Cards.Context(), quorum.PurposeSealKM, set.KM.Sealed))(t)
	return mustDo(x509.ParsePKCS8PrivateKey(der.Reveal()))(t).(*rsa.PrivateKey)
}

// anyPKCS8 leaves SoftHSM's zeros behind the key.
func anyPKCS8(der []byte) (crypto.Signer, error) {
	var whole asn1.RawValue
	if _, err := asn1.Unmarshal(der, &whole); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(whole.FullBytes)
	signer, _ := key.(crypto.Signer)
	return signer, err
}

// open opens a wrapped key with the KEK's private half.
func (k vaultKEK) open(t testing.TB, ciphertext []byte) []byte {
	t.Helper()
	layer := mustDo(k.private.Decrypt(nil, ciphertext[:k.private.Size()], &rsa.OAEPOptions{Hash: crypto.SHA1}))(t)
	return mustDo(keywrap.Unwrap(layer, ciphertext[k.private.Size():]))(t)
}

// TestExchangedPackages exchanges the halves of wrapped copies pairwise: none
// opens under the KEK that is not one of those that were approved.
func TestExchangedPackages(t *testing.T) {
	s := inState(t, modified)
	size := s.kek.private.Size()
	var whole [][]byte
	for _, ident := range strings.Fields(keyIdents) {
		k := s.copyOf(t, ident)
		whole = append(whole, k.Copy.Ciphertext)
	}
	for i, outer := range whole {
		for j, inner := range whole {
			layer := mustDo(s.kek.private.Decrypt(nil, outer[:size], &rsa.OAEPOptions{Hash: crypto.SHA1}))(t)
			_, err := keywrap.Unwrap(layer, inner[size:])
			if opens := err == nil; opens != (i == j) {
				t.Errorf("the first half of package %d opens the second of package %d: %t", i, j, opens)
			}
		}
	}
}
