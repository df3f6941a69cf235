package keys_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsmattest"
	"byok/internal/keys"
	"byok/internal/packing"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
	"byok/internal/testkit/yubichain"
)

// attested is a transfer of the key first with an attestation of it. SoftHSM's
// serial is hexadecimal, so that a YubiHSM's is refused there.
func attested(t *testing.T, r *rig.Rig) keys.Transfer {
	t.Helper()
	c := yubichain.New(30000001)
	data, err := c.Attest(firstOf(t, r).Public())
	rig.OK(t, err)
	transfer := transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First")
	transfer.Attestation = hsmattest.Attached{File: "first.pem", Data: data, Root: c.Root()}
	return transfer
}

// TestApproveAttached: what cannot be verified is kept, hashed and shown as such.
func TestApproveAttached(t *testing.T) {
	r := rig.NewKeyWorld(t)
	transfer := transferOf(t, r, rig.NewKEK(t, "KEK1"), "first", "First")
	bundle := []byte(`{"pubkeydata":"","kcmsg":"","kcsig":"","warrant":""}`)
	transfer.Attestation = hsmattest.Attached{File: "first.att", Data: bundle}
	files, err := approve(r, transfer)
	rig.OK(t, err)
	r.Heard(t, r.People.Said, "   HSM    nShield attestation bundle: attached, not verified")
	chain := r.Chain(t)
	_, a, err := chain.Authorization(files[0].Copy.Number)
	rig.OK(t, err)
	h := a.Pairs[0].HSM
	if h == nil || h.SHA256 != fingerprint.Of(bundle) || h.Verified() {
		t.Fatalf("%+v", h)
	}
	kept, err := chain.HSMAttestation(h.SHA256)
	rig.OK(t, err)
	if !bytes.Equal(kept, bundle) {
		t.Errorf("kept %q", kept)
	}
	packed(t, r, bundle)
	r.Whole(t)
	rig.OK(t, os.WriteFile(chain.HSMAttestationPath(h.SHA256), []byte("swapped"), 0o600))
	const swapped = "DIR/local/attestations/SHA256: its content is another one than a quorum approved"
	r.Finds(t, "attestation of first", "FAIL: "+swapped)
	r.Finds(t, "files of kmdata", "FAIL: "+swapped)
	err = operator(r, func(o keys.Operator) error {
		_, err := packOne(o, packing.Request{Ident: "first", SubscriptionID: subscription, Dir: t.TempDir(), Generator: "test"})
		return err
	})
	r.Refused(t, err, exitcode.Check, swapped, "bring the file back from a copy of kmdata")
}

// packed writes the package of the key first, which must have the attestation.
func packed(t *testing.T, r *rig.Rig, want []byte) {
	t.Helper()
	dir := t.TempDir()
	rig.OK(t, operator(r, func(o keys.Operator) error {
		p, err := packOne(o, packing.Request{Ident: "first", SubscriptionID: subscription, Dir: dir, Generator: "test"})
		rig.OK(t, err)
		found := false
		for _, path := range p.Paths {
			if strings.HasSuffix(path, "KeyTransferPackage-First.hsm-attestation") {
				data, err := os.ReadFile(path)
				rig.OK(t, err)
				found = bytes.Equal(data, want)
			}
		}
		if !found {
			t.Errorf("the attestation is not among %q", p.Paths)
		}
		return nil
	}))
}

// TestApproveAttested refuses an attestation of another device, of another key,
// and a root of its own in production, before anyone approves.
func TestApproveAttested(t *testing.T) {
	r := rig.NewKeyWorld(t)
	rig.OK(t, generate(r, "other"))
	asked := false
	r.People.Approve = func(string) error { asked = true; return nil }
	transfer := attested(t, r)
	_, err := approve(r, transfer)
	serial := r.Chain(t).Modules()[0].Token.Serial
	r.Refused(t, err, exitcode.Check, `first.pem: HSM-KEY-SERIAL: the module's serial number "`+r.Plain(serial)+
		`" is not a YubiHSM's`, "attach the attestation of this key by this device, or none")
	if asked {
		t.Error("the holders were asked")
	}
	m := *r.Chain(t).Modules()[0]
	m.Token.Serial = "30000001"
	h, err := transfer.Attestation.Judge(firstOf(t, r), &m)
	rig.OK(t, err)
	if !h.Verified() || h.String() != "YubiHSM 2 attestation certificate: verified, under a rehearsal's root" {
		t.Errorf("%v", h)
	}
	other, err := r.Chain(t).Key("other")
	rig.OK(t, err)
	_, err = transfer.Attestation.Judge(other.Identity, &m)
	r.Refused(t, err, exitcode.Check, "first.pem: HSM-KEY-SAME: the attestation is of another key",
		"attach the attestation of this key by this device, or none")
	rig.OK(t, quorum(r, func(s keys.Quorum) error {
		s.Module.Token.Serial = "30000001" // as if the module were the device
		files, err := s.Approve([]keys.Transfer{transfer})
		rig.OK(t, err)
		_, a, err := s.Chain.Authorization(files[0].Copy.Number)
		if got := a.Pairs[0].HSM; !got.Verified() || len(got.Rules) != len(hsmattest.Rules()) || got.Root == "" {
			t.Errorf("approved with %+v", got)
		}
		return err
	}))
	r.Heard(t, r.People.Said, "   HSM    YubiHSM 2 attestation certificate: verified, under a rehearsal's root",
		"          HSM-KEY-ORIGIN: generated in the device, never imported",
		"          HSM-KEY-USES: sign-ecdsa, exportable-under-wrap")
	transfer.Attestation.Data = nil
	_, err = transfer.Check(r.Chain(t))
	r.Refused(t, err, exitcode.Usage, "--hsm-attestation-root needs --hsm-attestation", "")
}

// TestAttestationOfProduction: production knows the vendors' roots alone.
func TestAttestationOfProduction(t *testing.T) {
	w, err := softworld.New(t.TempDir(), softworld.Options{})
	rig.OK(t, err)
	err = hsmattest.Attached{Data: []byte("any"), Root: "any"}.Check(w.Chain.Rehearsal())
	want := "--hsm-attestation-root is for rehearsals alone: the vendors' roots are pinned"
	if exitcode.Of(err) != exitcode.Refused || err.Error() != want {
		t.Errorf("%v", err)
	}
}
