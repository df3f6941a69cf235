package transfer

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// KeyID is a Key Vault key identifier with its version, as in
// https://contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8.
// Compare with Equal, not with ==.
type KeyID struct {
	Vault   string // https://host or https://host:port; host in lower case, port 443 left out
	Name    string // 1 to 127 of 0-9, a-z, A-Z and the dash
	Version string // 32 hex digits
}

var (
	hostShape    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	versionShape = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// ParseKeyID reads https://<host>[:<port>]/keys/<name>/<version> and nothing
// else: no user, query, fragment or trailing slash, and never without the
// version, for a KEK without one could be another key tomorrow.
func ParseKeyID(s string) (KeyID, error) {
	k, err := parseKeyID(s)
	if err != nil {
		return KeyID{}, fmt.Errorf("key identifier %.200q: %w", s, err)
	}
	return k, nil
}

func parseKeyID(s string) (KeyID, error) {
	base, path, found := strings.Cut(s, "/keys/")
	if !found {
		return KeyID{}, errors.New("expected https://<host>/keys/<name>/<version>")
	}
	vault, err := parseVault(base)
	if err != nil {
		return KeyID{}, err
	}
	name, version, found := strings.Cut(path, "/")
	switch {
	case !nameShape.MatchString(name):
		return KeyID{}, errors.New("the name has 1 to 127 digits, letters and dashes")
	case !found:
		return KeyID{}, errors.New("the version is missing")
	case !versionShape.MatchString(version):
		return KeyID{}, errors.New("the version has 32 hex digits and nothing after them")
	}
	return KeyID{vault, name, version}, nil
}

// parseVault normalises https://host[:port]: the host to lower case, and
// without the port that https implies (RFC 3986, section 6.2.3).
func parseVault(s string) (string, error) {
	const scheme = "https://"
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return "", errors.New("it does not begin with https://")
	}
	host, port, withPort := strings.Cut(strings.ToLower(s[len(scheme):]), ":")
	if len(host) > 253 || !hostShape.MatchString(host) {
		return "", errors.New("there is no valid host name after https://")
	}
	if !withPort || port == "443" {
		return scheme + host, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", errors.New("the port is not a number from 1 to 65535")
	}
	return scheme + host + ":" + port, nil
}

// String gives the identifier as the service writes it.
func (k KeyID) String() string { return k.Vault + "/keys/" + k.Name + "/" + k.Version }

// Equal tells whether both name the same key version. Key Vault identifiers
// compare without regard to case.
func (k KeyID) Equal(o KeyID) bool { return strings.EqualFold(k.String(), o.String()) }

// MarshalText implements encoding.TextMarshaler: String.
func (k KeyID) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: ParseKeyID.
func (k *KeyID) UnmarshalText(text []byte) error {
	id, err := ParseKeyID(string(text))
	*k = id
	return err
}

// check fails unless k is what ParseKeyID would have given.
func (k KeyID) check() error {
	id, err := ParseKeyID(k.String())
	if err == nil && id != k {
		err = fmt.Errorf("key identifier %.200q: the usual spelling is %q", k, id)
	}
	return err
}
