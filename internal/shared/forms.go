package shared

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/hsmattest"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// inspectView is the kind of a file and its fields, in order.
type inspectView struct {
	Kind   string         `json:"kind"`
	Fields []inspectField `json:"fields"`
	Remark string         `json:"remark,omitempty"`

	Fingerprint *fingerprintWords `json:"fingerprint,omitempty"` // of the KEK, for whoever asks for it

	kek *fingerprint.Sum // of the KEK in the file, if there is one
}

type fingerprintWords struct {
	SHA256 fingerprint.Sum `json:"sha256"` // of the SubjectPublicKeyInfo
	Words  []string        `json:"words"`
}

type inspectField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// view takes names and values in turn; a field without a value is left out.
func view(kind string, pairs ...string) inspectView {
	v := inspectView{Kind: kind, Fields: []inspectField{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Fields = append(v.Fields, inspectField{pairs[i], pairs[i+1]})
		}
	}
	return v
}

func inspectBlob(title, name string, data []byte) (inspectView, error) {
	b, err := transfer.ParseBlob(name, data)
	if err != nil {
		return inspectView{}, err
	}
	return view(title, "KEK", b.KEK.String(), "generator", b.Generator,
		"ciphertext", fmt.Sprintf("%d bytes", len(b.Ciphertext))), nil
}

func inspectManifest(title, name string, data []byte) (inspectView, error) {
	if _, err := transfer.ParseManifest(name, data); err != nil {
		return inspectView{}, err
	}
	return inspectJSON(title, name, data)
}

func inspectStatement(title, name string, data []byte) (inspectView, error) {
	if _, err := statement.Parse(name, data); err != nil {
		return inspectView{}, err
	}
	return inspectJSON(title, name, data)
}

func inspectKEK(title, name string, data []byte) (inspectView, error) {
	k, err := toolset.ParseKEKPackage(name, data)
	if err != nil {
		return inspectView{}, err
	}
	v := view(title, append(kekRows(k), "SecurityWorld SHA-256", k.SecurityWorld.String())...)
	v.kek, err = kekFingerprint(k)
	return v, err
}

func inspectWorld(title, name string, data []byte) (inspectView, error) {
	s, err := toolset.ParseSecurityWorldPackage(name, data)
	if err != nil {
		return inspectView{}, err
	}
	head := []string{"mark", string(s.Mark), "suffix", s.Suffix, "generation", fmt.Sprint(s.Generation)}
	return view(title, append(head, worldRows(s)...)...), nil
}

func inspectZip(title, name string, data []byte) (inspectView, error) {
	pair, err := toolset.Unzip(name, data)
	if err != nil {
		return inspectView{}, err
	}
	v := view(title, append(kekRows(pair.KEK()), worldRows(pair.SecurityWorld())...)...)
	v.kek, err = kekFingerprint(pair.KEK())
	return v, err
}

func kekFingerprint(k toolset.KEKPackage) (*fingerprint.Sum, error) {
	public, err := keykind.ParsePublicKey(k.PublicKey)
	if err != nil {
		return nil, err
	}
	sum, err := keykind.SPKIHash(public)
	return &sum, err
}

// kekRows are a KEK package's names and values, in turn.
func kekRows(k toolset.KEKPackage) []string {
	return []string{
		"mark", string(k.Mark),
		"suffix", k.Suffix,
		"generation", fmt.Sprint(k.Generation),
		"KEK", k.KID.String(),
		"key_ops", strings.Join(k.KeyOps, " "),
		"HSM platform", k.HSMPlatform,
		"attestation", yes(k.Attestation != nil),
		"created", stamp.Text(k.Created),
		"expires", stamp.Text(k.Expires),
	}
}

// worldRows are a SecurityWorld package's names and values, without those that
// its KEK package has too.
func worldRows(s toolset.SecurityWorldPackage) []string {
	return []string{
		"service", s.Service,
		"cloud", s.Cloud,
		"vault", s.Vault,
		"location", s.Location,
		"tenant", s.Tenant,
		"subscription", s.Subscription,
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "none"
}

// inspectOpaque is for files that say nothing in clear.
func inspectOpaque(title, _ string, data []byte) (inspectView, error) {
	return view(title, "size", fmt.Sprintf("%d bytes", len(data)), "SHA-256", fingerprint.Of(data).String()), nil
}

// inspectAttestation says what the file is; the authorization says what was found.
func inspectAttestation(title, name string, data []byte) (inspectView, error) {
	v, err := inspectOpaque(title, name, data)
	v.Fields = append([]inspectField{{"format", hsmattest.FormatOf(data)}}, v.Fields...)
	return v, err
}

func inspectLog(title, _ string, data []byte) (inspectView, error) {
	v := view(title, "lines", fmt.Sprint(bytes.Count(data, []byte("\n"))))
	v.Remark = "byok-offline ceremony verify checks a log where it lies, in local/" + ceremony.FileName
	return v, nil
}

const (
	maxValue  = 100 // characters of a value that are shown
	maxFields = 500
)

// inspectJSON lists the fields of a JSON file, in order, by their path.
func inspectJSON(title, name string, data []byte) (inspectView, error) {
	v := view(title)
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for len(v.Fields) < maxFields {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return v, nil
		}
		if err != nil {
			return inspectView{}, fmt.Errorf("%s: not valid JSON at byte %d", name, d.InputOffset())
		}
		at, names := d.StackIndex(d.StackDepth())
		isName := at == '{' && names%2 == 1
		switch k := token.Kind(); {
		case k == '{' || k == '}' || k == '[' || k == ']' || isName:
		default:
			v.Fields = append(v.Fields, inspectField{path(d.StackPointer()), shorten(token.String())})
		}
	}
	v.Remark = fmt.Sprintf("only the first %d fields are shown", maxFields)
	return v, nil
}

// path turns the JSON pointer /log/lines into log.lines.
func path(p jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
}

func shorten(value string) string {
	value = strings.TrimSuffix(value, "\n")
	if runes := []rune(value); len(runes) > maxValue {
		return string(runes[:maxValue]) + "…"
	}
	return value
}
