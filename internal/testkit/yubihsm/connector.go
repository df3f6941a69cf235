package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"fmt"
	"io"
	"net"
	"net/http"
)

// ServeHTTP is yubihsm-connector's: GET /connector/status, and one message a
// POST to /connector/api.
func (d *Device) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /connector/status":
		host, port, _ := net.SplitHostPort(r.Host)
		_, _ = fmt.Fprintf(w, "status=OK\nserial=*\nversion=3.0.7\npid=1\naddress=%s\nport=%s\n", host, port)
	case "POST /connector/api":
		request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxMessage))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(d.Exchange(request))
	default:
		http.NotFound(w, r)
	}
}
