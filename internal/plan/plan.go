// Package plan is the reviewed plan of a ceremony: who does what, with which HSM,
// cards, keys and vaults. It is one YAML file that people write, review and
// approve before anything is opened.
//
// Use Read for a plan that a command is given, and Check for everything in it
// that cannot be. A plan holds nothing that somebody vouches for on the day: no
// fingerprint of a key, key identifier or serial number, and no secret. The
// decoder knows no such field, and refuses what it does not know.
package plan

import (
	"time"

	"byok/internal/keykind"
	"byok/internal/quorum"
)

// Version is the version of the file's form.
const Version = 1

// Plan is a whole plan, in the order of the file.
type Plan struct {
	Version   int            `yaml:"version"`
	Title     string         `yaml:"title"`
	Purpose   string         `yaml:"purpose"`
	Location  string         `yaml:"location"`
	Date      Day            `yaml:"date"`
	Rehearsal bool           `yaml:"rehearsal"`
	Airgap    bool           `yaml:"airgap"` // no network interface may be up at the disconnected workstation
	Approver  Person         `yaml:"approver"`
	Roles     []Role         `yaml:"roles"`
	Witnesses []Person       `yaml:"witnesses"`
	World     string         `yaml:"world"`    // label of the security world
	Existing  bool           `yaml:"existing"` // the world was created by an earlier ceremony
	Quorum    string         `yaml:"quorum"`   // K/N
	Holders   []Holder       `yaml:"holders"`
	HSM       HSM            `yaml:"hsm"`
	Stick     string         `yaml:"stick"`  // folder of the USB stick that crosses the air gap
	Backup    string         `yaml:"backup"` // folder for the copy of kmdata
	Image     Image          `yaml:"image"`  // that the disconnected workstation starts from; zero for none
	Kit       Kit            `yaml:"kit"`    // that it was installed from; zero for none
	Vaults    []Vault        `yaml:"vaults"`
	Keys      []Key          `yaml:"keys"`
	file      string         // name of the file
	lines     map[string]int // of each field, by its path
}

// File is the name of the plan's file, without its folder.
func (p *Plan) File() string { return p.file }

// Day is a day in UTC, written 2026-12-01 (RFC 3339, full-date); "" for none.
type Day string

// Time is the day's beginning. It fails for what is not a day.
func (d Day) Time() (time.Time, error) { return time.Parse(time.DateOnly, string(d)) }

// Text is the day's beginning as commands take it: RFC 3339, UTC.
func (d Day) Text() string { return string(d) + "T00:00:00Z" }

// Needed is how many card holders a session of the quorum needs: K of the
// quorum, 0 where the plan's is none.
func (p *Plan) Needed() int {
	q, err := quorum.ParseQuorum(p.Quorum)
	if err != nil {
		return 0
	}
	return q.K
}

// Person is somebody who takes part.
type Person struct {
	Name        string `yaml:"name"`
	Affiliation string `yaml:"affiliation"`
}

// Role is somebody with a part in the ceremony. The parts are those of [Roles].
type Role struct {
	Role   string `yaml:"role"`
	Person `yaml:",inline"`
}

// Holder is who will hold a card, and the tamper-evident bag that it goes into.
type Holder struct {
	Person `yaml:",inline"`
	Media  string `yaml:"media"` // folder of the card's medium
	Bag    string `yaml:"bag"`
	Seal   string `yaml:"seal"`
}

// HSM is the module that the keys are made in, without what must be read from
// the device on the day.
type HSM struct {
	Model       string `yaml:"model"`
	Library     string `yaml:"library"`     // path of the vendor's PKCS#11 library
	Certificate string `yaml:"certificate"` // such as FIPS 140-3 number 4703
	Guard       string `yaml:"guard"`       // the guard to ask for; "" for the strongest
	Token       string `yaml:"token"`       // initialize or adopt one in use; "" for an empty one
	Network     bool   `yaml:"network"`     // the library reaches its HSM through the network

	RightsPerLogin bool   `yaml:"rights_per_login"` // the quorum logs in by a PIN of its own
	VendorQuorum   string `yaml:"vendor_quorum"`    // the HSM's own quorum, for the record
}

// What can be done with a token that is in use when the world is created.
const (
	TokenInitialize = "initialize"
	TokenAdopt      = "adopt"
)

// Vault is a destination, and the key exchange key that its owner makes.
type Vault struct {
	Name         string `yaml:"name"`         // by which this plan's keys name it
	Service      string `yaml:"service"`      // managed-hsm or vault
	Address      string `yaml:"address"`      // https://…
	Subscription string `yaml:"subscription"` // UUID
	KEKName      string `yaml:"kek_name"`     // of the key exchange key in the vault
	KEK          string `yaml:"kek"`          // suffix of its packages, as in BYOK-KEK-pkg-CONTOSO-1
	Owner        Person `yaml:"owner"`
}

// Key is a key to be made and carried to vaults.
type Key struct {
	Ident         string   `yaml:"ident"`
	Name          string   `yaml:"name"` // in the vaults; "" for the ident
	Type          string   `yaml:"type"` // as [keykind.Parse] takes it
	Purpose       string   `yaml:"purpose"`
	NotBefore     Day      `yaml:"not_before"`
	Expires       Day      `yaml:"expires"`
	Operations    []string `yaml:"operations"` // none for all that the type allows
	Exportable    bool     `yaml:"exportable"`
	ReleasePolicy string   `yaml:"release_policy"` // file beside the plan
	Replaces      string   `yaml:"replaces"`       // ident of the key that this one follows
	Vaults        []string `yaml:"vaults"`
}

// Called is the key's name in the vaults.
func (k Key) Called() string {
	if k.Name != "" {
		return k.Name
	}
	return k.Ident
}

// Kind is the key's kind; the zero Kind where the plan names none that exists.
func (k Key) Kind() keykind.Kind {
	kind, err := keykind.Parse(k.Type)
	if err != nil {
		return keykind.Kind{}
	}
	return kind
}

// The parts that people have besides holding cards and owning vaults.
const (
	RoleAdministrator = "ceremony administrator"
	RoleOperator      = "operator"
	RoleConnected     = "connected operator"
	RoleOfficer       = "crypto officer"
	RoleAuditor       = "auditor"
)

// Roles lists the parts, each with what it does and whether a ceremony needs it.
func Roles() []struct {
	Name, Does string
	Needed     bool
} {
	return []struct {
		Name, Does string
		Needed     bool
	}{
		{RoleAdministrator, "leads through the script and records deviations", true},
		{RoleOperator, "types at the disconnected workstation, and knows the user PIN", true},
		{RoleConnected, "types at the connected workstation, and signs in to Azure", true},
		{RoleOfficer, "trusts the module's wrapping key with the vendor's tool", false},
		{RoleAuditor, "reads the record afterwards", false},
	}
}
