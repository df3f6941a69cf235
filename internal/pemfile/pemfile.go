// Package pemfile reads files of X.509 certificates in PEM strictly: what is
// checked is all that is in the file.
//
// Use it for every such file that comes from elsewhere; it verifies no signature.
package pemfile

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Certificates reads certificates (RFC 7468, section 5) with nothing but white space
// around them: pem.Decode alone would skip what it cannot read. Headers are refused.
func Certificates(text []byte) (list []*x509.Certificate, err error) {
	begin := []byte("-----BEGIN ")
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 || !bytes.HasPrefix(rest, begin) ||
			bytes.Count(rest[:len(rest)-len(after)], begin) > 1 {
			return nil, errors.New("text that is not a certificate in PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read", len(list)+1)
		}
		list = append(list, c)
		rest = bytes.TrimSpace(after)
	}
	return list, nil
}
