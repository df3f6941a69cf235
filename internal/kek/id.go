package kek

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// ID is a Key Vault key identifier with its version, as in
// https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8.
// Compare with [ID.Equal], not with ==.
type ID struct {
	Vault   string // as [ParseVault] returns it
	Name    string // 1 to 127 of 0-9, a-z, A-Z and the dash
	Version string // 32 hex digits
}

var (
	nameShape    = regexp.MustCompile(`^[0-9a-zA-Z-]{1,127}$`)
	versionShape = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// ParseID reads https://<host>[:<port>]/keys/<name>/<version> and nothing
// else: no user, query, fragment or trailing slash, and never without the
// version, because a KEK without one could be another key tomorrow.
func ParseID(s string) (ID, error) {
	id, err := parseID(s)
	if err != nil {
		return ID{}, fmt.Errorf("key identifier %.200q: %w", s, err)
	}
	return id, nil
}

func parseID(s string) (ID, error) {
	base, path, found := strings.Cut(s, "/keys/")
	if !found {
		return ID{}, errors.New("expected https://<host>/keys/<name>/<version>")
	}
	vault, err := parseVault(base)
	if err != nil {
		return ID{}, err
	}
	name, version, found := strings.Cut(path, "/")
	switch {
	case !nameShape.MatchString(name):
		return ID{}, errors.New("the name has 1 to 127 digits, letters and dashes")
	case !found:
		return ID{}, errors.New("the version is missing")
	case !versionShape.MatchString(version):
		return ID{}, errors.New("the version has 32 hex digits and nothing after them")
	}
	return ID{vault, name, version}, nil
}

// CheckName refuses a key name that the service would refuse: a name has 1 to
// 127 characters of 0-9, a-z, A-Z and the dash (Azure Key Vault, "Object
// identifiers").
func CheckName(name string) error {
	if !nameShape.MatchString(name) {
		return fmt.Errorf("key name %.200q: 1 to 127 digits, letters and dashes are allowed", name)
	}
	return nil
}

// String returns the identifier as the service writes it.
func (id ID) String() string { return id.Vault + id.Path() }

// Path returns the identifier without its vault: /keys/<name>/<version>.
func (id ID) Path() string { return "/keys/" + id.Name + "/" + id.Version }

// Equal reports whether both name the same key version. Key Vault identifiers
// compare without regard to case.
func (id ID) Equal(other ID) bool { return strings.EqualFold(id.String(), other.String()) }

// IsZero reports whether the identifier is missing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText implements encoding.TextMarshaler, with the text of [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, as [ParseID].
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	*id = parsed
	return err
}

// Check fails unless the identifier is one that [ParseID] returns. It is for
// values whose fields were filled in one by one.
func (id ID) Check() error {
	parsed, err := ParseID(id.String())
	if err == nil && parsed != id {
		err = fmt.Errorf("key identifier %.200q: the usual spelling is %q", id, parsed)
	}
	return err
}
