package kek

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The two services that hold keys in an HSM, as packages and files name them.
const (
	ServiceManagedHSM = "managed-hsm" // Azure Key Vault Managed HSM: it attests its keys
	ServiceVault      = "vault"       // an Azure Key Vault of the Premium tier
)

var hostShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// ParseVault reads the address of a vault, https://<host>[:<port>], and returns
// it in its usual spelling: the host in lower case, and without the port 443
// that https implies (RFC 3986, section 6.2.3).
func ParseVault(address string) (string, error) {
	vault, err := parseVault(address)
	if err != nil {
		return "", fmt.Errorf("vault address %.200q: %w", address, err)
	}
	return vault, nil
}

func parseVault(s string) (string, error) {
	const scheme = "https://"
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return "", errors.New("it does not begin with https://")
	}
	host, port, withPort := strings.Cut(strings.ToLower(s[len(scheme):]), ":")
	if !IsHost(host) {
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

// IsHost reports whether s is a host name in lower case (RFC 1123, section
// 2.1) or an IPv4 address: at most 253 letters, digits, dashes and dots, in
// labels that neither begin nor end with a dash.
func IsHost(s string) bool { return len(s) <= 253 && hostShape.MatchString(s) }

// HostOf returns the host of a vault's address, without the port.
func HostOf(vault string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(vault, "https://"), ":")
	return host
}

// IsManagedHSM reports whether a host is that of a Managed HSM, in any cloud:
// its second label is managedhsm, in any case of letters.
func IsManagedHSM(host string) bool {
	return strings.Contains(strings.ToLower(host), ".managedhsm.")
}

// IsLoopback reports whether a host is this computer, as a rehearsal's vault
// must be: localhost, 127.0.0.1 or ::1.
func IsLoopback(host string) bool {
	switch strings.ToLower(host) {
	case "localhost", "127.0.0.1", "::1", "[::1]":
		return true
	}
	return false
}
