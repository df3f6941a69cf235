package command

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/urfave/cli/v2"
)

// argumentsOf lists the options that were given, on the command line or by
// their variable, and the files, for the record. No option takes a secret;
// PINs come from files or the terminal.
func argumentsOf(c *cli.Context) []string {
	var given []string
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		if values, ok := c.Value(name).(cli.StringSlice); ok {
			for _, v := range values.Value() {
				given = append(given, "--"+name+"="+redact(v))
			}
			continue
		}
		given = append(given, "--"+name+"="+redact(fmt.Sprint(c.Value(name))))
	}
	files := slices.Clone(c.Args().Slice())
	for i, word := range files {
		files[i] = redact(word)
	}
	return append(given, files...)
}

// secretParts are where people put a password although they should not. They
// are found in the text and not by a URL parser, which gives up on a bare "%".
var secretParts = []struct {
	what    *regexp.Regexp
	instead string
}{
	// User information (RFC 3986, section 3.2.1), also of a user name or
	// password with a slash in it.
	{regexp.MustCompile(`(?s)^([A-Za-z][A-Za-z0-9+.-]*://)[^?#]*@`), "${1}***@"},
	{regexp.MustCompile(`(?s)^[^/?#@\s]+:([^/?#@][^?#@]*)?@`), "***@"},
	// The same in the wrong half of a PKCS#11 URI.
	{regexp.MustCompile(`(?is)(pin-(?:value|source)=)[^;?&]*`), "${1}***"},
	// The query of a URL, or of a PKCS#11 URI (RFC 7512: pin-value).
	{regexp.MustCompile(`(?s)^([A-Za-z][A-Za-z0-9+.-]*:[^?]*\?).*$`), "${1}***"},
}

// redact writes user information and query of a URL as "***": whoever typed
// them gets an error, and the record must not keep them.
func redact(word string) string {
	for _, p := range secretParts {
		word = p.what.ReplaceAllString(word, p.instead)
	}
	return word
}
