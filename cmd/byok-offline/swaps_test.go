package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
)

// swapper is a second process with the user PIN. It has a key of its own, whose
// value it knows, and exchanges labels and CKA_ID of both halves with those of
// a key of the world, there and back, until it is stopped.
type swapper struct {
	p      *pkcs11.Ctx
	h      pkcs11.SessionHandle
	mine   *ecdsa.PrivateKey
	theirs string // label of the key of the world
	swaps  int
}

// ownLabel is the label of the swapper's own key while nothing is exchanged.
const ownLabel = "key_simple_own"

// whileSwapping runs a command line again and again while the swapper is at
// work, and calls seen after each. It returns how often labels were exchanged.
func (s *stage) whileSwapping(t *testing.T, ident string, lines []string, seen func(ending, *swapper)) int {
	t.Helper()
	w := &swapper{theirs: kmdata.KeyName(kmdata.Simple, ident)}
	s.onToken(t, func(p *pkcs11.Ctx) {
		w.p, w.h = p, s.login(t, p, stagePIN)
		w.mine = mustDo(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
		w.create(t)
		for _, line := range lines {
			stop, stopped := make(chan bool), make(chan bool)
			go func() {
				defer close(stopped)
				w.work(stop)
			}()
			out := s.run(t, line)
			close(stop)
			<-stopped
			seen(out, w)
		}
		w.destroy(t)
	})
	return w.swaps
}

// create puts the swapper's own key on the token, by value.
func (w *swapper) create(t *testing.T) {
	t.Helper()
	point := mustDo(asn1.Marshal(mustDo(w.mine.PublicKey.Bytes())(t)))(t)
	common := w.naming(t, named{[]byte(ownLabel), []byte("own")})
	mustDo(w.p.CreateObject(w.h, append(common, pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true))))(t)
	mustDo(w.p.CreateObject(w.h, append(common, pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, mustDo(w.mine.Bytes())(t)), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
		pkcs11.NewAttribute(pkcs11.CKA_WRAP_WITH_TRUSTED, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true))))(t)
}

// naming begins the template of either half of a P-256 key on the token.
func (w *swapper) naming(t *testing.T, name named) []*pkcs11.Attribute {
	t.Helper()
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, name.label), pkcs11.NewAttribute(pkcs11.CKA_ID, name.id),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS,
			mustDo(asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}))(t)),
	}
}

// named is how an object is found by the program.
type named struct{ label, id []byte }

// labelled lists the objects with a label.
func (w *swapper) labelled(label string) (found []pkcs11.ObjectHandle) {
	if w.p.FindObjectsInit(w.h, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}) == nil {
		found, _, _ = w.p.FindObjects(w.h, 10)
		_ = w.p.FindObjectsFinal(w.h)
	}
	return found
}

// name reads an object's label and CKA_ID.
func (w *swapper) name(o pkcs11.ObjectHandle) named {
	values, err := w.p.GetAttributeValue(w.h, o, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil)})
	if err != nil {
		return named{}
	}
	return named{values[0].Value, values[1].Value}
}

func (w *swapper) rename(objects []pkcs11.ObjectHandle, to named) {
	for _, o := range objects {
		_ = w.p.SetAttributeValue(w.h, o, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, to.label), pkcs11.NewAttribute(pkcs11.CKA_ID, to.id)})
	}
}

// work exchanges the names of both keys until it is stopped, and leaves them as
// they were.
func (w *swapper) work(stop <-chan bool) {
	mine, own := w.labelled(ownLabel), named{[]byte(ownLabel), []byte("own")}
	for {
		select {
		case <-stop:
			return
		default:
		}
		theirs := w.labelled(w.theirs)
		if len(theirs) == 0 { // not yet: the name is taken meanwhile
			w.rename(mine, named{[]byte(w.theirs), own.id})
			w.rename(mine, own)
			continue
		}
		name := w.name(theirs[0])
		w.rename(mine, name)
		w.rename(theirs, own)
		w.rename(theirs, name)
		w.rename(mine, own)
		w.swaps++
	}
}

// destroy takes the swapper's own key away.
func (w *swapper) destroy(t *testing.T) {
	t.Helper()
	for _, o := range w.labelled(ownLabel) {
		if err := w.p.DestroyObject(w.h, o); err != nil {
			t.Fatal(err)
		}
	}
}

// rounds is how often a command is run while objects are swapped.
const rounds = 2

// TestSwappedForTransfer exchanges the key of the world with another one, by
// label and CKA_ID, for the whole session of acl modify. The command may fail;
// where it does not, the key that the holders saw was wrapped, and no other.
func TestSwappedForTransfer(t *testing.T) {
	s := newRepertoire(t).after("key generate")
	var lines []string
	for i := range rounds {
		lines = append(lines, s.filled(t, fmt.Sprintf("acl modify --ident contosokey --key-friendly-name Contoso%d "+
			"--approve-unseen $KEK $LAST%s", i, withPINs+flagsOf("", "card1 card2"))))
	}
	failed := 0
	swaps := s.whileSwapping(t, "contosokey", lines, func(out ending, w *swapper) {
		if out.status != exitcode.Done {
			failed++
			out.oneClearLine(t, out.status)
		}
	})
	approved := mustDo(s.chain(t).Key("contosokey"))(t)
	copies := mustDo(s.chain(t).Copies("contosokey"))(t)
	for _, c := range copies {
		if key := s.kek.opened(t, c.Copy.Ciphertext); !key.PublicKey.Equal(approved.Public()) {
			t.Errorf("%s: another key was wrapped", c.Name())
		}
	}
	if len(copies)+failed < rounds || swaps == 0 {
		t.Errorf("%d copies, %d failed, %d swaps", len(copies), failed, swaps)
	}
	t.Logf("%d swaps, %d of %d runs failed", swaps, failed, rounds)
	s.sound(t, subject{})
}

// TestSwappedOnce stops acl modify at a call of the library, exchanges the keys,
// or what is shown of one, for good, and lets it go on: as above, at every
// twentieth call, or at every call with BYOK_FAULTS=all.
func TestSwappedOnce(t *testing.T) {
	s := newRepertoire(t).after("key generate")
	line := s.filled(t, "acl modify --ident contosokey --key-friendly-name Contoso --approve-unseen $KEK $LAST"+
		withPINs+flagsOf("", "card1 card2"))
	calls := s.copied(t).callPoints(t, line)
	var mine *ecdsa.PrivateKey
	s.onToken(t, func(p *pkcs11.Ctx) {
		w := &swapper{p: p, h: s.login(t, p, stagePIN), mine: mustDo(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)}
		w.create(t)
		mine = w.mine
	})
	approved := mustDo(s.chain(t).Key("contosokey"))(t)
	step := 20
	if everyFault() {
		step = 1
	}
	for name, swap := range map[string]func(*swapper, *testing.T){
		"both halves": (*swapper).exchange, "the public half": (*swapper).pretend,
	} {
		t.Run(name, func(t *testing.T) {
			wrapped := 0
			for at := step; at < len(calls); at += step {
				on := s.copied(t)
				status := on.swappedAt(t, line, at, func(w *swapper) {
					w.mine = mine
					swap(w, t)
				})
				copies := mustDo(on.chain(t).Copies("contosokey"))(t)
				if (status == 0) != (len(copies) == 1) {
					t.Errorf("at call %d: status %d, %d copies", at, status, len(copies))
				}
				for _, c := range copies {
					wrapped++
					if key := on.kek.opened(t, c.Copy.Ciphertext); !key.PublicKey.Equal(approved.Public()) {
						t.Errorf("at call %d (%s): another key was wrapped", at, calls[at-1].call)
					}
				}
			}
			if wrapped == 0 {
				t.Error("no run ended well: the test shows nothing")
			}
			t.Logf("%d of %d runs wrapped the key that was approved", wrapped, len(calls)/step)
		})
	}
}

// exchange exchanges the names of the two keys.
func (w *swapper) exchange(t *testing.T) {
	mine, theirs := w.labelled(ownLabel), w.labelled("key_simple_contosokey")
	if len(mine) != 2 || len(theirs) != 2 {
		t.Fatalf("%d and %d objects", len(mine), len(theirs))
	}
	name := w.name(theirs[0])
	w.rename(theirs, named{[]byte(ownLabel), []byte("own")})
	w.rename(mine, name)
}

// pretend puts the swapper's own public half in the place of the key's.
func (w *swapper) pretend(t *testing.T) {
	theirs := w.labelled("key_simple_contosokey")
	name := w.name(theirs[0])
	for _, o := range theirs {
		class := mustDo(w.p.GetAttributeValue(w.h, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, nil)}))(t)
		if ulong(class[0].Value) != pkcs11.CKO_PUBLIC_KEY {
			continue
		}
		if err := w.p.DestroyObject(w.h, o); err != nil {
			t.Fatal(err)
		}
	}
	mustDo(w.p.CreateObject(w.h, append(w.naming(t, name), pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, mustDo(asn1.Marshal(mustDo(w.mine.PublicKey.Bytes())(t)))(t)),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true))))(t)
}

// swappedAt has the swapper at work at one call of a command, and returns its
// status.
func (s *stage) swappedAt(t *testing.T, line string, at int, swap func(*swapper)) int {
	t.Helper()
	first := s.stopped(t, line, strconv.Itoa(at))
	s.onToken(t, func(p *pkcs11.Ctx) { swap(&swapper{p: p, h: s.login(t, p, stagePIN)}) })
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	return first.ProcessState.ExitCode()
}

// TestSwappedForGeneration does the same to key generate: the key file, the
// origin statement and the token agree on a key that was made in the session.
func TestSwappedForGeneration(t *testing.T) {
	s := newRepertoire(t).after("world create")
	line := s.filled(t, "key generate --ident k --type EC $LAST"+withPINs+flagsOf("", "card1 card2"))
	var ends []exitcode.Code
	swaps := s.whileSwapping(t, "k", slices.Repeat([]string{line}, rounds), func(out ending, w *swapper) {
		ends = append(ends, out.status)
		k, err := s.chain(t).Key("k")
		if err == nil && keykind.SamePublicKey(k.Public(), &w.mine.PublicKey) {
			t.Error("the swapper's key is recorded as generated")
		}
		if o, found := s.chain(t).Origin("k"); found && err == nil && !o.Identity.Same(k.Identity) {
			t.Error("origin statement and key file name two keys")
		}
	})
	if out := s.run(t, line); out.status != exitcode.Done && out.status != exitcode.Refused {
		t.Errorf("status %d once the swapper is gone:\n%s", out.status, out.text)
	}
	t.Logf("%d swaps, statuses %v", swaps, ends)
	s.sound(t, subject{})
}

// opened opens a wrapped EC key as the vault does.
func (k vaultKEK) opened(t testing.TB, ciphertext []byte) *ecdsa.PrivateKey {
	t.Helper()
	size := k.private.Size()
	aes := mustDo(rsa.DecryptOAEP(sha1.New(), nil, k.private, ciphertext[:size], nil))(t)
	der := mustDo(keywrap.Unwrap(aes, ciphertext[size:]))(t)
	return mustDo(x509.ParsePKCS8PrivateKey(der))(t).(*ecdsa.PrivateKey)
}
