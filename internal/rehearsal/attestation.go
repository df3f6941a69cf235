package rehearsal

import (
	"crypto/rsa"
	"fmt"
	"net/http"

	"byok/internal/attest"
	"byok/internal/kek"
	"byok/internal/rehearsal/partition"
	"byok/internal/rehearsal/softkey"
	"byok/internal/rehearsal/state"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
)

// partitionOf returns the folder's HSM partition, made on the first run, and
// publishes the root it is under.
func partitionOf(s *state.State) (*partition.HSM, error) {
	data, err := s.Once(filePartition, 0o600, func() ([]byte, error) {
		made, err := partition.New()
		if err != nil {
			return nil, err
		}
		return made.Encode(), nil
	})
	if err != nil {
		return nil, err
	}
	hsm, err := partition.Read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Path(filePartition), err)
	}
	return &hsm, s.Publish(state.FileRoot, hsm.Root)
}

// filePartition is the private file of the partition.
const filePartition = "attestation-private.pem"

// attestation is a version with the HSM's statement on it:
// GET /keys/{name}/{version}/attestation. What a Premium vault answers is not
// documented; that other types than RSA are not attested is our limit.
func (v *vault) attestation(c *call) (any, error) {
	name, key, err := v.version(c)
	if err != nil {
		return nil, err
	}
	if err := key.EnabledFor("get"); err != nil {
		return nil, err
	}
	m, isRSA := key.Material.(softkey.RSA)
	switch {
	case v.hsm == nil:
		return nil, &wire.Failure{
			Status:  http.StatusBadRequest,
			Code:    "NotSupported",
			Message: "Key attestation is supported by Managed HSM only",
		}
	case !isRSA:
		return nil, &wire.Failure{
			Status:  http.StatusBadRequest,
			Code:    "NotSupported",
			Message: "The rehearsal vault attests RSA keys only",
		}
	}
	kid, err := kek.ParseID(v.kid(name, key.Version))
	if err != nil {
		return nil, err
	}
	blob, err := attest.Sign(statement(kid, &m.PublicKey, key), v.hsm.Key)
	if err != nil {
		return nil, err
	}
	b := v.bundle(name, key)
	b.Attributes.Attestation = &wire.Attestation{
		CertificatePEMFile: v.hsm.Certificates,
		PrivateKey:         blob,
		Version:            "MRVL-1",
	}
	return b, nil
}

// statement is true also of a key that was imported, which came from outside,
// or that may leave.
func statement(kid kek.ID, public *rsa.PublicKey, key store.Version) attest.Claims {
	s := attest.NewClaims(attest.Firmware2, kid, public, key.Ops)
	values := map[attest.AttributeType]bool{}
	if key.Imported {
		values[attest.AttrLocal], values[attest.AttrAlwaysSensitive], values[attest.AttrNeverExtractable] = false,
			false, false
	}
	if key.Exportable {
		values[attest.AttrExtractable], values[attest.AttrNeverExtractable] = true, false
	}
	for i, a := range s.Objects[0].Attributes {
		if value, differs := values[a.Type]; differs {
			s.Objects[0].Attributes[i].Value = map[bool][]byte{false: {0}, true: {1}}[value]
		}
	}
	return s
}
