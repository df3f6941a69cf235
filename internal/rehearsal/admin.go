package rehearsal

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"byok/internal/exitcode"
	"byok/internal/rehearsal/wire"
	"byok/internal/strictjson"
)

// adminPath is where the faults of a running vault are read (GET) and replaced
// (PUT), with the folder's token and a body of faultList. The service has
// nothing like it.
const adminPath = "/rehearsal/faults"

type faultList struct {
	Faults []string `json:"faults"`
}

// administer serves adminPath.
func (v *vault) administer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != adminPath {
			next.ServeHTTP(w, r)
			return
		}
		err := v.setFaults(w, r)
		v.reply(w, r, faultList{v.faults.texts()}, err)
	})
}

func (v *vault) setFaults(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return nil
	case http.MethodPut:
	default:
		return &wire.Failure{Status: http.StatusMethodNotAllowed, Code: "BadParameter", Message: "expected GET or PUT"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return wire.BadParameter("the request cannot be read").Because(err)
	}
	var in faultList
	if err := strictjson.Unmarshal("faults", body, maxBody, &in); err != nil {
		return wire.BadParameter("%v", err)
	}
	list, err := parseFaults(in.Faults)
	if err != nil {
		return wire.BadParameter("%v", err)
	}
	v.faults.set(list)
	return nil
}

// Faults lists the faults that are switched on in the running vault: what is
// left of each, in the form that SetFaults takes.
func (c *Client) Faults(ctx context.Context) ([]string, error) {
	return c.administer(ctx, http.MethodGet, nil)
}

// SetFaults replaces the faults of the running vault and returns them; none
// switches all of them off. FaultHelp has the form. A fault that is not
// understood is a Usage error, and then nothing is changed.
func (c *Client) SetFaults(ctx context.Context, faults ...string) ([]string, error) {
	if _, err := parseFaults(faults); err != nil {
		return nil, err
	}
	body, err := strictjson.Marshal(faultList{append([]string{}, faults...)})
	if err != nil {
		return nil, exitcode.Mark(exitcode.Failed, err)
	}
	return c.administer(ctx, http.MethodPut, body)
}

func (c *Client) administer(ctx context.Context, method string, body []byte) ([]string, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.URL+adminPath, bytes.NewReader(body))
	if err != nil {
		return nil, exitcode.Mark(exitcode.Failed, err)
	}
	r.Header.Set("Authorization", "Bearer "+string(c.token.Reveal()))
	client := c.HTTP()
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		return nil, exitcode.Hint(exitcode.Mark(exitcode.Vault, err),
			"byok-online rehearsal serve --state DIR runs the vault")
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return nil, exitcode.Mark(exitcode.Vault, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, exitcode.Errorf(exitcode.Vault, "the rehearsal vault answers %s", answer.Status)
	}
	var out faultList
	return out.Faults, exitcode.Mark(exitcode.Vault, strictjson.Unmarshal("faults", data, maxBody, &out))
}
